"""One turn of an order: the step that `order_steps` decides on, as cert-manager's Orders take theirs, until it must wait.

What is shared with them: the Order resource as the cursor, its decisions and status, Challenges and their scheduler. What
is not: an error is raised, for the request to be judged by; and each newOrder and finalize is counted in the Order before
it is sent, so that a crash does not make them more than the parameters allow.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import attrs

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError
from issuer_bridge.acme_client.resources import AcmeOrder
from issuer_bridge.acme_issuer.checking import Refused, TryAgain, asking
from issuer_bridge.acme_issuer.classification import Class, Operation, verdict
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.acme_issuer.preflight import verified
from issuer_bridge.cert_manager.conduct import OURS
from issuer_bridge.cert_manager.order_status import described, failed, identifiers_of, placed, settled
from issuer_bridge.cert_manager.order_steps import (
    CreateChallenges,
    DeleteChallenges,
    FetchAuthorizations,
    Finalize,
    LookAtOrder,
    NewOrder,
    NoSolver,
    Step,
    View,
    decide,
    state_of,
)
from issuer_bridge.cert_manager.orders import create_challenges
from issuer_bridge.cert_manager.settling import UNDECIDED, Settling, status_of
from issuer_bridge.context import Context
from issuer_bridge.durations import parse_duration
from issuer_bridge.issuer_lib.outcomes import Bundle, Pending
from issuer_bridge.pem import SigningRequest, encode
from issuer_bridge.resources import CHALLENGE, ORDER, Resource
from scheduler.challenge import FAILURE_STATES, FINAL_STATES

NEW_ORDERS, FINALIZES = "gravel.test/new-orders", "gravel.test/finalizes"
_LEAST = timedelta(seconds=1)


@attrs.frozen
class Dropped(Exception):  # noqa: N818 - says what happened
    """The order has come to an end; another one may do better, unless the request is at fault (`permanent`)."""

    message: str
    permanent: bool = False


@attrs.frozen
class Turn:
    """An order of a request, and all that its steps need; earlier: newOrder requests for its predecessors."""

    context: Context
    issuer: Resource
    client: Client
    parameters: Parameters
    csr: SigningRequest
    owned: Callable[[Resource], Sequence[str]]
    namespace: str
    name: str
    earlier: int = 0

    def order(self) -> Resource:
        """Return the order as it is now."""
        found = self.context.resources.get(ORDER, self.namespace, self.name)
        if found is None or found["metadata"].get("deletionTimestamp"):
            raise TryAgain(f"the Order {self.name} was deleted")
        return found

    def run(self) -> Inquiry[Bundle]:
        """Take steps until there is a certificate, or something to wait for; Dropped, Pending or Refused."""
        while True:
            order = self.order()
            status = status_of(order)
            if status.get("state") in FAILURE_STATES:
                raise Dropped(status.get("reason", ""), permanent=status["state"] == "errored")
            if status.get("certificate"):
                return self._verified(base64.b64decode(status["certificate"]).decode("ascii"))
            yield from self._take(order, self._decide(order))

    def _decide(self, order: Resource) -> Step:
        return decide(
            View(
                order,
                self.issuer,
                self.client.key_authorization,
                lambda name: self.context.resources.get(CHALLENGE, self.namespace, name),
                self.owned(order),
            )
        )

    def _take(self, order: Resource, step: Step) -> Inquiry[None]:
        match step:
            case NewOrder():
                yield from self._new_order(order)
            case FetchAuthorizations(urls=urls):
                for url in urls:
                    found = yield from asking(Operation.AUTHORIZATION, self.client.authorization(url))
                    yield from self._save(self.order(), described(status_of(self.order()), found))
            case CreateChallenges(challenges=challenges):
                yield from create_challenges(self.context, order, challenges)
            case DeleteChallenges(names=names):
                yield from self._delete(names)
            case LookAtOrder(challenges=challenges):
                answer = yield from asking(Operation.ORDER, self.client.order(order["status"]["url"]))
                yield from self._settle(order, answer, challenges)
            case Finalize(challenges=challenges):
                yield from self._finalize(order, challenges)
            case NoSolver(message=message):
                raise Pending(message, self.parameters.check_interval)
            case _:
                raise self._waiting(status_of(order), self.parameters.pending_poll)

    def _waiting(self, status: Mapping[str, object], after: timedelta, *, held: bool = False) -> Pending:
        return Pending(f'order {self.name} is "{status.get("state", "")}"', max(after, _LEAST), held)

    def _new_order(self, order: Resource) -> Inquiry[None]:
        replaces = order["spec"].get("replaces")
        if replaces and "renewalInfo" not in (yield from asking(Operation.CHECK, self.client.directory())):
            replaces = None
        try:
            answer = yield from asking(Operation.NEW_ORDER, self._ask_for_order(order, replaces))
        except Refused as refused:
            if not replaces or self._class_of(refused.error, Operation.NEW_ORDER) is not Class.WITHOUT_REPLACES:
                raise
            answer = yield from asking(Operation.NEW_ORDER, self._ask_for_order(order, None))
        self.context.note("OrderPlaced", order, url=answer.url, status=answer.status)
        yield from self._save(order, placed(status_of(order), answer, self.context.clock()))

    def _ask_for_order(self, order: Resource, replaces: str | None) -> Inquiry[AcmeOrder]:
        spec = order["spec"]
        limit = self.parameters.max_new_order_calls - self.earlier
        yield from self._count(NEW_ORDERS, limit, f"newOrder was asked for {self.parameters.max_new_order_calls} times")
        not_after = self.context.clock() + parse_duration(spec["duration"]) if spec.get("duration") else None
        return (
            yield from self.client.new_order(
                identifiers_of(spec), not_after=not_after, profile=spec.get("profile"), replaces=replaces
            )
        )

    def _count(self, what: str, limit: int, text: str) -> Inquiry[None]:
        """Write ahead that a request is sent; Dropped when it would be one too many."""
        order = self.order()
        count = counted(order, what)
        if count >= limit:
            raise Dropped(text, permanent=what == NEW_ORDERS)
        yield from self.context.write_annotation(ORDER, order, what, str(count + 1))

    def _finalize(self, order: Resource, challenges: Sequence[Resource]) -> Inquiry[None]:
        """Finalize an order that the server calls ready right now."""
        status = order["status"]
        answer = yield from asking(Operation.ORDER, self.client.order(status["url"]))
        if answer.status == "ready":
            limit = self.parameters.max_finalize_calls
            yield from self._count(FINALIZES, limit, f"the order stayed ready after {limit} finalize requests")
            answer = yield from asking(
                Operation.FINALIZE, self.client.finalize(status["finalizeURL"], status["url"], self.csr.der)
            )
            self.context.note("OrderFinalized", order)
        yield from self._settle(order, answer, challenges)

    def _settle(self, order: Resource, answer: AcmeOrder, challenges: Sequence[Resource]) -> Inquiry[None]:
        """Copy what the server says of the order; Pending while it says the same as before."""
        now, before = self.context.clock(), status_of(order)
        status = settled(before, answer, challenges, now)
        if answer.status == "valid" and answer.certificate:
            preferred = str(self.issuer["spec"]["acme"].get("preferredChain") or "")
            chain = yield from asking(Operation.CERTIFICATE, self.client.certificate(answer.certificate, preferred))
            self._verified(chain)
            status = {**status, "certificate": encode(chain)}
            self.context.note("CertificateFetched", order)
        elif status["state"] in FAILURE_STATES:
            error = answer.error
            at_fault = error is not None and self._class_of(error, Operation.FINALIZE) is Class.PERMANENT
            raise Dropped(status.get("reason") or "the server says that the order is invalid", at_fault)
        yield from self._save(order, status)
        if status["state"] in UNDECIDED or status["state"] == before.get("state"):
            raise self._waiting(status, answer.retry_after or self.parameters.pending_poll, held=True)

    def _class_of(self, error: TransportError | Problem, operation: Operation) -> Class:
        return verdict(error, operation, self.context.clock(), self.parameters.max_rate_limit_wait).becomes

    def _verified(self, chain: str) -> Bundle:
        try:
            return verified(chain, self.csr, self.context.clock())
        except ValueError as error:
            raise Dropped(str(error)) from None

    def _delete(self, names: Sequence[str]) -> Inquiry[None]:
        for name in names:
            yield from self.context.resources.delete(CHALLENGE, self.namespace, name)

    def drop(self, reason: str, *, permanent: bool) -> Inquiry[None]:
        """End the order: `errored` where the request is at fault, so that a crash leaves no doubt; clean up after it."""
        found = self.context.resources.get(ORDER, self.namespace, self.name)
        if found is None:
            return
        state = "errored" if permanent else "invalid"
        if status_of(found).get("state") not in FAILURE_STATES:
            yield from self._save(found, failed(status_of(found), state, reason, self.context.clock()))
        yield from self._delete(
            [
                name
                for name in self.owned(found)
                if (one := self.context.resources.get(CHALLENGE, self.namespace, name)) is not None
                and state_of(one) not in FINAL_STATES
                and not one["metadata"].get("deletionTimestamp")
            ]
        )

    def _save(self, order: Resource, status: Mapping[str, object]) -> Inquiry[None]:
        yield from Settling(self.context, OURS, order, self.issuer, self.client).save(status)


def counted(order: Resource, what: str) -> int:
    """Return how often a request was sent for an order."""
    return int((order["metadata"].get("annotations") or {}).get(what, 0))
