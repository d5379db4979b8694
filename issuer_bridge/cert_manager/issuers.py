"""Issuers and ClusterIssuers: find the server, keep the account key, register, say Ready.

The order of the checks is upstream's (`pkg/issuer/acme/setup.go`). An account
is registered anew whenever we hold no client for it, so a server that lost its
accounts gets them back.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import attrs

from acme_server.protocol.jwk import PrivateKey
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError, is_transient, retry_after
from issuer_bridge.acme_client.resources import AcmeAccount
from issuer_bridge.cert_manager.account_keys import hash_of, new_key, read_key, secret_with
from issuer_bridge.cert_manager.accounts import Accounts, Target, WorldAddress, acme_of
from issuer_bridge.conditions import READY, is_true, set_condition
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.resources import CLUSTER_ISSUER, ISSUER, SECRET, Kind, Resource

REGISTERED = "The ACME account was registered with the ACME server"


@attrs.frozen
class Nothing:
    """It is as it should be, or not ours."""


@attrs.frozen
class Refuse:
    """Say Ready=False; only a change of the issuer or its Secret helps."""

    reason: str
    message: str


@attrs.frozen
class CreateKey:
    """Make an account key and keep it in the Secret."""


@attrs.frozen
class Register:
    """Register the account at the server."""

    target: Target
    key: PrivateKey = attrs.field(repr=False)


Step: TypeAlias = Nothing | Refuse | CreateKey | Register


def decide(
    issuer: Resource,
    secret: Resource | None,
    worlds: Mapping[str, WorldAddress],
    registered: Target | None = None,
    refused: Target | None = None,
) -> Step:
    """Return what an issuer needs next; `registered` is what its client was made for, `refused` what never will be."""
    acme: Any = acme_of(issuer)
    if acme is None:
        return Nothing()
    try:
        directory_url, trust = resolve_server(str(acme.get("server", "")), worlds)
    except ValueError as error:
        return Refuse("InvalidURL", str(error))
    try:
        trust = _bundle(acme) or trust
    except ValueError as error:
        return Refuse("InvalidConfig", str(error))
    if secret is None and acme.get("disableAccountKeyGeneration"):
        return Refuse("ErrVerifyACMEAccount", "Failed to verify ACME account: its Secret is missing")
    if secret is None:
        return CreateKey()
    try:
        key = read_key(secret, acme["privateKeySecretRef"])
    except ValueError as error:
        text = f"Account private key is invalid: Secret {secret['metadata']['name']!r}: {error}"
        return Refuse("ErrVerifyACMEAccount", text)
    target = Target(
        directory_url,
        trust,
        verify=not acme.get("skipTLSVerify"),
        key_hash=hash_of(key),
        email=str(acme.get("email") or ""),
        generation=issuer["metadata"].get("generation", 0),
    )
    if target == refused or (target == registered and is_true(issuer, READY)):
        return Nothing()
    return Register(target, key)


def resolve_server(server: str, worlds: Mapping[str, WorldAddress]) -> tuple[str, str | None]:
    """Return a directory URL and the roots to trust; `gravel://NAME` is a world of this process."""
    try:
        url = urlsplit(server)
        host = url.hostname
    except ValueError as error:
        raise ValueError(f"spec.acme.server {server!r} is not a URL: {error}") from None
    if url.scheme == "gravel":
        world = worlds.get(url.netloc)
        if world is None:
            known = ", ".join(f"gravel://{name}" for name in sorted(worlds))
            raise ValueError(f"spec.acme.server {server!r} names a world that does not run here; these do: {known}")
        return world.directory_url, world.trust_pem
    if url.scheme not in ("http", "https") or not host:
        raise ValueError(f"spec.acme.server {server!r} is neither an http(s) URL nor gravel://WORLD")
    return server, None


def _bundle(acme: Mapping[str, Any]) -> str | None:
    bundle = acme.get("caBundle")
    if not bundle:
        return None
    try:
        text = base64.b64decode(bundle, validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, TypeError):
        text = ""
    if not re.search("-----BEGIN CERTIFICATE-----", text):
        raise ValueError("spec.acme.caBundle is not the base64 of PEM certificates")
    return text


class Issuers:
    """The controller of both kinds; `ready` is called with each issuer that has an account."""

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        worlds: Mapping[str, WorldAddress],
        cluster_namespace: str,
        user_agent: str,
        ready: Callable[[Resource], None],
    ) -> None:
        self._context = context
        self._accounts = accounts
        self._worlds = worlds
        self._cluster_namespace = cluster_namespace
        self._user_agent = user_agent
        self._ready = ready

    def secret_of(self, issuer: Resource) -> tuple[str, str]:
        """Return namespace and name of the Secret with the account key."""
        acme: Any = acme_of(issuer) or {}
        name = (acme.get("privateKeySecretRef") or {}).get("name", "")
        return issuer["metadata"].get("namespace") or self._cluster_namespace, name

    def sync(self, kind: Kind, namespace: str, name: str) -> Inquiry[Outcome]:
        """Take one step with one issuer."""
        issuer = self._context.resources.get(kind, namespace, name)
        if issuer is None:
            return Done()
        secret = self._context.resources.get(SECRET, *self.secret_of(issuer))
        accounts = self._accounts
        step = decide(issuer, secret, self._worlds, accounts.target(issuer), accounts.refused(issuer))
        match step:
            case Refuse(reason=reason, message=message):
                self._accounts.forget(issuer)
                yield from self._report(issuer, "False", reason, message)
            case CreateKey():
                reference = issuer["spec"]["acme"]["privateKeySecretRef"]
                key_secret = secret_with(new_key(self._context.entropy), reference, self.secret_of(issuer)[0])
                yield from self._context.resources.create(SECRET, key_secret)
                return Wait(timedelta(0))
            case Register(target=target, key=key):
                return (yield from self._register(issuer, target, key))
        return Done()

    def _register(self, issuer: Resource, target: Target, key: PrivateKey) -> Inquiry[Outcome]:
        client = Client(
            target.directory_url,
            key,
            self._context.clock,
            trust=target.trust,
            verify=target.verify,
            user_agent=self._user_agent,
        )
        try:
            account = yield from _registered(client, target.email)
        except TransportError as error:
            return (yield from self._failed(issuer, str(error), Retry(str(error))))
        except Problem as problem:
            if is_transient(problem):
                wait = Retry(str(problem), retry_after(problem, self._context.clock()))
                return (yield from self._failed(issuer, str(problem), wait))
            return (yield from self._refused(issuer, target, str(problem)))
        if account.status != "valid":
            text = f"the server says that it is {account.status}; delete the Secret to begin with a new key"
            return (yield from self._refused(issuer, target, text))
        self._accounts.put(issuer, target, client)
        acme = {"uri": account.url, "lastRegisteredEmail": target.email, "lastPrivateKeyHash": target.key_hash}
        yield from self._report(issuer, "True", "ACMEAccountRegistered", REGISTERED, acme)
        self._context.note("IssuerRegistered", issuer, account=account.url)
        self._ready(issuer)
        return Done()

    def _refused(self, issuer: Resource, target: Target, text: str) -> Inquiry[Outcome]:
        self._accounts.refuse(issuer, target)
        return (yield from self._failed(issuer, text, Done()))

    def _failed(self, issuer: Resource, text: str, outcome: Outcome) -> Inquiry[Outcome]:
        message = f"Failed to register ACME account: {text}"
        yield from self._report(issuer, "False", "ErrRegisterACMEAccount", message)
        return outcome

    def _report(
        self, issuer: Resource, status: str, reason: str, message: str, acme: Mapping[str, str] | None = None
    ) -> Inquiry[None]:
        """Write the Ready condition; news that is bad becomes an event and a fact as well."""
        old = issuer.get("status") or {}
        generation = issuer["metadata"].get("generation")
        conditions = set_condition(
            old.get("conditions") or (), READY, status, reason, message, self._context.clock(), generation
        )
        new = {**old, "conditions": conditions, **({"acme": dict(acme)} if acme else {})}
        if new == old:
            return
        kind = CLUSTER_ISSUER if issuer["kind"] == CLUSTER_ISSUER.kind else ISSUER
        yield from self._context.write_status(kind, issuer, new)
        if status != "True":
            self._context.note("IssuerRefused", issuer, reason=reason, message=message)
            yield from self._context.recorder.warning(issuer, reason, message)


def _registered(client: Client, email: str) -> Inquiry[AcmeAccount]:
    """Register, and correct the contact of an account that existed before."""
    contact = (f"mailto:{email.lower()}",) if email else ()
    account = yield from client.register(contact)
    if account.status == "valid" and contact and account.contact and account.contact != contact:
        account = yield from client.update_contact(contact)
    return account
