"""The challenge workflow, as a table.

A challenge stands in one stage. It waits in `queued` until its turn comes;
from then on it holds a slot, and its stage names the one effect that is being
tried: present, self-check, accept, clean up. Success moves it on, failure
leaves it where it is to try again, and nothing ever moves it back. There is
no way past `cleaning_up`: whatever was shown is taken away before the slot is
given back, and a challenge that is removed half-way goes there directly.

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
    AcceptFailed,
    AcceptPostponed,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    CleanUp,
    CleanUpFailed,
    Decided,
    Effect,
    Move,
    Present,
    Presented,
    PresentFailed,
    Removed,
    Selected,
    SelfCheck,
)
from scheduler.settings import Settings

MOVES: Mapping[Stage, Mapping[type[Move], Stage]] = {
    Stage.QUEUED: {
        Selected: Stage.PRESENTING,
        Removed: Stage.DONE,
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
        Removed: Stage.CLEANING_UP,
    },
    Stage.ACCEPTING: {
        Decided: Stage.CLEANING_UP,
        AcceptFailed: Stage.ACCEPTING,
        Removed: Stage.CLEANING_UP,
    },
    Stage.CLEANING_UP: {
        CleanedUp: Stage.DONE,
        CleanUpFailed: Stage.CLEANING_UP,
        Removed: Stage.CLEANING_UP,
    },
    Stage.DONE: {},
}

EFFECTS: Mapping[Stage, type[Effect] | None] = {
    Stage.QUEUED: None,
    Stage.PRESENTING: Present,
    Stage.CHECKING: SelfCheck,
    Stage.ACCEPTING: Accept,
    Stage.CLEANING_UP: CleanUp,
    Stage.DONE: None,
}

AUTHORIZED = "Successfully authorized domain"


def advance(challenge: Challenge, event: Move, now: datetime) -> Challenge:
    """Return the challenge after the event, or raise IllegalTransition."""
    stage = MOVES[challenge.stage].get(type(event))
    if stage is None:
        raise IllegalTransition(f"challenge {challenge.key} is {challenge.stage}: no move {type(event).__name__}")
    match event:
        case Presented():
            shown_at = challenge.presented_at or now
            return attrs.evolve(challenge, stage=stage, presented=True, presented_at=shown_at, reason="", failures=0)
        case CheckPassed():
            return attrs.evolve(challenge, stage=stage, checks=challenge.checks + 1, reason="", failures=0)
        case CheckFailed(reason=reason):
            waiting = f"Waiting for {challenge.type} challenge propagation: {reason}"
            return attrs.evolve(challenge, stage=stage, checks=challenge.checks + 1, reason=waiting, failures=0)
        case AcceptPostponed(reason=reason):
            return attrs.evolve(challenge, stage=stage, reason=reason, failures=0)
        case Decided():
            return _decided(challenge, event, stage)
        case CleanedUp():
            return attrs.evolve(challenge, stage=stage, presented=False, failures=0)
        case PresentFailed(reason=reason) | AcceptFailed(reason=reason):
            return attrs.evolve(challenge, stage=stage, reason=reason, failures=challenge.failures + 1)
        case CleanUpFailed(reason=reason):
            stuck = f"Error cleaning up challenge: {reason}"
            return attrs.evolve(challenge, stage=stage, reason=stuck, failures=challenge.failures + 1)
        case Removed():
            return attrs.evolve(challenge, stage=stage, removed=True)
    return attrs.evolve(challenge, stage=stage)


def _decided(challenge: Challenge, verdict: Decided, stage: Stage) -> Challenge:
    if verdict.state not in FINAL_STATES:
        raise IllegalTransition(f"challenge {challenge.key}: {verdict.state!r} is no verdict")
    reason = AUTHORIZED if verdict.state == "valid" else verdict.reason
    return attrs.evolve(challenge, stage=stage, state=verdict.state, reason=reason, failures=0)


def patience(before: Challenge, event: Move, after: Challenge, settings: Settings) -> timedelta:
    """Return how long to wait before the effect of the challenge's stage is asked for.

    A self-check that failed for a new reason is repeated at once: upstream
    writes the reason into the status, and that write wakes its controller.
    """
    match event:
        case CheckFailed(retry_after=retry_after):
            if after.reason != before.reason:
                return timedelta(0)
            return settings.retry_period if retry_after is None else retry_after
        case AcceptPostponed(remaining=remaining):
            # Nothing can come of looking earlier, though the reason is another each time.
            return min(remaining, settings.retry_period)
        case PresentFailed() | AcceptFailed() | CleanUpFailed():
            return backoff(after.failures, settings.min_backoff, settings.max_backoff)
    return timedelta(0)


def effect_of(challenge: Challenge) -> Effect | None:
    """Return what the challenge's stage is trying to do."""
    effect = EFFECTS[challenge.stage]
    return effect(challenge.key) if effect else None
