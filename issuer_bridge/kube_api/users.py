"""Who asks: tokens, impersonation, and the users and groups that Kubernetes knows by itself.

Without a token to know anybody by, whoever reaches the API is its admin: it
listens on loopback, for tests.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from issuer_bridge.resources import ApiError, Resource

MASTERS, AUTHENTICATED, UNAUTHENTICATED = "system:masters", "system:authenticated", "system:unauthenticated"
_ACCOUNT, _ACCOUNTS = "system:serviceaccount:", "system:serviceaccounts"


@attrs.frozen
class User:
    """A user as reviews describe one."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


ADMIN = User("admin", (MASTERS, AUTHENTICATED))
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


def service_account(namespace: str, name: str) -> User:
    """Return the user that a service account is."""
    return User(f"{_ACCOUNT}{namespace}:{name}", (_ACCOUNTS, f"{_ACCOUNTS}:{namespace}", AUTHENTICATED))


Audit: TypeAlias = Callable[[User, Resource], None]
"""Told of each decision about a request that comes over HTTP: by whom, and the request as it is now."""


@attrs.frozen
class Access:
    """Who is known by which token; with none, everybody is the admin, but for who shows a service account's.

    key: what tokens of service accounts are signed with; with b"" there are none; identities: record even the admin in
    the CertificateRequests that he creates; audit: hears of decisions about them.
    """

    tokens: Mapping[str, User] = attrs.field(factory=dict, repr=False)
    key: bytes = attrs.field(default=b"", repr=False)
    identities: bool = False
    audit: Audit | None = None

    def known(self, token: str) -> User | None:
        """Return whose token it is."""
        found = (user for known, user in self.tokens.items() if hmac.compare_digest(known.encode(), token.encode()))
        return next(found, None)

    def authenticate(self, headers: Mapping[str, str], account: Callable[[str], User | None]) -> User:
        """Return who asks, before impersonation; ApiError 401 for a token of nobody. account: whose token one is."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if not scheme:
            return ANONYMOUS if self.tokens else ADMIN
        token = token.strip() if scheme.lower() == "bearer" else ""
        user = self.known(token) or account(token) or (None if self.tokens else ADMIN)
        if user is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return user


OPEN = Access()


def impersonated(headers: Mapping[str, str]) -> User | None:
    """Return who `Impersonate-User` and `Impersonate-Group` say that a request is to be of."""
    name = headers.get("Impersonate-User", "")
    if not name:
        return None
    several = getattr(headers, "getall", lambda key, _: [headers[key]] if key in headers else [])
    groups = tuple(several("Impersonate-Group", []))
    account = account_of(name)
    if account and not groups:
        return service_account(*account)
    known = AUTHENTICATED in groups or name == ANONYMOUS.name
    return User(name, groups if known else (*groups, AUTHENTICATED), headers.get("Impersonate-Uid", ""))


def account_of(name: str) -> tuple[str, str] | None:
    """Return namespace and name of the service account that a user is, if one."""
    namespace, _, account = name.removeprefix(_ACCOUNT).partition(":") if name.startswith(_ACCOUNT) else ("", "", "")
    return (namespace, account) if namespace and account else None
