"""A driver whose time jumps from one event to the next.

A heap of (due, sequence, callback): the sequence breaks ties in the order of
asking, so a run depends on nothing but its inputs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from acme_server.protocol.driver import Cancel, Driver, RanTooLong
from acme_server.protocol.times import rfc3339_micro
from acme_server.protocol.vantage import Answer, Inquiry, Question

T = TypeVar("T")


class VirtualDriver(Driver):
    """Needs no clock; `network` says what each question is answered, and after how long.

    max_events bounds each call of `run`.
    """

    def __init__(
        self,
        start: datetime,
        network: Callable[[Question], tuple[timedelta, Answer]],
        max_events: int = 1_000_000,
    ) -> None:
        self._now = start
        self._network = network
        self._max_events = max_events
        self._heap: list[tuple[datetime, int]] = []
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._sequence = 0

    @property
    def pending(self) -> tuple[datetime, ...]:
        """The moments at which something is due, the next one first."""
        return tuple(due for due, number in sorted(self._heap) if number in self._callbacks)

    def now(self) -> datetime:
        """Return the virtual moment."""
        return self._now

    def later(self, delay: timedelta, callback: Callable[[], None]) -> Cancel:
        """Call back after the delay; never before returning."""
        number = self._push(delay, callback)

        def cancel() -> None:
            self._callbacks.pop(number, None)

        return cancel

    def spawn(
        self,
        inquiry: Inquiry[T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Run an inquiry, beginning after what is due already; without `failed`, `run` raises its exception."""
        self._push(timedelta(0), lambda: self._step(inquiry, None, done, failed))

    def run(self, until: datetime | None = None) -> None:
        """Let time pass until nothing is due any more, or until a moment."""
        events = 0
        while (due := self._next()) is not None and (until is None or due <= until):
            if events == self._max_events:
                raise RanTooLong(
                    f"{events} events and no end at {rfc3339_micro(due)}: run until a moment, or find what repeats itself"
                )
            events += 1
            _, number = heapq.heappop(self._heap)
            self._now = due
            self._callbacks.pop(number)()
        if until is not None and until > self._now:
            self._now = until

    def _next(self) -> datetime | None:
        """Drop what was cancelled; return when the first of the rest is due."""
        while self._heap:
            due, number = self._heap[0]
            if number in self._callbacks:
                return due
            heapq.heappop(self._heap)
        return None

    def _push(self, delay: timedelta, callback: Callable[[], None]) -> int:
        self._sequence += 1
        self._callbacks[self._sequence] = callback
        heapq.heappush(self._heap, (self._now + max(delay, timedelta(0)), self._sequence))
        return self._sequence

    def _step(
        self,
        inquiry: Inquiry[T],
        answer: Answer | None,
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None,
    ) -> None:
        try:
            question = next(inquiry) if answer is None else inquiry.send(answer)
        except StopIteration as stop:
            done(stop.value)
        except Exception as error:
            if failed is None:
                raise
            failed(error)
        else:
            delay, heard = self._network(question)
            self._push(delay, lambda: self._step(inquiry, heard, done, failed))
