"""What an answer of the ACME server means for an Order: the status that is written, and when to ask again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import attrs

from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError, retry_after
from issuer_bridge.acme_client.resources import AcmeOrder
from issuer_bridge.cert_manager.accounts import acme_of
from issuer_bridge.cert_manager.conduct import Conduct
from issuer_bridge.cert_manager.error_classes import ends_order
from issuer_bridge.cert_manager.order_status import failed, settled
from issuer_bridge.cert_manager.order_steps import state_of
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.pem import encode
from issuer_bridge.resources import ORDER, Resource
from scheduler.challenge import FAILURE_STATES

POLL_PERIOD = timedelta(seconds=5)
UNDECIDED = ("pending", "processing")
NO_ORDER = "Failed to retrieve Order resource"
NO_CHAIN = "Failed to retrieve signed certificate"
FACT_OF: Mapping[str, str] = {
    "ready": "OrderReady",
    "processing": "OrderProcessing",
    "valid": "OrderValid",
    "invalid": "OrderFailed",
    "expired": "OrderFailed",
    "errored": "OrderFailed",
}


@attrs.frozen
class Settling:
    """Writes what became of one order."""

    context: Context
    conduct: Conduct
    order: Resource
    issuer: Resource
    client: Client

    def settle(self, answer: AcmeOrder, challenges: Sequence[Resource] = ()) -> Inquiry[Outcome]:
        """Copy what the server says of the order, with the certificate when there is one."""
        status = settled(status_of(self.order), answer, challenges, self.context.clock(), self.conduct)
        acts = self.conduct.looks_first or status_of(self.order).get("state") == "valid"
        if answer.status == "valid" and acts:
            return (yield from self.complete(answer, status))
        yield from self.save(status)
        return self._again(answer, status["state"], challenges)

    def _again(self, answer: AcmeOrder, state: str, challenges: Sequence[Resource]) -> Outcome:
        if not self.conduct.polls:
            lost = any(state_of(challenge) in FAILURE_STATES for challenge in challenges)
            return Done() if lost or state != "pending" else Wait(POLL_PERIOD)
        if answer.retry_after is not None and answer.status in UNDECIDED:
            return Wait(max(answer.retry_after, timedelta(seconds=1)), held=True)
        return Wait(POLL_PERIOD) if state in UNDECIDED else Done()

    def complete(self, answer: AcmeOrder, status: Mapping[str, Any]) -> Inquiry[Outcome]:
        """Download the chain; when that fails, at least remember that the order is valid."""
        try:
            chain = yield from self.chain(answer)
        except (TransportError, Problem) as error:
            yield from self.save(status)
            return (yield from self.refused(NO_CHAIN, error))
        return (yield from self.keep(chain, status))

    def chain(self, answer: AcmeOrder) -> Inquiry[str]:
        """Download the chain that the issuer prefers."""
        assert answer.certificate is not None
        preferred = (acme_of(self.issuer) or {}).get("preferredChain")
        return (yield from self.client.certificate(answer.certificate, str(preferred or "")))

    def keep(self, chain: str, status: Mapping[str, Any]) -> Inquiry[Outcome]:
        """Write the certificate: the order is complete."""
        yield from self.save({**status, "certificate": encode(chain)})
        self.context.note("CertificateFetched", self.order)
        yield from self.context.recorder.normal(self.order, "Complete", "Order completed successfully")
        return Done()

    def refused(self, doing: str, error: TransportError | Problem) -> Inquiry[Outcome]:
        """Say what an error means for the order: the end, or to try again."""
        text = f"{doing}: {error}"
        if ends_order(error, self.conduct.errors):
            return (yield from self.fail(text))
        if self.conduct.heeds_retry_after and isinstance(error, Problem):
            return Retry(text, retry_after(error, self.context.clock()))
        return Retry(text)

    def fail(self, reason: str) -> Inquiry[Outcome]:
        """The order comes to an end by our own verdict."""
        metadata = self.order["metadata"]
        current = self.context.resources.get(ORDER, metadata["namespace"], metadata["name"]) or self.order
        yield from self.save(failed(status_of(current), "errored", reason, self.context.clock()))
        return Done()

    def save(self, status: Mapping[str, Any]) -> Inquiry[None]:
        """Write the status; a new state is a fact."""
        written = yield from self.context.write_status(ORDER, self.order, status)
        state = status.get("state", "")
        if written and state != status_of(self.order).get("state") and state in FACT_OF:
            told = {"reason": status["reason"]} if status.get("reason") else {}
            self.context.note(FACT_OF[state], self.order, state=state, **told)


def status_of(order: Resource) -> dict[str, Any]:
    """Return the status of an order that may have none yet."""
    return dict(order.get("status") or {})
