"""The queue and the slots, kept in order between passes, so that a pass need not sort all challenges.

Decides exactly as `scheduler.selection.select` does. A pass costs what it
walks past: the younger duplicates of names in progress, and whom it starts.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from scheduler.challenge import Challenge, Stage
from scheduler.selection import ConflictKey, age, oldest_of_each_key


class Selector:
    """Who waits, the oldest first, and which conflict keys are busy; told of every change of a challenge."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._waiting: list[Challenge] = []
        self._busy: dict[ConflictKey, int] = {}
        self._stirred = False
        self.slots = 0
        """How many slots are in use."""

    def note(self, before: Challenge | None, after: Challenge | None) -> None:
        """Take in that a challenge changed; None stands for one that is not known."""
        if _processing(before) and _processing(after):
            return
        if before is not None:
            self._forget(before)
        if after is not None:
            self._learn(after)

    def select(self) -> list[Challenge]:
        """Return the challenges to start now; nobody when none came and none ended since the last pass."""
        if not self._stirred:
            return []
        self._stirred = False
        return oldest_of_each_key(self._waiting, self._busy, self._maximum - self.slots)

    def _learn(self, challenge: Challenge) -> None:
        if challenge.processing:
            self.slots += 1
            self._busy[challenge.conflict_key] = self._busy.get(challenge.conflict_key, 0) + 1
        elif _waits(challenge):
            insort(self._waiting, challenge, key=age)
            self._stirred = True

    def _forget(self, challenge: Challenge) -> None:
        if challenge.processing:
            self._stirred = True
            self.slots -= 1
            self._busy[challenge.conflict_key] -= 1
            if not self._busy[challenge.conflict_key]:
                del self._busy[challenge.conflict_key]
        elif _waits(challenge):
            place = bisect_left(self._waiting, age(challenge), key=age)
            del self._waiting[self._waiting.index(challenge, place)]


def _processing(challenge: Challenge | None) -> bool:
    return challenge is not None and challenge.processing


def _waits(challenge: Challenge) -> bool:
    return challenge.stage is Stage.QUEUED and not challenge.final
