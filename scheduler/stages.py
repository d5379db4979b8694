"""The challenge workflow, as a table.

A challenge stands in one stage. It waits in `queued` until its turn comes;
from then on it holds a slot, and its stage names the one effect that is being
tried. Success moves it on, failure leaves it where it is to try again; only a
verdict that could not be had is sought from the self-check on, as upstream
does, and only a policy's patience takes a slot away. There is no way past
`cleaning_up` for what was shown: it is taken away before the slot is given
back, and a challenge that is removed half-way goes there directly.

Everything that decides where a challenge goes is in this file. What is absent
from MOVES is refused. The file does not know how many challenges there are,
which of them runs next, or who performs effects. The rules are those of
cert-manager's pkg/controller/acmechallenges/sync.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from acme_server.protocol.problem import IllegalTransition
from scheduler.backoff import backoff
from scheduler.challenge import FINAL_STATES, Challenge, Stage
from scheduler.events import (
    Accept,
    Accepted,
    AcceptFailed,
    AcceptPostponed,
    AddFinalizer,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    CleanUp,
    CleanUpFailed,
    Decided,
    Effect,
    FetchState,
    FinalizerAdded,
    Move,
    Present,
    Presented,
    PresentFailed,
    Release,
    Released,
    Removed,
    Requeued,
    Selected,
    SelfCheck,
    StateFetched,
    SyncFailed,
    WaitAuthorization,
    Yielded,
)
from scheduler.settings import Settings

MOVES: Mapping[Stage, Mapping[type[Move], Stage]] = {
    Stage.QUEUED: {
        Selected: Stage.STARTING,
        Removed: Stage.DONE,
    },
    Stage.STARTING: {
        FinalizerAdded: Stage.FETCHING,
        SyncFailed: Stage.STARTING,
        Removed: Stage.DONE,
    },
    Stage.FETCHING: {
        StateFetched: Stage.PRESENTING,
        Decided: Stage.CLEANING_UP,
        SyncFailed: Stage.FETCHING,
        Removed: Stage.CLEANING_UP,
    },
    Stage.PRESENTING: {
        Presented: Stage.CHECKING,
        PresentFailed: Stage.PRESENTING,
        Removed: Stage.CLEANING_UP,
    },
    Stage.CHECKING: {
        CheckPassed: Stage.ACCEPTING,
        CheckFailed: Stage.CHECKING,
        AcceptPostponed: Stage.CHECKING,
        Yielded: Stage.CLEANING_UP,
        Removed: Stage.CLEANING_UP,
    },
    Stage.ACCEPTING: {
        Accepted: Stage.VALIDATING,
        Decided: Stage.CLEANING_UP,
        AcceptFailed: Stage.CHECKING,
        Removed: Stage.CLEANING_UP,
    },
    Stage.VALIDATING: {
        Decided: Stage.CLEANING_UP,
        SyncFailed: Stage.CHECKING,
        Removed: Stage.CLEANING_UP,
    },
    Stage.CLEANING_UP: {
        CleanedUp: Stage.RELEASING,
        CleanUpFailed: Stage.CLEANING_UP,
        Removed: Stage.CLEANING_UP,
    },
    Stage.RELEASING: {
        Released: Stage.DONE,
        SyncFailed: Stage.RELEASING,
        Removed: Stage.DONE,
    },
    Stage.DONE: {
        Requeued: Stage.QUEUED,
    },
}

EFFECTS: Mapping[Stage, type[Effect] | None] = {
    Stage.QUEUED: None,
    Stage.STARTING: AddFinalizer,
    Stage.FETCHING: FetchState,
    Stage.PRESENTING: Present,
    Stage.CHECKING: SelfCheck,
    Stage.ACCEPTING: Accept,
    Stage.VALIDATING: WaitAuthorization,
    Stage.CLEANING_UP: CleanUp,
    Stage.RELEASING: Release,
    Stage.DONE: None,
}

# After these a worker goes on with the challenge; after all others it takes the next from the queue.
SAME_SYNC = (Presented, CheckPassed, Accepted)

AUTHORIZED = "Successfully authorized domain"


NOTHING: Mapping[Stage, Stage] = {}


def passed_over(settings: Settings) -> Mapping[Stage, Stage]:
    """Return the stages in which nothing is to be done, and where a challenge stands instead."""
    if settings.version is None:
        return {Stage.STARTING: Stage.PRESENTING, Stage.RELEASING: Stage.DONE}
    return NOTHING if settings.version.release_apart else {Stage.RELEASING: Stage.DONE}


def advance(challenge: Challenge, event: Move, now: datetime, over: Mapping[Stage, Stage] = NOTHING) -> Challenge:
    """Return the challenge after the event, or raise IllegalTransition; `over`: see `passed_over`."""
    stage = MOVES[challenge.stage].get(type(event))
    if stage is None:
        raise IllegalTransition(f"challenge {challenge.key} is {challenge.stage}: no move {type(event).__name__}")
    # What was removed ends with its clean-up: there is nothing left to write to.
    stage = Stage.DONE if challenge.removed and stage is Stage.RELEASING else over.get(stage, stage)
    match event:
        case Presented():
            return attrs.evolve(
                challenge, stage=stage, presented=True, presented_at=challenge.presented_at or now, reason=""
            )
        case CheckPassed():
            return attrs.evolve(challenge, stage=stage, checks=challenge.checks + 1, reason="")
        case CheckFailed(reason=reason):
            waiting = f"Waiting for {challenge.type} challenge propagation: {reason}"
            return attrs.evolve(challenge, stage=stage, checks=challenge.checks + 1, reason=waiting, failures=0)
        case AcceptPostponed(reason=reason):
            return attrs.evolve(challenge, stage=stage, reason=reason, failures=0)
        case Decided():
            return _decided(challenge, event, stage)
        case FinalizerAdded() | StateFetched() | Released():
            return attrs.evolve(challenge, stage=stage, failures=0)
        case CleanedUp():
            return attrs.evolve(challenge, stage=stage, presented=False, failures=0)
        case SyncFailed(reason=reason) | PresentFailed(reason=reason) | AcceptFailed(reason=reason):
            return attrs.evolve(challenge, stage=stage, reason=reason, failures=challenge.failures + 1)
        case CleanUpFailed(reason=reason):
            stuck = f"Error cleaning up challenge: {reason}"
            return attrs.evolve(challenge, stage=stage, reason=stuck, failures=challenge.failures + 1)
        case Removed():
            return attrs.evolve(challenge, stage=stage, removed=True)
        case Requeued():
            return attrs.evolve(challenge, stage=stage, reason="", returned=now, presented_at=None, checks=0)
    return attrs.evolve(challenge, stage=stage)


def _decided(challenge: Challenge, verdict: Decided, stage: Stage) -> Challenge:
    if verdict.state not in FINAL_STATES:
        raise IllegalTransition(f"challenge {challenge.key}: {verdict.state!r} is no verdict")
    reason = AUTHORIZED if verdict.state == "valid" else verdict.reason
    return attrs.evolve(challenge, stage=stage, state=verdict.state, reason=reason, failures=0)


def patience(event: Move, after: Challenge, settings: Settings) -> timedelta | None:
    """Return how long after a sync the challenge is looked at again, even if nothing changes; None for never."""
    match event:
        case CheckFailed(retry_after=retry_after):
            return settings.retry_period if retry_after is None else retry_after
        case AcceptPostponed(remaining=remaining):
            return min(remaining, settings.retry_period)
        case SyncFailed() | PresentFailed() | AcceptFailed() | CleanUpFailed():
            return backoff(after.failures, settings.min_backoff, settings.max_backoff)
    return None


def written(before: Challenge, event: Move, after: Challenge) -> bool:
    """Whether a sync wrote something, so that the challenge is looked at again at once.

    Upstream's controller hears of its own writes: a challenge moves on, and a
    failure for a new reason is tried again, unless upstream keeps that reason to
    itself. A wait is an exception: nothing can come of looking earlier.
    """
    if isinstance(event, AcceptPostponed):
        return False
    return before.stage is not after.stage or (before.reason != after.reason and not isinstance(event, SyncFailed))


def effect_of(challenge: Challenge) -> Effect | None:
    """Return what the challenge's stage is trying to do."""
    effect = EFFECTS[challenge.stage]
    return effect(challenge.key) if effect else None
