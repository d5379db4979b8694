"""Approving and denying CertificateRequests: what may still be decided, and how a decision is written down."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.times import rfc3339
from gravel.request_progress import Verdict, condition, holds, verdict_of
from issuer_bridge.resources import Resource


@attrs.frozen
class Decision:
    """A condition to set: type is Approved or Denied."""

    type: str
    reason: str
    message: str


def complaint(request: Resource, decision: Decision) -> str | None:
    """Say why the request can no longer be decided so, or None."""
    for name, word in (("Approved", "approved"), ("Denied", "denied")):
        if holds(request, name):
            said = condition(request, name) or {}
            told = ": ".join(str(said[key]) for key in ("reason", "message") if said.get(key))
            again = "already " if name == decision.type else ""
            return f"has {again}been {word} ({told}), and that is final" if told else f"has {again}been {word}"
    ends = {
        Verdict.READY: "has been issued already",
        Verdict.FAILED: "has failed already",
        Verdict.DENIED: "has been denied",
    }
    return ends.get(verdict_of(request))


def patch(request: Resource, decision: Decision, now: datetime) -> dict[str, Any]:
    """Return the merge patch of /status; it holds only for the request as it was read."""
    kept = list((request.get("status") or {}).get("conditions") or ())
    added: Mapping[str, str] = {
        "type": decision.type,
        "status": "True",
        "reason": decision.reason,
        "message": decision.message,
        "lastTransitionTime": rfc3339(now),
    }
    conditions = [item for item in kept if item.get("type") != decision.type] + [added]
    version = {"resourceVersion": request["metadata"]["resourceVersion"]}
    return {"metadata": version, "status": {"conditions": conditions}}
