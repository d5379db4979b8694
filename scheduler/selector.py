"""The queue and the slots, kept in order between passes, so that a pass need not sort all challenges.

Decides exactly as `scheduler.selection.select` does. Those that wait are kept
apart by what they conflict with; only the first of each key that is not busy
stands in the heap from which the next is taken. A start, an end and an arrival
cost the logarithm of how many wait, whoever else does.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

from scheduler.challenge import Challenge, Stage
from scheduler.policies import first_come
from scheduler.selection import ConflictKey

_Entry: TypeAlias = tuple[Any, int, Challenge]
"""Sort key, number of arrival in the queue, and who waits."""


class Selector:
    """Who waits and which conflict keys are busy; told of every change of a challenge."""

    def __init__(self, maximum: int, order: Callable[[Challenge], Any] = first_come) -> None:
        self.maximum = maximum
        """How many slots there are."""
        self._order = order
        self._arrivals = 0
        self._waiting: dict[str, _Entry] = {}
        # Heaps; what does not wait any more, or whose key is busy, is thrown away when it comes up.
        self._queues: dict[ConflictKey, list[_Entry]] = {}
        self._heads: list[_Entry] = []
        self._busy: dict[ConflictKey, int] = {}
        self.slots = 0
        """How many slots are in use."""

    def note(self, before: Challenge | None, after: Challenge | None) -> None:
        """Take in that a challenge changed; None stands for one that is not known."""
        if _processing(before) and _processing(after):
            return
        left = None if before is None else self._waiting.pop(before.key, None)
        if after is not None:
            self._learn(after)
        if before is None:
            return
        key = before.conflict_key
        if before.processing:
            self.slots -= 1
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
                self._show_head(key)
        elif left is not None and self._queues[key][0] is left:
            self._show_head(key)

    def first(self) -> Challenge | None:
        """Return the challenge to start now; None when no slot is free or nobody may."""
        if self.slots >= self.maximum:
            return None
        while self._heads:
            entry = self._heads[0]
            challenge = entry[2]
            if self._waiting.get(challenge.key) is entry and challenge.conflict_key not in self._busy:
                return challenge
            heappop(self._heads)
        return None

    def _learn(self, challenge: Challenge) -> None:
        key = challenge.conflict_key
        if challenge.processing:
            self.slots += 1
            self._busy[key] = self._busy.get(key, 0) + 1
        elif _waits(challenge):
            self._arrivals += 1
            entry = self._waiting[challenge.key] = (self._order(challenge), self._arrivals, challenge)
            queue = self._queues.setdefault(key, [])
            heappush(queue, entry)
            if queue[0] is entry and key not in self._busy:
                heappush(self._heads, entry)

    def _show_head(self, key: ConflictKey) -> None:
        queue = self._queues.get(key, [])
        while queue and self._waiting.get(queue[0][2].key) is not queue[0]:
            heappop(queue)
        if not queue:
            self._queues.pop(key, None)
        elif key not in self._busy:
            heappush(self._heads, queue[0])


def _processing(challenge: Challenge | None) -> bool:
    return challenge is not None and challenge.processing


def _waits(challenge: Challenge) -> bool:
    return challenge.stage is Stage.QUEUED and not challenge.final
