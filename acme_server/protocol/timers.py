"""Callbacks by the moment at which they are due; both drivers keep theirs here.

What is due at one moment comes in the order of asking, so that a run depends
on nothing but its inputs; then what is to come last in it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime

from acme_server.protocol.driver import Cancel


class Timers:
    """A heap of (due, last, number); `latest` is the number of the one that was added last."""

    def __init__(self) -> None:
        self.latest = 0
        self._heap: list[tuple[datetime, bool, int]] = []
        self._callbacks: dict[int, Callable[[], None]] = {}

    def add(self, due: datetime, callback: Callable[[], None], last: bool = False) -> Cancel:
        """Keep a callback; the returned function takes it back."""
        self.latest = number = self.latest + 1
        self._callbacks[number] = callback
        heapq.heappush(self._heap, (due, last, number))

        def cancel() -> None:
            self._callbacks.pop(number, None)

        return cancel

    def first(self) -> tuple[datetime, int] | None:
        """Return when the first is due, and its number; None when there is none."""
        while self._heap:
            due, _, number = self._heap[0]
            if number in self._callbacks:
                return due, number
            heapq.heappop(self._heap)
        return None

    def take(self) -> Callable[[], None]:
        """Remove and return the callback that `first` spoke of."""
        return self._callbacks.pop(heapq.heappop(self._heap)[2])

    def moments(self) -> tuple[datetime, ...]:
        """Return all due moments in order."""
        return tuple(due for due, _, number in sorted(self._heap) if number in self._callbacks)

    def clear(self) -> None:
        """Forget them all."""
        self._callbacks.clear()
