"""Decisions about requests: Approved or Denied, once and for good."""

from __future__ import annotations

from datetime import datetime

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import APPROVED, is_approved, is_denied, ready_reason, set_condition
from issuer_bridge.context import Context
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource

FINISHED = ("Issued", "Failed", "Denied")


def is_open(request: Resource) -> bool:
    """Whether a request can still be decided about."""
    return not (is_approved(request) or is_denied(request) or ready_reason(request) in FINISHED)


def decided(request: Resource, decision: str, reason: str, message: str, now: datetime) -> Resource:
    """Return the request with the condition Approved or Denied."""
    status = request.get("status") or {}
    conditions = set_condition(status.get("conditions") or (), decision, "True", reason, message, now)
    return {**request, "status": {**status, "conditions": conditions}}


def decide(context: Context, request: Resource, decision: str, reason: str, message: str) -> Inquiry[None]:
    """Write the condition, and an event that is called like it."""
    changed = decided(request, decision, reason, message, context.clock())
    yield from context.resources.update_status(CERTIFICATE_REQUEST, changed)
    record = context.recorder.normal if decision == APPROVED else context.recorder.warning
    yield from record(request, decision, message)
