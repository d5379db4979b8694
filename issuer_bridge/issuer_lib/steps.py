"""What one look at a request or an issuer comes to: what to write, to tell, and when to look again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from issuer_bridge.conditions import condition, set_condition
from issuer_bridge.issuer_lib.outcomes import IssuerFault
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.resources import Resource


@attrs.frozen
class Event:
    """An event: Normal or Warning, its reason and its message."""

    type: str
    reason: str
    message: str


@attrs.frozen
class Step:
    """status: what of the status changes, conditions by their type; then: whether, and when, to look again.

    report: what the issuer's own loop is told.
    """

    status: Mapping[str, Any] = attrs.field(factory=dict)
    event: Event | None = None
    then: Outcome = attrs.field(factory=Done)
    report: IssuerFault | None = None


NOTHING = Step()


@attrs.frozen
class Ask:
    """Call the author's function, and see what it says."""


def set_one(
    resource: Resource,
    type_: str,
    status: str,
    reason: str,
    message: str,
    now: datetime,
    generation: int | None = None,
) -> dict[str, Any]:
    """Return one condition as it is to be: its lastTransitionTime moves only when its status does."""
    old = condition(resource, type_)
    return set_condition([old] if old else [], type_, status, reason, message, now, generation)[0]


def merged(current: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a status with a change: conditions are replaced by their type, all else by its name."""
    conditions = {item["type"]: item for item in (*(current.get("conditions") or ()), *change.get("conditions", ()))}
    return {**current, **change, **({"conditions": list(conditions.values())} if conditions else {})}


def text_of(error: Exception) -> str:
    """Return what an error says, or at least what it is."""
    return str(error) or type(error).__name__
