"""The server's resources as its client reads them (RFC 8555 section 7.1): what we need, and nothing else.

A document without what the RFC requires raises `TransportError`: it says
nothing that we could act on, and a later answer may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

import attrs

from acme_server.protocol.problem import Problem
from acme_server.protocol.status import AccountStatus, AuthorizationStatus, ChallengeStatus, OrderStatus
from issuer_bridge.acme_client.errors import TransportError, read_problem

_TOKEN = re.compile(r"[A-Za-z0-9_-]{0,512}")


@attrs.frozen
class AcmeAccount:
    """Section 7.1.2; `created`: by the request that it answers."""

    url: str
    status: str
    contact: tuple[str, ...] = ()
    created: bool = False


@attrs.frozen
class AcmeOrder:
    """Section 7.1.3; `location`: where the answer to finalize says that the order is, empty when it does not."""

    url: str
    status: str
    finalize: str
    authorizations: tuple[str, ...] = ()
    certificate: str | None = None
    error: Problem | None = None
    retry_after: timedelta | None = None
    location: str = ""


@attrs.frozen
class AcmeChallenge:
    """Section 7.1.5; a type without a token has an empty one."""

    type: str
    url: str
    status: str
    token: str = ""
    error: Problem | None = None
    retry_after: timedelta | None = None


@attrs.frozen
class AcmeAuthorization:
    """Section 7.1.4; `identifier` is its bare value."""

    url: str
    identifier: str
    status: str
    wildcard: bool = False
    challenges: tuple[AcmeChallenge, ...] = ()
    retry_after: timedelta | None = None

    def challenge(self, url: str) -> AcmeChallenge | None:
        """Return the challenge at a URL."""
        return next((challenge for challenge in self.challenges if challenge.url == url), None)


def read_account(url: str, document: Mapping[str, Any], *, created: bool = False) -> AcmeAccount:
    """Read an account object."""
    contact = document.get("contact") or ()
    if not isinstance(contact, list | tuple):
        raise TransportError("the server's account has a 'contact' that is not a list of URLs")
    status = _status(document, AccountStatus, "account")
    return AcmeAccount(url, status, tuple(str(item) for item in contact), created)


def read_order(url: str, document: Mapping[str, Any], retry_after: timedelta | None = None) -> AcmeOrder:
    """Read an order object."""
    authorizations = document.get("authorizations") or ()
    if not isinstance(authorizations, list | tuple) or not all(isinstance(item, str) for item in authorizations):
        raise TransportError("the server's order has 'authorizations' that are not a list of URLs")
    status = _status(document, OrderStatus, "order")
    return AcmeOrder(
        url=url,
        status=status,
        finalize=_text(document, "finalize", "order"),
        authorizations=tuple(authorizations),
        certificate=_text(document, "certificate", "order") if status == "valid" else None,
        error=_error(document),
        retry_after=retry_after,
    )


def read_challenge(document: Any, retry_after: timedelta | None = None) -> AcmeChallenge:
    """Read a challenge object."""
    if not isinstance(document, Mapping):
        raise TransportError("the server's challenge is not an object")
    return AcmeChallenge(
        type=_text(document, "type", "challenge"),
        url=_text(document, "url", "challenge"),
        status=_status(document, ChallengeStatus, "challenge"),
        token=_token(document),
        error=_error(document),
        retry_after=retry_after,
    )


def read_authorization(
    url: str, document: Mapping[str, Any], retry_after: timedelta | None = None
) -> AcmeAuthorization:
    """Read an authorization object."""
    identifier, challenges = document.get("identifier"), document.get("challenges")
    if not isinstance(identifier, Mapping) or not isinstance(challenges, list):
        raise TransportError("the server's authorization has no 'identifier' or no 'challenges'")
    return AcmeAuthorization(
        url=url,
        identifier=_text(identifier, "value", "identifier"),
        status=_status(document, AuthorizationStatus, "authorization"),
        wildcard=document.get("wildcard") is True,
        challenges=tuple(read_challenge(item) for item in challenges),
        retry_after=retry_after,
    )


def _text(document: Mapping[str, Any], name: str, what: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise TransportError(f"the server's {what} has no {name!r}")
    return value


def _token(document: Mapping[str, Any]) -> str:
    """Return a challenge's token, which becomes part of paths and of names (section 8.3)."""
    token = document.get("token", "")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise TransportError("the server's challenge has a 'token' that is not base64url")
    return token


def _status(document: Mapping[str, Any], statuses: type[StrEnum], what: str) -> str:
    """Return a status that RFC 8555 knows; of another one we could not say what it means."""
    status = _text(document, "status", what)
    if status not in [known.value for known in statuses]:
        raise TransportError(f"the server's {what} has the status {status[:32]!r}, which RFC 8555 does not know")
    return status


def _error(document: Mapping[str, Any]) -> Problem | None:
    error = document.get("error")
    return read_problem(error) if isinstance(error, Mapping) else None
