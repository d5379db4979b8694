"""Moments to come back to a challenge: a delayed queue that holds each key once."""

from __future__ import annotations

import heapq
from datetime import datetime


class WorkQueue:
    """Keys with the moment each is due; equal moments keep the order in which they were put."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, str]] = []
        self._ticket_of: dict[str, int] = {}
        self._tickets = 0

    def put(self, key: str, due: datetime) -> None:
        """Come back to the key then, and not when it was due before."""
        self._tickets += 1
        self._ticket_of[key] = self._tickets
        heapq.heappush(self._heap, (due, self._tickets, key))

    def drop(self, key: str) -> None:
        """Do not come back to the key."""
        self._ticket_of.pop(key, None)

    def first(self) -> tuple[datetime, str] | None:
        """Return the next moment and its key."""
        while self._heap:
            due, ticket, key = self._heap[0]
            if self._ticket_of.get(key) == ticket:
                return due, key
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now: datetime) -> list[str]:
        """Take out the keys whose moment has come."""
        due = []
        while (first := self.first()) is not None and first[0] <= now:
            due.append(first[1])
            self.drop(first[1])
        return due
