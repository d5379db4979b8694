"""Issuers and ClusterIssuers: find the server, keep the account key, register, say Ready.

What comes next is decided by `issuer_steps`. An account that the status names
is used without asking the server (as upstream, over restarts too); when the
server turns out to have lost it, it is registered again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from acme_server.protocol.jwk import PrivateKey
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError, is_transient, retry_after
from issuer_bridge.acme_client.traffic import Traffic
from issuer_bridge.cert_manager.account_keys import new_key, secret_with
from issuer_bridge.cert_manager.accounts import Accounts, Target, WorldAddress, acme_of
from issuer_bridge.cert_manager.issuer_steps import (
    MESSAGES,
    REGISTRATION_FAILED,
    UPDATE_FAILED,
    Adopt,
    CreateKey,
    Refuse,
    Register,
    Secrets,
    decide,
    secret_names,
)
from issuer_bridge.cert_manager.local_issuers import verify
from issuer_bridge.cert_manager.remote_issuers import RemoteIssuer, type_of
from issuer_bridge.conditions import READY, set_condition
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.resources import CLUSTER_ISSUER, ISSUER, SECRET, ApiError, Kind, Resource

REGISTERED = ("True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server")
# When an issuer that something keeps from signing is looked at again.
RECHECK = timedelta(seconds=5)
WILL_BE_RETRIED = ("ErrInitIssuer", "Error initializing issuer: ")


class Issuers:
    """The controller of both kinds; `ready` is called with each issuer that has an account, `traffic` counts.

    upstream: take and make the account keys that cert-manager does, and give up where it does; remotes: the types whose
    CA is asked over a protocol of its own.
    """

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        worlds: Mapping[str, WorldAddress],
        cluster_namespace: str,
        user_agent: str,
        ready: Callable[[Resource], None],
        traffic: Traffic,
        *,
        upstream: bool = False,
        remotes: Mapping[str, RemoteIssuer] | None = None,
    ) -> None:
        self._context = context
        self._remotes = remotes or {}
        self._accounts = accounts
        self._worlds = worlds
        self._cluster_namespace = cluster_namespace
        self._user_agent = user_agent
        self._ready = ready
        self._traffic = traffic
        self._upstream = upstream

    def secrets_of(self, issuer: Resource) -> tuple[tuple[str, str], ...]:
        """Return namespace and name of each Secret that the issuer refers to."""
        namespace = self._namespace_of(issuer)
        return tuple((namespace, name) for name in secret_names(issuer))

    def _namespace_of(self, issuer: Resource) -> str:
        return str(issuer["metadata"].get("namespace") or self._cluster_namespace)

    def sync(self, kind: Kind, namespace: str, name: str) -> Inquiry[Outcome]:
        """Take one step with one issuer."""
        issuer = self._context.resources.get(kind, namespace, name)
        if issuer is None:
            return Done()
        found = ((place[1], self._context.resources.get(SECRET, *place)) for place in self.secrets_of(issuer))
        held = {name: secret for name, secret in found if secret is not None}
        if acme_of(issuer) is None:
            return (yield from self._verify(issuer, next(iter(held.values()), None)))
        accounts = self._accounts
        step = decide(
            issuer,
            Secrets(self._namespace_of(issuer), held),
            self._worlds,
            accounts.target(issuer),
            accounts.refused(issuer),
            lost=accounts.is_lost(issuer),
            upstream=self._upstream,
        )
        match step:
            case Refuse(reason=reason, message=message, keep=keep):
                if not keep:
                    accounts.forget(issuer)
                yield from self._report(issuer, "False", reason, message)
            case CreateKey():
                return (yield from self._create_key(issuer))
            case Adopt(target=target, key=key, uri=uri):
                client = self._client(target, key)
                client.resume(uri)
                accounts.put(issuer, target, client)
                yield from self._report(issuer, *REGISTERED)
                self._ready(issuer)
            case Register():
                return (yield from self._register(issuer, step))
        return Done()

    def _verify(self, issuer: Resource, secret: Resource | None) -> Inquiry[Outcome]:
        """Say whether an issuer of another type than ACME can sign; a change of its Secret asks again."""
        if issuer["spec"].get("ca") is not None and (obstacle := self._context.disturbances.standing(issuer)):
            yield from self._report(issuer, "False", obstacle.reason, obstacle.message)
            return Wait(RECHECK)
        namespace = self._namespace_of(issuer)
        remote = self._remotes.get(type_of(issuer))
        verdict = (
            (yield from remote.verify(issuer)) if remote else verify(issuer, namespace, secret, upstream=self._upstream)
        )
        if verdict is None:
            return Done()
        ready = ("True" if verdict.ready else "False", verdict.reason, verdict.message)
        changed = yield from self._report(issuer, *ready)
        if changed and verdict.event:
            yield from self._context.recorder.normal(issuer, *verdict.event)
        if changed and verdict.error:
            yield from self._context.recorder.warning(issuer, WILL_BE_RETRIED[0], WILL_BE_RETRIED[1] + verdict.error)
        return Retry(verdict.error) if remote and verdict.error else Done()

    def _create_key(self, issuer: Resource) -> Inquiry[Outcome]:
        reference = issuer["spec"]["acme"]["privateKeySecretRef"]
        key = new_key(self._context.entropy, rsa_key=self._upstream)
        secret = secret_with(key, reference, self._namespace_of(issuer), upstream=self._upstream)
        try:
            yield from self._context.resources.create(SECRET, secret)
        except ApiError as error:
            if error.reason == "AlreadyExists":  # it came meanwhile
                return Wait(timedelta(0))
            return (yield from self._failed(issuer, REGISTRATION_FAILED, str(error), Retry(str(error))))
        return Wait(timedelta(0))

    def _client(self, target: Target, key: PrivateKey) -> Client:
        return Client(
            target.directory_url,
            key,
            self._context.clock,
            trust=target.trust,
            verify=target.verify,
            user_agent=self._user_agent,
            traffic=self._traffic,
        )

    def _register(self, issuer: Resource, step: Register) -> Inquiry[Outcome]:
        """Register, and correct the contact of an account that existed before."""
        target, client = step.target, self._client(step.target, step.key)
        contact = (f"mailto:{target.email.lower()}",) if target.email else ()
        reason = REGISTRATION_FAILED
        try:
            account = yield from client.register(contact, external=step.external)
            if account.status == "valid" and not account.created and account.contact != contact:
                reason = UPDATE_FAILED
                account = yield from client.update_contact(contact)
        except TransportError as error:
            return (yield from self._failed(issuer, reason, str(error), Retry(str(error)), step.moved))
        except Problem as problem:
            if is_transient(problem) and not (self._upstream and problem.status < 500):
                wait = Retry(str(problem), retry_after(problem, self._context.clock()))
                return (yield from self._failed(issuer, reason, str(problem), wait, step.moved))
            return (yield from self._refused(issuer, step, reason, str(problem)))
        if account.status != "valid":
            text = f"the server says that it is {account.status}; delete the Secret to begin with a new key"
            return (yield from self._refused(issuer, step, reason, text))
        self._accounts.put(issuer, target, client)
        acme = {"uri": account.url, "lastRegisteredEmail": target.email, "lastPrivateKeyHash": target.key_hash}
        yield from self._report(issuer, *REGISTERED, acme)
        self._context.note("IssuerRegistered", issuer, account=account.url)
        self._ready(issuer)
        return Done()

    def _refused(self, issuer: Resource, step: Register, reason: str, text: str) -> Inquiry[Outcome]:
        self._accounts.refuse(issuer, (step.target, step.external))
        return (yield from self._failed(issuer, reason, text, Done(), step.moved))

    def _failed(
        self, issuer: Resource, reason: str, text: str, outcome: Outcome, moved: bool = False
    ) -> Inquiry[Outcome]:
        known = (issuer.get("status") or {}).get("acme") or {}
        acme = {**known, "uri": ""} if moved and known else None
        yield from self._report(
            issuer, "False", reason, MESSAGES[reason] + text, acme, retried=isinstance(outcome, Retry)
        )
        return outcome

    def _report(
        self,
        issuer: Resource,
        status: str,
        reason: str,
        message: str,
        acme: Mapping[str, str] | None = None,
        *,
        retried: bool = False,
    ) -> Inquiry[bool]:
        """Write the Ready condition and say whether it is news; what is bad becomes an event and a fact as well."""
        old = issuer.get("status") or {}
        generation = issuer["metadata"].get("generation")
        conditions = set_condition(
            old.get("conditions") or (), READY, status, reason, message, self._context.clock(), generation
        )
        new: dict[str, Any] = {**old, "conditions": conditions, **({"acme": dict(acme)} if acme else {})}
        if new == old:
            return False
        kind = CLUSTER_ISSUER if issuer["kind"] == CLUSTER_ISSUER.kind else ISSUER
        yield from self._context.write_status(kind, issuer, new)
        if status == "True":
            return True
        self._context.note("IssuerRefused", issuer, reason=reason, message=message)
        if reason == UPDATE_FAILED or not retried:
            yield from self._context.recorder.warning(issuer, reason, message)
        if retried:
            yield from self._context.recorder.warning(issuer, WILL_BE_RETRIED[0], WILL_BE_RETRIED[1] + message)
        return True
