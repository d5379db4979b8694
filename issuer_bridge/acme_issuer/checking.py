"""Whether an AcmeIssuer can issue: its spec, its server's directory, its account (registered when there is none).

What a spec must have is decided by cert-manager's `issuer_steps`; other than there, each check asks the server, so that
it may half-open the breaker. An account is looked for before it is made: external account keys are good for once (#2882).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError, is_account_lost
from issuer_bridge.acme_client.resources import AcmeAccount
from issuer_bridge.acme_issuer.classification import Class, Operation, Verdict, verdict
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.acme_issuer.standing import Closed, Standing
from issuer_bridge.acme_issuer.translation import KINDS, as_cert_managers, in_our_words, registered
from issuer_bridge.cert_manager.account_keys import new_key, secret_with
from issuer_bridge.cert_manager.accounts import Accounts, WorldAddress
from issuer_bridge.cert_manager.issuer_steps import (
    Adopt,
    CreateKey,
    Nothing,
    Refuse,
    Register,
    Secrets,
    Step,
    decide,
    secret_names,
)
from issuer_bridge.context import Context
from issuer_bridge.issuer_lib.outcomes import IssuerFault
from issuer_bridge.issuer_lib.values import Issuer
from issuer_bridge.resources import SECRET, ApiError, Resource

T = TypeVar("T")


@attrs.frozen
class Refused(Exception):  # noqa: N818 - says what happened
    """The server's error, and what it was asked for."""

    operation: Operation
    error: TransportError | Problem


class TryAgain(Exception):  # noqa: N818
    """It failed this time."""


def asking(operation: Operation, inquiry: Inquiry[T]) -> Inquiry[T]:
    """Ask the server; Refused when it says no."""
    try:
        return (yield from inquiry)
    except (TransportError, Problem) as error:
        raise Refused(operation, error) from error


