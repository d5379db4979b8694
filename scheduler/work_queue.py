"""client-go's work queue: which challenge a worker looks at next, and which comes again when.

Keys leave in the order in which they came, each waits at most once, and no two
workers have the same one: a key that comes while it is worked on goes to the
end when its worker is done (k8s.io/client-go/util/workqueue).
"""

from __future__ import annotations

import heapq
from collections import deque
from datetime import datetime


class WorkQueue:
    """Keys that wait for one of `workers` (None: there is always one), and keys that come again later."""

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers
        self._ready: deque[str] = deque()
        self._dirty: set[str] = set()  # waiting, or to wait again when the worker is done
        self._working: set[str] = set()
        self._later: list[tuple[datetime, int, str]] = []
        self._due: dict[str, tuple[datetime, int]] = {}
        self._tickets = 0

    def add(self, key: str) -> None:
        """Have the key looked at after all that wait."""
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._working:
            self._ready.append(key)

    def take(self) -> str | None:
        """Give the next key to a worker; None when no key waits or no worker is free."""
        if not self._ready or len(self._working) == self._workers:
            return None
        key = self._ready.popleft()
        self._dirty.discard(key)
        self._working.add(key)
        return key

    def done(self, key: str) -> None:
        """Take the key back from its worker."""
        self._working.discard(key)
        if key in self._dirty:
            self._ready.append(key)

    def add_after(self, key: str, due: datetime) -> None:
        """Add the key then; of two moments the earlier counts."""
        known = self._due.get(key)
        if known is not None and known[0] <= due:
            return
        self._tickets += 1
        self._due[key] = (due, self._tickets)
        heapq.heappush(self._later, (due, self._tickets, key))

    def drop(self, key: str) -> None:
        """Do not come back to the key."""
        self._due.pop(key, None)

    def first(self) -> tuple[datetime, str] | None:
        """Return the next moment and its key."""
        while self._later:
            due, ticket, key = self._later[0]
            if self._due.get(key) == (due, ticket):
                return due, key
            heapq.heappop(self._later)
        return None

    def add_due(self, now: datetime) -> bool:
        """Add the keys whose moment has come, equal moments in the order in which they were given; False when none has."""
        found = False
        while (first := self.first()) is not None and first[0] <= now:
            self.drop(first[1])
            self.add(first[1])
            found = True
        return found
