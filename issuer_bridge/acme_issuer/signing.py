"""`sign` of AcmeIssuers: an order at a time, and what its errors mean for the request and for the issuer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from acme_server.protocol.problem import Problem
from acme_server.protocol.times import parse_rfc3339
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import is_account_lost
from issuer_bridge.acme_issuer.checking import Checks, Refused, TryAgain
from issuer_bridge.acme_issuer.classification import Class, verdict
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.acme_issuer.preflight import preflight
from issuer_bridge.acme_issuer.standing import Closed, Standing
from issuer_bridge.acme_issuer.turns import NEW_ORDERS, Dropped, Turn, counted
from issuer_bridge.cert_manager.accounts import Accounts
from issuer_bridge.cert_manager.children import build_order
from issuer_bridge.cert_manager.names import compute_name
from issuer_bridge.cert_manager.provenance import is_made_for_request
from issuer_bridge.cert_manager.replacement import replaced_by
from issuer_bridge.cert_manager.settling import status_of
from issuer_bridge.conditions import READY, condition
from issuer_bridge.context import Context
from issuer_bridge.issuer_lib.outcomes import Bundle, IssuerFault, Pending, Permanent
from issuer_bridge.issuer_lib.values import Issuer, Request
from issuer_bridge.pem import SigningRequest
from issuer_bridge.resources import CERTIFICATE_REQUEST, ORDER, Resource
from scheduler.challenge import FAILURE_STATES

LONGEST_JITTER = timedelta(minutes=1)


class Signer:
    """Signs for AcmeIssuers; owned: the names of the Challenges of an order."""

    def __init__(
        self,
        context: Context,
        accounts: Accounts,
        checks: Checks,
        standing: Standing,
        owned: Callable[[Resource], Sequence[str]],
    ) -> None:
        self._context, self._accounts, self._checks, self._standing = context, accounts, checks, standing
        self._owned = owned

    def sign(self, request: Request, issuer: Issuer) -> Inquiry[Bundle]:
        """Go on with the order of a request, as far as it goes now."""
        parameters = self._checks.parameters(issuer)
        try:
            return (yield from self._sign(request, issuer, parameters))
        except Closed as closed:
            raise Pending(str(closed), self._spread(closed.left, parameters)) from closed

    def _sign(self, request: Request, issuer: Issuer, parameters: Parameters) -> Inquiry[Bundle]:
        csr, resource = preflight(request), self._checks.find(issuer)
        if self._standing.is_open(resource, parameters.breaker_threshold):
            raise IssuerFault(f"circuit open after {parameters.breaker_threshold} failures")
        self._standing.keep_out(resource)
        client = self._checks.client(resource)
        turn, last = yield from self._turn(request, resource, client, parameters, csr)
        before = status_of(turn.order())
        try:
            bundle = yield from turn.run()
        except Refused as refused:
            raise (yield from self._refused(turn, last, request, refused)) from refused
        except Dropped as dropped:
            raise (
                yield from self._dropped(turn, last, request, dropped.message, permanent=dropped.permanent)
            ) from dropped
        except Pending:
            if status_of(turn.order()) != before:
                self._standing.well(resource)
            raise
        self._standing.well(resource)
        yield from self._standing.mark(resource, "AccountPaused", "")
        return bundle

    def _spread(self, wait: timedelta, parameters: Parameters) -> timedelta:
        """Return a wait and some of its jitter, so that not all requests come back at once."""
        chance = int.from_bytes(self._context.entropy(2), "big") / 65536
        return wait + min(wait * parameters.jitter, LONGEST_JITTER) * chance

    def _turn(
        self, request: Request, resource: Resource, client: Client, parameters: Parameters, csr: SigningRequest
    ) -> Inquiry[tuple[Turn, bool]]:
        """Return the turn of a request's order, which is created when its predecessor died, and whether it is the last."""
        resources, namespace = self._context.resources, request.namespace
        owner = resources.get(CERTIFICATE_REQUEST, namespace, request.name)
        if owner is None or owner["metadata"]["uid"] != request.uid:
            raise TryAgain("the request is gone")
        earlier = 0
        for attempt in range(1, parameters.max_orders + 1):
            # Not of the spec, as cert-manager's: a changed issuer is no reason for more orders.
            name = compute_name(request.name, {"request": request.uid, "attempt": attempt})
            turn = Turn(self._context, resource, client, parameters, csr, self._owned, namespace, name, earlier)
            order, last = resources.get(ORDER, namespace, name), attempt == parameters.max_orders
            if order is None:
                yield from self._create(owner, resource, csr, name)
                return turn, last
            if not is_made_for_request(order, resources):
                raise TryAgain(f"the Order {name} is not this request's")
            state = status_of(order).get("state")
            if state not in FAILURE_STATES or state == "errored":
                return turn, last
            yield from turn.drop("", permanent=False)  # it may have died before it was cleaned up after
            earlier += counted(order, NEW_ORDERS)
        return turn, last

    def _create(self, owner: Resource, resource: Resource, csr: SigningRequest, name: str) -> Inquiry[None]:
        order = build_order(owner, csr, resource, replaced_by(owner, resource, self._context.resources))
        order["metadata"]["name"] = name
        created = yield from self._context.resources.create(ORDER, order)
        self._context.note("OrderCreated", created, dns_names=order["spec"].get("dnsNames", []))
        yield from self._context.recorder.normal(owner, "OrderCreated", f"Created Order resource {name}")
        if owner["spec"].get("duration") and not order["spec"].get("duration"):
            text = "spec.duration is not sent to the server; the issuer's enableDuration is not set"
            yield from self._context.recorder.normal(owner, "DurationIgnored", text)

    def _refused(self, turn: Turn, last: bool, request: Request, refused: Refused) -> Inquiry[Exception]:
        """Return what `sign` raises for an error of the server's."""
        parameters, resource = turn.parameters, turn.issuer
        found = verdict(refused.error, refused.operation, self._context.clock(), parameters.max_rate_limit_wait)
        yield from self._standing.note(resource, found)
        match found.becomes:
            case Class.WAIT if found.after is not None:
                return Pending(found.message, self._spread(found.after, parameters))
            case Class.REFRESH:
                return Pending(found.message, parameters.pending_poll, held=True)
            case Class.DROP:
                return (yield from self._dropped(turn, last, request, found.message))
            case Class.ISSUER | Class.ISSUER_PERMANENT:
                if isinstance(refused.error, Problem) and is_account_lost(refused.error):
                    self._accounts.lose(resource)
                return IssuerFault(found.message, found.becomes is Class.ISSUER_PERMANENT, found.after)
            case Class.RETRY | Class.WAIT:
                if self._standing.is_open(resource, parameters.breaker_threshold):
                    return IssuerFault(f"circuit open after {parameters.breaker_threshold} failures: {found.message}")
                return self._again(request, turn, found.message)
        yield from turn.drop(found.message, permanent=True)
        return Permanent(found.message, invalid_request=found.at_fault)

    def _dropped(
        self, turn: Turn, last: bool, request: Request, reason: str, *, permanent: bool = False
    ) -> Inquiry[Exception]:
        yield from turn.drop(reason, permanent=permanent)
        self._standing.well(turn.issuer)
        if permanent or last:
            return Permanent(f"order {turn.name}: {reason}")
        return self._again(request, turn, f"order {turn.name} is dropped for another: {reason}")

    def _again(self, request: Request, turn: Turn, text: str) -> Exception:
        """Return that it is tried again, while there is time since the request, or since its issuer became Ready."""
        since = condition(turn.issuer, READY).get("lastTransitionTime")
        began = max(request.created, parse_rfc3339(since)) if since else request.created
        if self._context.clock() > began + turn.parameters.max_retry_duration:
            return Permanent(text)
        return TryAgain(text)
