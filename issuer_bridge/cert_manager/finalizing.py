"""Finalizing an order that is ready: with a look at the server first, or at once, as cert-manager does.

Upstream: finalizeOrder of pkg/controller/acmeorders/sync.go, CreateOrderCert and
WaitOrder of third_party/forked/acme/rfc8555.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.errors import TransportError
from issuer_bridge.acme_client.resources import AcmeOrder
from issuer_bridge.cert_manager.error_classes import ends_order
from issuer_bridge.cert_manager.order_status import settled
from issuer_bridge.cert_manager.settling import NO_ORDER, Settling, status_of
from issuer_bridge.outcomes import Outcome, Retry
from issuer_bridge.pem import read_request
from issuer_bridge.resources import Resource

FAILED = "Failed to finalize Order"
# What Go says of the empty URL that WaitOrder takes from an answer without a Location (golang/go#77704).
NO_LOCATION = 'Post "": unsupported protocol scheme ""'
FORBIDDEN = 403


def finalize(settling: Settling, challenges: Sequence[Resource]) -> Inquiry[Outcome]:
    """Hand in the CSR, and follow the order as far as it goes."""
    try:
        csr = read_request(settling.order["spec"].get("request")).der
    except ValueError as error:
        return (yield from settling.fail(f"{FAILED}: spec.request: {error}"))
    if settling.conduct.looks_first:
        return (yield from _finalize_once(settling, challenges, csr))
    return (yield from _finalize_at_once(settling, csr))


def _finalize_once(settling: Settling, challenges: Sequence[Resource], csr: bytes) -> Inquiry[Outcome]:
    """Finalize only an order that the server calls ready right now, so once, also after a crash."""
    status, client = settling.order["status"], settling.client
    answer = yield from client.order(status["url"])
    if answer.status == "ready":
        try:
            answer = yield from client.finalize(status["finalizeURL"], status["url"], csr)
            settling.context.note("OrderFinalized", settling.order)
        except Problem as problem:
            if problem.status != FORBIDDEN:
                raise
            answer = yield from client.order(status["url"])
            if answer.status == "ready" and problem.kind == "orderNotReady":
                return Retry(str(problem))
            if answer.status == "ready":
                raise
    return (yield from settling.settle(answer, challenges))


def _finalize_at_once(settling: Settling, csr: bytes) -> Inquiry[Outcome]:
    """Finalize, wait and download in one step; when that fails, see what has become of the order."""
    chain, failure = "", None
    try:
        chain = yield from settling.chain((yield from _issued(settling, csr)))
    except (Problem, TransportError) as error:
        failure = error
    forbidden = isinstance(failure, Problem) and failure.status == FORBIDDEN
    if failure is not None and not forbidden and ends_order(failure, settling.conduct.errors):
        return (yield from settling.fail(f"{FAILED}: {failure}"))
    try:
        found = yield from settling.client.order(settling.order["status"]["url"])
    except Problem as problem:
        return (yield from settling.refused(NO_ORDER, problem))
    if forbidden and found.status != "valid":
        return (yield from settling.fail(f"{FAILED}: {failure}"))
    status = settled(status_of(settling.order), found, (), settling.context.clock(), settling.conduct)
    if failure is None:
        return (yield from settling.keep(chain, status))
    if forbidden:
        return (yield from settling.complete(found, status))
    yield from settling.save(status)
    return Retry(f"error finalizing order: {failure}")


def _issued(settling: Settling, csr: bytes) -> Inquiry[AcmeOrder]:
    """Finalize, and wait until the order is valid, as long as that takes, where the Location says that it is."""
    status, client = settling.order["status"], settling.client
    answer = yield from client.finalize(status["finalizeURL"], status["url"], csr)
    settling.context.note("OrderFinalized", settling.order)
    if answer.status == "valid":
        return answer
    if not answer.location:
        raise TransportError(NO_LOCATION)
    decided = yield from client.poll(
        lambda: client.order(answer.location, "wait_order"),
        lambda order: order.status in ("ready", "valid", "invalid"),
        None,
    )
    if decided is None or decided.status != "valid":
        raise TransportError(f"acme: order {answer.location} status: {decided and decided.status}")
    return decided
