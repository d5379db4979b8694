"""A driver whose time jumps from one event to the next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from acme_server.protocol.driver import Cancel, Driver, RanTooLong
from acme_server.protocol.timers import Timers
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
        self._timers = Timers()

    @property
    def pending(self) -> tuple[datetime, ...]:
        """The moments at which something is due, the next one first."""
        return self._timers.moments()

    def now(self) -> datetime:
        """Return the virtual moment."""
        return self._now

    def later(self, delay: timedelta, callback: Callable[[], None], *, last: bool = False) -> Cancel:
        """Call back after the delay; never before returning."""
        return self._timers.add(self._now + max(delay, timedelta(0)), callback, last)

    def spawn(
        self,
        inquiry: Inquiry[T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Run an inquiry, beginning after what is due already; without `failed`, `run` raises its exception."""
        self.later(timedelta(0), lambda: self._step(inquiry, None, done, failed))

    def run(self, until: datetime | None = None) -> None:
        """Let time pass until nothing is due any more, or until a moment."""
        events = 0
        while (first := self._timers.first()) is not None and (until is None or first[0] <= until):
            if events == self._max_events:
                raise RanTooLong(
                    f"{events} events and no end at {rfc3339_micro(first[0])}: run until a moment, or find what repeats itself"
                )
            events += 1
            self._now = first[0]
            self._timers.take()()
        if until is not None and until > self._now:
            self._now = until

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
            self.later(delay, lambda: self._step(inquiry, heard, done, failed))
