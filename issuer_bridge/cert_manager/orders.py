"""Carries out what `order_steps` decides: one step with the ACME server, one write to the Order's status.

Better than upstream where its own issues ask for it: a rate limit or an error
of the server's is waited out and tried again (cert-manager#5867), and an order
that is processing is asked about again (cert-manager#5062).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError, is_account_lost, is_transient, retry_after
from issuer_bridge.acme_client.resources import AcmeOrder
from issuer_bridge.cert_manager.accounts import Accounts
from issuer_bridge.cert_manager.order_status import described, failed, identifiers_of, placed, settled
from issuer_bridge.cert_manager.order_steps import (
    CreateChallenges,
    DeleteChallenges,
    FetchAuthorization,
    Finalize,
    LookAtOrder,
    NewOrder,
    NoSolver,
    Nothing,
    View,
    decide,
)
from issuer_bridge.context import Context
from issuer_bridge.durations import parse_duration
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.pem import encode, read_request
from issuer_bridge.references import issuer_for
from issuer_bridge.resources import CHALLENGE, ORDER, ApiError, Resource

POLL_PERIOD = timedelta(seconds=5)
NO_SOLVER = "Failed to determine a valid solver configuration for the set of domains on the Order"

# What each step was doing, for the reason of an order that the server refuses.
DOING: Mapping[type, str] = {
    NewOrder: "Failed to create Order",
    LookAtOrder: "Failed to retrieve Order resource",
    FetchAuthorization: "Failed to fetch authorization",
    Finalize: "Failed to finalize Order",
}
FACT_OF: Mapping[str, str] = {
    "ready": "OrderReady",
    "processing": "OrderProcessing",
    "valid": "OrderValid",
    "invalid": "OrderFailed",
    "expired": "OrderFailed",
    "errored": "OrderFailed",
}


@attrs.frozen
class Hopeless(Exception):  # noqa: N818 - says what the order is
    """The order asks for what cannot be; there is no point in asking the server."""

    reason: str


class Orders:
    """The controller of Orders.

    owned: the names of the Challenges of an order; account_lost: called with an
    issuer whose account the server has forgotten.
    """

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        owned: Callable[[Resource], Sequence[str]],
        account_lost: Callable[[Resource], None],
        *,
        keep_challenges: bool = True,
    ) -> None:
        self._context = context
        self._resources = context.resources
        self._accounts = accounts
        self._owned = owned
        self._account_lost = account_lost
        self._keep_challenges = keep_challenges

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Take one step with one order."""
        order = self._resources.get(ORDER, namespace, name)
        if order is None:
            return Done()
        issuer = issuer_for(self._resources, order)
        client = self._accounts.client(issuer)
        step = decide(
            View(
                order,
                issuer,
                client.key_authorization if client else None,
                lambda name: self._resources.get(CHALLENGE, namespace, name),
                self._owned(order),
                self._keep_challenges,
            )
        )
        if isinstance(step, CreateChallenges):
            return (yield from self._create(order, step.challenges))
        if isinstance(step, DeleteChallenges):
            return (yield from self._delete(order, step.names))
        if isinstance(step, NoSolver):
            return (yield from self._no_solver(order, step.message))
        if client is None or issuer is None or isinstance(step, Nothing):
            return Done()
        try:
            return (yield from self._ask(order, client, step))
        except TransportError as error:
            return Retry(f"{DOING[type(step)]}: {error}")
        except Hopeless as error:
            return (yield from self._fail(order, f"{DOING[type(step)]}: {error.reason}"))
        except Problem as problem:
            return (yield from self._refused(order, issuer, f"{DOING[type(step)]}: {problem}", problem))

    def _ask(
        self, order: Resource, client: Client, step: NewOrder | LookAtOrder | FetchAuthorization | Finalize
    ) -> Inquiry[Outcome]:
        """Take a step that needs the ACME server."""
        match step:
            case NewOrder():
                return (yield from self._new_order(order, client))
            case FetchAuthorization(url=url):
                authorization = yield from client.authorization(url)
                yield from self._save(order, described(_status(order), authorization))
                return Done()
            case Finalize(challenges=challenges):
                return (yield from self._finalize(order, client, challenges))
            case LookAtOrder(challenges=challenges):
                answer = yield from client.order(order["status"]["url"])
                return (yield from self._settle(order, client, answer, challenges))

    def _new_order(self, order: Resource, client: Client) -> Inquiry[Outcome]:
        spec, now = order["spec"], self._context.clock()
        profile = spec.get("profile")
        if profile:
            known = yield from client.profiles()
            if not known:
                raise Hopeless("certificate authority does not support profiles")
            if profile not in known:
                text = f"certificate authority does not advertise a profile with name {profile}"
                raise Hopeless(f"{text}; it has: {', '.join(known)}")
        try:
            not_after = now + parse_duration(spec["duration"]) if spec.get("duration") else None
        except ValueError as error:
            raise Hopeless(f"spec.duration: {error}") from None
        answer = yield from client.new_order(identifiers_of(spec), not_after=not_after, profile=profile)
        self._context.note("OrderPlaced", order, url=answer.url, status=answer.status)
        yield from self._save(order, placed(_status(order), answer, self._context.clock()))
        return Done()

    def _finalize(self, order: Resource, client: Client, challenges: Sequence[Resource]) -> Inquiry[Outcome]:
        """Finalize once: only an order that the server calls ready right now, so also after a crash."""
        status = order["status"]
        answer = yield from client.order(status["url"])
        if answer.status == "ready":
            csr = _csr_of(order)
            try:
                answer = yield from client.finalize(status["finalizeURL"], status["url"], csr)
                self._context.note("OrderFinalized", order)
            except Problem as problem:
                if problem.status != 403:
                    raise
                answer = yield from client.order(status["url"])
                if answer.status == "ready" and problem.kind == "orderNotReady":
                    return Retry(str(problem))
                if answer.status == "ready":
                    raise
        return (yield from self._settle(order, client, answer, challenges))

    def _settle(
        self, order: Resource, client: Client, answer: AcmeOrder, challenges: Sequence[Resource]
    ) -> Inquiry[Outcome]:
        """Copy what the server says of the order, with the certificate when there is one."""
        status = settled(_status(order), answer, challenges, self._context.clock())
        if answer.status == "valid":
            return (yield from self._complete(order, client, answer, status))
        yield from self._save(order, status)
        if answer.retry_after is not None and answer.status in ("pending", "processing"):
            return Wait(max(answer.retry_after, timedelta(seconds=1)), held=True)
        return Wait(POLL_PERIOD) if status["state"] in ("pending", "processing") else Done()

    def _complete(self, order: Resource, client: Client, answer: AcmeOrder, status: dict[str, Any]) -> Inquiry[Outcome]:
        """Download the chain; when that fails, at least remember that the order is valid."""
        assert answer.certificate is not None
        try:
            chain = yield from client.certificate(answer.certificate)
        except TransportError as error:
            yield from self._save(order, status)
            return Retry(f"Failed to retrieve signed certificate: {error}")
        except Problem as problem:
            yield from self._save(order, status)
            if is_transient(problem):
                wait = retry_after(problem, self._context.clock())
                return Retry(f"Failed to retrieve signed certificate: {problem}", wait)
            return (yield from self._fail(order, f"Failed to retrieve signed certificate: {problem}"))
        yield from self._save(order, {**status, "certificate": encode(chain)})
        self._context.note("CertificateFetched", order, url=answer.certificate)
        yield from self._context.recorder.normal(order, "Complete", "Order completed successfully")
        return Done()

    def _refused(self, order: Resource, issuer: Resource, text: str, problem: Problem) -> Inquiry[Outcome]:
        """Say what the server's refusal means for the order: wait, register again, or the end."""
        if is_account_lost(problem):
            self._account_lost(issuer)
            return Retry(text)
        if is_transient(problem):
            return Retry(text, retry_after(problem, self._context.clock()))
        return (yield from self._fail(order, text))

    def _fail(self, order: Resource, reason: str) -> Inquiry[Outcome]:
        current = self._resources.get(ORDER, order["metadata"]["namespace"], order["metadata"]["name"]) or order
        yield from self._save(order, failed(_status(current), "errored", reason, self._context.clock()))
        return Done()

    def _save(self, order: Resource, status: Mapping[str, Any]) -> Inquiry[None]:
        """Write the status; a new state is a fact."""
        written = yield from self._context.write_status(ORDER, order, status)
        state = status.get("state", "")
        if written and state != _status(order).get("state") and state in FACT_OF:
            told = {"reason": status["reason"]} if status.get("reason") else {}
            self._context.note(FACT_OF[state], order, state=state, **told)

    def _create(self, order: Resource, challenges: Sequence[Resource]) -> Inquiry[Outcome]:
        for challenge in challenges:
            try:
                created = yield from self._resources.create(CHALLENGE, challenge)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
                continue
            name, spec = challenge["metadata"]["name"], challenge["spec"]
            dns_name = spec["dnsName"]
            # The server knows the challenge by its URL only: here the two names meet.
            self._context.note("ChallengeCreated", created, dns_name=dns_name, type=spec["type"], url=spec["url"])
            text = f'Created Challenge resource "{name}" for domain "{dns_name}"'
            yield from self._context.recorder.normal(order, "Created", text)
        return Done()

    def _delete(self, order: Resource, names: Sequence[str]) -> Inquiry[Outcome]:
        for name in names:
            yield from self._resources.delete(CHALLENGE, order["metadata"]["namespace"], name)
        return Done()

    def _no_solver(self, order: Resource, message: str) -> Inquiry[Outcome]:
        """Tell which name is without a solver; the order waits for its issuer to get one."""
        text = f"{NO_SOLVER}: {message}"
        if _status(order).get("reason") != text:
            yield from self._save(order, {**_status(order), "reason": text})
            yield from self._context.recorder.warning(order, "Solver", text)
        return Done()


def _status(order: Resource) -> dict[str, Any]:
    return dict(order.get("status") or {})


def _csr_of(order: Resource) -> bytes:
    try:
        return read_request(order["spec"].get("request")).der
    except ValueError as error:
        raise Hopeless(f"spec.request: {error}") from None
