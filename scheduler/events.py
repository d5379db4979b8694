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
class AddFinalizer:
    """Have the resource stay until it is cleaned up: one write."""

    key: str


@attrs.frozen
class FetchState:
    """Ask the ACME server for the state of the challenge, by its authorization."""

    key: str


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
    """Tell the ACME server that the answer is there."""

    key: str


@attrs.frozen
class WaitAuthorization:
    """Wait for the ACME server's verdict."""

    key: str


@attrs.frozen
class CleanUp:
    """Take the answer away."""

    key: str


@attrs.frozen
class Release:
    """Have the resource say that it is not processing any more: one write."""

    key: str


Effect: TypeAlias = AddFinalizer | FetchState | Present | SelfCheck | Accept | WaitAuthorization | CleanUp | Release


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
class FinalizerAdded:
    """The resource stays until it is cleaned up."""

    key: str


@attrs.frozen
class StateFetched:
    """The ACME server has not decided yet."""

    key: str


@attrs.frozen
class SyncFailed:
    """A write or a look at the server failed, or there was no verdict in time; tried again after a backoff."""

    key: str
    reason: str


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
class Accepted:
    """The ACME server knows that the answer is there."""

    key: str


@attrs.frozen
class Decided:
    """The ACME server's verdict, or an error that ends the challenge: a final state with its reason."""

    key: str
    state: str
    reason: str


@attrs.frozen
class AcceptFailed:
    """The server could not be told (network, 5xx); tried again from the self-check on, after a backoff."""

    key: str
    reason: str


@attrs.frozen
class CleanedUp:
    """The answer is gone."""

    key: str


@attrs.frozen
class CleanUpFailed:
    """The answer could not be taken away; the slot stays taken, tried again after a backoff."""

    key: str
    reason: str


@attrs.frozen
class Released:
    """The slot is free."""

    key: str


@attrs.frozen
class Yielded:
    """It failed as many self-checks as the policy allows; the engine tells itself, nobody else may."""

    key: str


@attrs.frozen
class Requeued:
    """Its slot is free, though nothing was decided; the engine tells itself, nobody else may."""

    key: str


Answer: TypeAlias = (
    FinalizerAdded
    | StateFetched
    | SyncFailed
    | Presented
    | PresentFailed
    | CheckPassed
    | CheckFailed
    | AcceptPostponed
    | Accepted
    | Decided
    | AcceptFailed
    | CleanedUp
    | CleanUpFailed
    | Released
)

Event: TypeAlias = Added | Removed | Answer

Move: TypeAlias = Event | Selected | Yielded | Requeued

ANSWERS: Mapping[type[Effect], tuple[type[Answer], ...]] = {
    AddFinalizer: (FinalizerAdded, SyncFailed),
    FetchState: (StateFetched, Decided, SyncFailed),
    Present: (Presented, PresentFailed),
    SelfCheck: (CheckPassed, CheckFailed, AcceptPostponed),
    Accept: (Accepted, Decided, AcceptFailed),
    WaitAuthorization: (Decided, SyncFailed),
    CleanUp: (CleanedUp, CleanUpFailed),
    Release: (Released, SyncFailed),
}
