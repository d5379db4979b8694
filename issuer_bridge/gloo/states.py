"""The state machine of an IssuedCertificate, as a table, and what its status says.

Every state has its row; what is absent does not happen. `change`: the spec has another generation than was observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from acme_server.protocol.times import parse_rfc3339, rfc3339
from issuer_bridge.resources import Resource
from scheduler.backoff import backoff


class State(StrEnum):
    """`status.state`; the agent alone writes it."""

    PENDING = "PENDING"
    REQUESTED = "REQUESTED"
    ISSUED = "ISSUED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"


MOVES: Mapping[State, Mapping[str, State]] = {
    State.PENDING: {"request": State.REQUESTED, "fail": State.FAILED},
    State.REQUESTED: {"issue": State.ISSUED, "fail": State.FAILED, "change": State.PENDING},
    State.ISSUED: {"finish": State.FINISHED, "fail": State.FAILED, "change": State.PENDING},
    State.FINISHED: {"fail": State.FAILED, "change": State.PENDING},
    State.FAILED: {"request": State.REQUESTED, "fail": State.FAILED, "change": State.PENDING},
}
# What of the status outlives a move: a failed workflow counts on until it finishes, or its spec changes.
_KEPT: Mapping[str, tuple[str, ...]] = {
    "request": ("failures", "failedAt"),
    "issue": ("failures", "failedAt", "certificateSigningRequest"),
    "finish": ("certificateSigningRequest", "podsBounced"),
}
# Upstream starts again at once, with a new key each time; ours waits, unless the spec changes.
FIRST_BACKOFF, LONGEST_BACKOFF = timedelta(minutes=1), timedelta(hours=1)


def is_observed(resource: Resource) -> bool:
    """Whether the status is about the spec as it is now."""
    observed = (resource.get("status") or {}).get("observedGeneration")
    return bool(observed == resource["metadata"].get("generation"))


def state_of(certificate: Resource) -> State:
    """Return where an IssuedCertificate is; ValueError when its status names no state."""
    word = (certificate.get("status") or {}).get("state") or State.PENDING
    if word not in State.__members__:
        raise ValueError(f"unknown issued certificate state: {word}")
    state = State(word)
    return state if is_observed(certificate) else MOVES[state].get("change", state)


def moved(certificate: Resource, event: str, **more: Any) -> dict[str, Any]:
    """Return the status after `request`, `issue` or `finish`."""
    old = (certificate.get("status") or {}) if is_observed(certificate) else {}
    kept = {name: old[name] for name in _KEPT[event] if name in old}
    return {**kept, **_head(certificate, MOVES[state_of(certificate)][event]), **more}


def failed(certificate: Resource, error: str, now: datetime) -> dict[str, Any]:
    """Return the status after a failure; every state may fail, an unknown one does."""
    failures = (certificate.get("status") or {}).get("failures", 0) if is_observed(certificate) else 0
    return {
        **_head(certificate, State.FAILED),
        "error": error,
        "failures": failures + 1,
        "failedAt": rfc3339(now),
    }


def _head(certificate: Resource, state: State) -> dict[str, Any]:
    return {"observedGeneration": certificate["metadata"].get("generation"), "state": state.value}


def restart_after(certificate: Resource, now: datetime) -> timedelta:
    """Return how long a failed IssuedCertificate waits still: 1 min after its first failure, then doubled, to 1 h."""
    status = certificate.get("status") or {}
    failures, since = status.get("failures", 0), status.get("failedAt")
    if not failures or not since:
        return timedelta(0)
    due = parse_rfc3339(since) + backoff(failures, FIRST_BACKOFF, LONGEST_BACKOFF)
    return max(due - now, timedelta(0))
