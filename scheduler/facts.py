"""What the journal hears of the scheduler: one fact an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acme_server.protocol.journal import Fact
from acme_server.protocol.times import rfc3339_micro
from scheduler.challenge import Challenge, Stage
from scheduler.events import (
    Accepted,
    AcceptFailed,
    AcceptPostponed,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    CleanUpFailed,
    Decided,
    FinalizerAdded,
    Move,
    Presented,
    PresentFailed,
    Released,
    Removed,
    Requeued,
    Selected,
    StateFetched,
    SyncFailed,
    Yielded,
)

KINDS: Mapping[type[Move], str] = {
    Removed: "ChallengeRemoved",
    Selected: "ChallengeScheduled",
    FinalizerAdded: "FinalizerAdded",
    StateFetched: "ChallengeStateFetched",
    SyncFailed: "SyncFailed",
    Presented: "ChallengePresented",
    PresentFailed: "PresentFailed",
    CheckPassed: "SelfCheckPassed",
    CheckFailed: "SelfCheckFailed",
    AcceptPostponed: "AcceptPostponed",
    Accepted: "ChallengeAccepted",
    Decided: "ChallengeDecided",
    AcceptFailed: "AcceptFailed",
    CleanedUp: "ChallengeCleanedUp",
    CleanUpFailed: "CleanUpFailed",
    Released: "SlotReleased",
    Yielded: "SlotYielded",
    Requeued: "ChallengeRequeued",
}

TELLING = (SyncFailed, PresentFailed, CheckFailed, AcceptPostponed, AcceptFailed, CleanUpFailed, Decided)


def arrival(challenge: Challenge, slots: int) -> Fact:
    """A challenge is known from now on: new in the queue, or left in the middle by an earlier run."""
    created = {"created": rfc3339_micro(challenge.created), "wildcard": challenge.wildcard}
    if challenge.stage is Stage.QUEUED:
        return _fact("ChallengeQueued", challenge, slots, created)
    return _fact("ChallengeResumed", challenge, slots, {**created, "stage": challenge.stage.value})


def happened(event: Move, challenge: Challenge, slots: int) -> Fact:
    """The event happened; `challenge` is what it became, `slots` how many are in use afterwards."""
    extra: dict[str, Any] = {}
    if isinstance(event, TELLING):
        extra["reason"] = challenge.reason
    if isinstance(event, CheckFailed | CheckPassed):
        extra["checks"] = challenge.checks
    if isinstance(event, Decided):
        extra["state"] = challenge.state
    return _fact(KINDS[type(event)], challenge, slots, extra)


def _fact(kind: str, challenge: Challenge, slots: int, extra: Mapping[str, Any]) -> Fact:
    data = {"dns_name": challenge.dns_name, "type": challenge.type, "slots": slots, **extra}
    return Fact(kind, {"challenge": challenge.key}, data)
