"""Status conditions: what is true of a resource, since when and why (upstream `pkg/api/util/conditions.go`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from acme_server.protocol.times import rfc3339
from issuer_bridge.resources import Resource

READY = "Ready"
APPROVED = "Approved"
DENIED = "Denied"
INVALID_REQUEST = "InvalidRequest"


def set_condition(
    conditions: Iterable[Mapping[str, Any]],
    type_: str,
    status: str,
    reason: str,
    message: str,
    now: datetime,
    observed_generation: int | None = None,
) -> list[dict[str, Any]]:
    """Return the conditions with one set; its lastTransitionTime moves only when its status does."""
    result = [dict(condition) for condition in conditions]
    place = next((place for place, condition in enumerate(result) if condition.get("type") == type_), len(result))
    old = result[place] if place < len(result) else {}
    unmoved = old.get("status") == status and "lastTransitionTime" in old
    new: dict[str, Any] = {
        "type": type_,
        "status": status,
        "lastTransitionTime": old["lastTransitionTime"] if unmoved else rfc3339(now),
        "reason": reason,
        "message": message,
    }
    if observed_generation is not None:
        new["observedGeneration"] = observed_generation
    result[place:] = [new, *result[place + 1 :]]
    return result


def condition(resource: Resource, type_: str) -> Mapping[str, Any]:
    """Return one condition of a resource, empty when it has none of the type."""
    conditions = resource.get("status", {}).get("conditions") or []
    return next((item for item in conditions if item.get("type") == type_), {})


def is_true(resource: Resource, type_: str) -> bool:
    """Whether the resource has the condition with status True."""
    return condition(resource, type_).get("status") == "True"


def ready_reason(resource: Resource) -> str | None:
    """Return the reason of Ready: Pending, Failed, Issued, Denied, or None."""
    return condition(resource, READY).get("reason")


def is_approved(resource: Resource) -> bool:
    """Whether somebody approved the request."""
    return is_true(resource, APPROVED)


def is_denied(resource: Resource) -> bool:
    """Whether somebody denied the request."""
    return is_true(resource, DENIED)
