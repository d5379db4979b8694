"""The scheduler's queue as a cluster shows it: who holds slots, who starts next, who waits for whose key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import attrs

from issuer_bridge.diagnosis.cluster import created, deleted, status_of
from issuer_bridge.references import key_of
from issuer_bridge.resources import Resource
from scheduler.challenge import FINAL_STATES
from scheduler.selection import ConflictKey, select


@attrs.frozen
class Seat:
    """A Challenge as cert-manager's scheduler looks at it, by its status alone."""

    key: str
    dns_name: str
    type: str
    created: datetime
    processing: bool
    final: bool

    @property
    def conflict_key(self) -> ConflictKey:
        """What must not run twice at once."""
        return (self.dns_name, self.type)


@attrs.frozen
class Queue:
    """running: who holds a slot; waiting: who may start, first first; behind: a Challenge -> who has its key."""

    maximum: int
    running: tuple[Seat, ...]
    waiting: tuple[Seat, ...]
    behind: Mapping[str, Seat]
    places: Mapping[str, int] = attrs.field(init=False, repr=False)

    @places.default
    def _places(self) -> Mapping[str, int]:
        return {seat.key: number for number, seat in enumerate(self.waiting, 1)}

    @property
    def free(self) -> int:
        """How many slots nobody holds."""
        return max(0, self.maximum - len(self.running))


def seat_of(challenge: Resource) -> Seat:
    """Return what the scheduler sees of a Challenge."""
    spec, status = challenge["spec"], status_of(challenge)
    born = created(challenge) or datetime.min.replace(tzinfo=UTC)
    final = status.get("state") in FINAL_STATES
    return Seat(key_of(challenge), spec["dnsName"], spec["type"], born, bool(status.get("processing")), final)


def queue_of(challenges: Iterable[Resource], maximum: int) -> Queue:
    """Ask the scheduler's own selection for the order in which all would start."""
    seats = [seat_of(challenge) for challenge in challenges if not deleted(challenge) or _holds(challenge)]
    running = [seat for seat in seats if seat.processing]
    waiting = select(seats, len(seats), len(seats) + len(running))
    holders = {seat.conflict_key: seat for seat in (*waiting, *running)}
    behind = {
        seat.key: holders[seat.conflict_key]
        for seat in seats
        if not seat.processing and not seat.final and holders[seat.conflict_key] != seat
    }
    return Queue(maximum, tuple(running), tuple(waiting), behind)


def _holds(challenge: Resource) -> bool:
    return bool(status_of(challenge).get("processing"))
