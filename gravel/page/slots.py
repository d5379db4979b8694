"""The scheduler as a picture wants it: who holds the slots, who waits, and for whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from acme_server.protocol.journal import Entry
from acme_server.protocol.times import rfc3339_micro
from scheduler.challenge import Challenge, Stage
from scheduler.policies import first_come

# Of the queue, so many are shown: its beginning.
QUEUE = 200


def slots_and_queue(challenges: Iterable[Challenge], maximum: int, recent: Iterable[Entry]) -> dict[str, Any]:
    """Return slots, queue and ends as JSON; maximum: of slots; recent: entries of the journal, for slots over time.

    `held_by` is the challenge for the same name and type that goes first, None where only a slot is waited for.
    """
    known = tuple(challenges)
    holding = [each for each in known if each.processing]
    waiting = sorted((each for each in known if each.stage is Stage.QUEUED and not each.final), key=first_come)
    first: dict[tuple[str, str], str] = {each.conflict_key: each.key for each in holding}
    queue: list[dict[str, Any]] = []
    for each in waiting:
        before = first.setdefault(each.conflict_key, each.key)
        if len(queue) < QUEUE:
            queue.append({**challenge_of(each), "held_by": None if before == each.key else before})
    ends: dict[str, int] = {}
    for each in known:
        if each.stage is Stage.DONE:
            ends[each.state] = ends.get(each.state, 0) + 1
    return {
        "maximum": maximum,
        "slots": [challenge_of(each) for each in holding],
        "waiting": len(waiting),
        "queue": queue,
        "ends": ends,
        "recent": [[entry.at, entry.data["slots"]] for entry in recent if "slots" in entry.data],
    }


def challenge_of(challenge: Challenge) -> dict[str, Any]:
    """Return where one challenge is."""
    return {
        "id": challenge.key,
        "name": f"{'*.' if challenge.wildcard else ''}{challenge.dns_name}",
        "type": challenge.type,
        "stage": challenge.stage.value,
        "state": challenge.state,
        "reason": challenge.reason,
        "checks": challenge.checks,
        "failures": challenge.failures,
        "queued": rfc3339_micro(challenge.queued),
    }
