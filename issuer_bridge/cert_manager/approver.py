"""Approves every request that nobody decided on, as cert-manager does when nobody turns its approver off.

Upstream `pkg/controller/certificaterequests/approver/sync.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.conditions import APPROVED
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.policy.decisions import decided, is_open
from issuer_bridge.resources import CERTIFICATE_REQUEST, Resource

REASON = "cert-manager.io"
MESSAGE = "Certificate request has been approved by cert-manager.io"


def decide(request: Resource, now: datetime) -> Mapping[str, Any] | None:
    """Return the status that approves a request, or None when there is nothing to decide."""
    return decided(request, APPROVED, REASON, MESSAGE, now)["status"] if is_open(request) else None


class Approver:
    """The controller that says yes."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Approve one request, unless it is decided on."""
        request = self._context.resources.get(CERTIFICATE_REQUEST, namespace, name)
        status = decide(request, self._context.clock()) if request else None
        if request is not None and status is not None:
            yield from self._context.resources.update_status(CERTIFICATE_REQUEST, {**request, "status": status})
            yield from self._context.recorder.normal(request, REASON, MESSAGE)
        return Done()
