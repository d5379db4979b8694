"""What the scheduler is told (events) and what it asks for (effects).

Each effect is answered by exactly one event about the same challenge; ANSWERS
is that table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TypeAlias

import attrs

from scheduler.challenge import Challenge


@attrs.frozen
class Present:
    """Show the answer."""

    key: str


@attrs.frozen
class SelfCheck:
    """Look whether the answer can be seen."""

    key: str


@attrs.frozen
class Accept:
    """Tell the ACME server that the answer is there, and wait for its verdict."""

    key: str


@attrs.frozen
class CleanUp:
    """Take the answer away."""

    key: str


Effect: TypeAlias = Present | SelfCheck | Accept | CleanUp


@attrs.frozen
class Added:
    """A challenge exists; it may be one that an earlier run left in the middle.

    After a restart those in the middle come first: whoever is queued and added before them may take their slot.
    """

    challenge: Challenge


@attrs.frozen
class Removed:
    """The challenge was deleted; what is shown must be taken away first."""

    key: str


@attrs.frozen
class Selected:
    """Its turn has come; the engine tells itself, nobody else may."""

    key: str


@attrs.frozen
class Presented:
    """The answer is shown."""

    key: str


@attrs.frozen
class PresentFailed:
    """The answer could not be shown; tried again after a backoff."""

    key: str
    reason: str


@attrs.frozen
class CheckPassed:
    """The answer can be seen."""

    key: str


@attrs.frozen
class CheckFailed:
    """The answer cannot be seen yet."""

    key: str
    reason: str
    retry_after: timedelta | None = None


@attrs.frozen
class AcceptPostponed:
    """No self-check is wanted, and what is waited instead is not over (`waitInsteadOfSelfCheck`); `reason` says it whole."""

    key: str
    reason: str
    remaining: timedelta


@attrs.frozen
class Decided:
    """The ACME server's verdict, or an error that ends the challenge: a final state with its reason."""

    key: str
    state: str
    reason: str


@attrs.frozen
class AcceptFailed:
    """The verdict could not be had (network, 5xx, time-out); tried again after a backoff."""

    key: str
    reason: str


@attrs.frozen
class CleanedUp:
    """The answer is gone; the slot is free."""

    key: str


@attrs.frozen
class CleanUpFailed:
    """The answer could not be taken away; the slot stays taken, tried again after a backoff."""

    key: str
    reason: str


Event: TypeAlias = (
    Added
    | Removed
    | Presented
    | PresentFailed
    | CheckPassed
    | CheckFailed
    | AcceptPostponed
    | Decided
    | AcceptFailed
    | CleanedUp
    | CleanUpFailed
)

Move: TypeAlias = Event | Selected

ANSWERS: Mapping[type[Effect], tuple[type[Event], ...]] = {
    Present: (Presented, PresentFailed),
    SelfCheck: (CheckPassed, CheckFailed, AcceptPostponed),
    Accept: (Decided, AcceptFailed),
    CleanUp: (CleanedUp, CleanUpFailed),
}