class Checks:
    """`check`, and the client that it leaves for `sign`; ready: called with each issuer that has an account."""

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        worlds: Mapping[str, WorldAddress],
        parameters: Parameters,
        standing: Standing,
        cluster_namespace: str,
        user_agent: str,
        ready: Callable[[Resource], None],
    ) -> None:
        self._context, self._accounts, self._worlds = context, accounts, worlds
        self._parameters, self._standing = parameters, standing
        self._cluster_namespace, self._user_agent, self._ready = cluster_namespace, user_agent, ready

    def find(self, issuer: Issuer) -> Resource:
        """Return an issuer as it is now, in cert-manager's shape."""
        found = self._context.resources.get(KINDS[issuer.kind], issuer.namespace, issuer.name)
        if found is None or found["metadata"]["uid"] != issuer.uid:
            raise IssuerFault("it is gone")
        return as_cert_managers(found)

    def parameters(self, issuer: Issuer) -> Parameters:
        """Return the parameters of an issuer."""
        try:
            return self._parameters.of(issuer.spec)
        except ValueError as error:
            raise IssuerFault(str(error), permanent=True) from None

    def check(self, issuer: Issuer) -> Inquiry[None]:
        """Find the account at the server, or make it."""
        parameters, resource = self.parameters(issuer), self.find(issuer)
        try:
            yield from self._check(resource, parameters)
        except Closed as closed:
            if self._accounts.client(resource) is None or self._standing.is_open(
                resource, parameters.breaker_threshold
            ):
                raise IssuerFault(str(closed), after=closed.left) from closed

    def _check(self, resource: Resource, parameters: Parameters) -> Inquiry[None]:
        step = self._step(resource, lost=True)
        if isinstance(step, CreateKey):
            yield from self._create_key(resource)
            step = self._step(resource, lost=True)
        if isinstance(step, Refuse):
            self._accounts.forget(resource)
            raise IssuerFault(in_our_words(step.message), permanent=True)
        if not isinstance(step, Register):
            raise TryAgain("the Secret of the account key is not there yet")
        try:
            yield from self._account(resource, step)
        except Refused as refused:
            found = verdict(refused.error, refused.operation, self._context.clock(), parameters.max_rate_limit_wait)
            yield from self._standing.note(resource, found)
            raise _outcome(found) from refused

    def client(self, resource: Resource) -> Client:
        """Return the client of an issuer's account; IssuerFault where `check` has to find it first."""
        step = self._step(resource, lost=self._accounts.is_lost(resource))
        if isinstance(step, Adopt):
            client = self._new_client(resource, step)
            client.resume(step.uri)
            self._accounts.put(resource, step.target, client)
        elif isinstance(step, Refuse):
            raise IssuerFault(in_our_words(step.message), permanent=True)
        known = self._accounts.client(resource)
        if known is None or not isinstance(step, Adopt | Nothing):
            raise IssuerFault("its account is to be registered")
        return known

    def _step(self, resource: Resource, *, lost: bool) -> Step:
        namespace = str(resource["metadata"].get("namespace") or self._cluster_namespace)
        found = ((name, self._context.resources.get(SECRET, namespace, name)) for name in secret_names(resource))
        held = Secrets(namespace, {name: secret for name, secret in found if secret is not None})
        return decide(resource, held, self._worlds, self._accounts.target(resource), lost=lost)

    def _create_key(self, resource: Resource) -> Inquiry[None]:
        namespace = str(resource["metadata"].get("namespace") or self._cluster_namespace)
        reference = resource["spec"]["acme"]["privateKeySecretRef"]
        try:
            yield from self._context.resources.create(
                SECRET, secret_with(new_key(self._context.entropy), reference, namespace)
            )
        except ApiError as error:
            if error.reason != "AlreadyExists":  # it came meanwhile
                raise TryAgain(f"the Secret of the account key cannot be made: {error}") from None

    def _new_client(self, resource: Resource, step: Adopt | Register) -> Client:
        target = step.target
        return Client(
            target.directory_url,
            step.key,
            self._context.clock,
            trust=target.trust,
            verify=target.verify,
            user_agent=self._user_agent,
            gate=lambda: self._standing.keep_out(resource),
        )

    def _account(self, resource: Resource, step: Register) -> Inquiry[None]:
        target, client = step.target, self._new_client(resource, step)
        contact = (f"mailto:{target.email.lower()}",) if target.email else ()
        yield from asking(Operation.CHECK, client.directory())
        account = yield from asking(Operation.ACCOUNT, _find_or_make(client, contact, step))
        if account.status != "valid":
            text = f"the server says that the account is {account.status}; delete its Secret to begin with a new key"
            raise IssuerFault(text, permanent=True)
        known = (resource.get("status") or {}).get("lastRegisteredEmail", "")
        if not account.created and account.contact != contact and known != target.email:
            yield from asking(Operation.ACCOUNT, client.update_contact(contact))
        anew = self._accounts.client(resource) is None or account.created
        self._accounts.put(resource, target, client)
        self._standing.well(resource)
        yield from self._standing.write(resource, lambda _: registered(account.url, target.email, target.key_hash))
        yield from self._standing.mark(resource, "TermsChanged", "")
        if anew:
            self._context.note("IssuerRegistered", resource, account=account.url)
            self._ready(resource)


def _find_or_make(client: Client, contact: tuple[str, ...], step: Register) -> Inquiry[AcmeAccount]:
    try:
        return (yield from client.register(only_existing=True))
    except Problem as problem:
        if not is_account_lost(problem):
            raise
    return (yield from client.register(contact, external=step.external))


def _outcome(found: Verdict) -> Exception:
    """Return what a check raises for an error."""
    if found.becomes in (Class.RETRY, Class.REFRESH):
        return TryAgain(found.message)
    permanent = found.becomes in (Class.PERMANENT, Class.ISSUER_PERMANENT)
    return IssuerFault(found.message, permanent, None if permanent else found.after)
