"""The asyncio driver: a world's time on the event loop, and inquiries conducted against a real vantage.

Timers and pauses wait for the world's clock: they are kept by their due moments, with one
timer of the event loop for the first. So time can be frozen, and advanced
from one due moment to the next, while sockets stay real.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import attrs

from acme_server.clock import WorldClock
from acme_server.protocol.driver import Cancel, Clock, Driver, RanTooLong
from acme_server.protocol.timers import Timers
from acme_server.protocol.times import rfc3339_micro
from acme_server.protocol.vantage import Answer, Elapsed, Inquiry, Pause, Question, Vantage

T = TypeVar("T")

_FAILURES_KEPT = 100
_log = logging.getLogger(__name__)


@attrs.frozen(eq=False)
class _Conducted:
    """An inquiry under way, and who waits for it."""

    inquiry: Inquiry[Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None] | None


class AsyncioDriver(Driver):
    """Runs callbacks and inquiries on the running event loop, until it is closed.

    clock: followed, or used as it is when it is a world's already; failures:
    what was raised where nobody asked to be told, the latest last; max_events
    bounds each advance.
    """

    def __init__(self, clock: Clock, vantage: Vantage, max_events: int = 1_000_000) -> None:
        self.clock = clock if isinstance(clock, WorldClock) else WorldClock(clock)
        self.failures: deque[Exception] = deque(maxlen=_FAILURES_KEPT)
        self._vantage = vantage
        self._max_events = max_events
        self._timers = Timers()
        self._alarm: tuple[datetime, asyncio.Handle] | None = None
        self._inquiries: dict[_Conducted, None] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._turning = asyncio.Lock()
        self._advancing = self._resumes = False
        self._closed = False

    def now(self) -> datetime:
        """Return the world's moment."""
        return self.clock()

    @property
    def position(self) -> tuple[timedelta, datetime | None]:
        """Where the clock is, to have it again; one that stands only while it is moved runs on from there."""
        return self.clock.running if self._resumes else self.clock.position

    def next_due(self) -> datetime | None:
        """Return when something is due next, or None."""
        first = self._timers.first()
        return first[0] if first else None

    def later(self, delay: timedelta, callback: Callable[[], None], *, last: bool = False) -> Cancel:
        """Call back after the delay, in the world's time; what it raises is logged."""
        return self._push(delay, callback, last)

    def spawn(
        self,
        inquiry: Inquiry[T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Conduct an inquiry, beginning after what is due already; without `failed`, what it raises is logged."""
        if self._closed:
            inquiry.close()
            return
        conducted = _Conducted(inquiry, done, failed)
        self._inquiries[conducted] = None
        self._push(timedelta(0), partial(self._step, conducted))

    async def freeze(self) -> None:
        """Stop the clock, once an advance under way has ended; what is due already still happens."""
        async with self._turning:
            self.clock.freeze()
            self._set_alarm()

    async def resume(self) -> None:
        """Let the clock run on."""
        async with self._turning:
            self.clock.resume()
            self._set_alarm()

    async def advance(self, duration: timedelta) -> None:
        """Jump forward, from one due moment to the next; return when everything due has happened.

        At each moment it waits for the answers that inquiries are waiting for
        (those take real time), but for no pause. ValueError when time cannot go
        there; RanTooLong when there was no end.
        """
        async with self._standing_still():
            until = self.clock.after(duration)
            events = await self._settle(0)
            while (due := self.next_due()) is not None and due <= until:
                self.clock.move_to(due)
                events = await self._settle(events)
            self.clock.move_to(until)

    async def run_to_next(self) -> bool:
        """Jump to the moment at which something is due next, and let it happen; False when nothing is."""
        async with self._standing_still():
            events = await self._settle(0)
            due = self.next_due()
            if due is None:
                return False
            self.clock.move_to(due)
            await self._settle(events)
            return True

    async def close(self) -> None:
        """Cancel every timer and every inquiry, and wait until they are gone; nothing starts after this."""
        self._closed = True
        self._timers.clear()
        self._set_alarm()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for conducted in tuple(self._inquiries):
            self._guard(conducted.inquiry.close)
        self._inquiries.clear()

    @asynccontextmanager
    async def _standing_still(self) -> AsyncIterator[None]:
        """Inside, time passes only when it is moved."""
        async with self._turning:
            ran = not self.clock.frozen
            self.clock.freeze()
            self._advancing, self._resumes = True, ran
            try:
                yield
            finally:
                self._advancing = self._resumes = False
                if ran:
                    self.clock.resume()
                self._set_alarm()

    async def _settle(self, events: int) -> int:
        """Run what is due and wait for answers, until all that is left waits for time; return the events so far."""
        while not self._closed:
            ran = self._turn()
            events += ran
            if events > self._max_events:
                raise RanTooLong(f"{events} events and no end at {rfc3339_micro(self.now())}: advance less at once")
            if ran:
                await asyncio.sleep(0)
            elif self._tasks:
                await asyncio.wait(tuple(self._tasks), return_when=asyncio.FIRST_COMPLETED)
            else:
                break
        return events

    def _turn(self) -> int:
        """Run what is due, in the order of asking; what that adds waits for the next turn. Return how many there were."""
        now, latest, count = self.now(), self._timers.latest, 0
        while (first := self._timers.first()) is not None and first[0] <= now and first[1] <= latest:
            self._guard(self._timers.take())
            count += 1
        return count

    def _ring(self) -> None:
        self._alarm = None
        self._turn()
        self._set_alarm()

    def _push(self, delay: timedelta, callback: Callable[[], None], last: bool = False) -> Cancel:
        if self._closed:
            return lambda: None
        due = self.now() + max(delay, timedelta(0))
        cancel = self._timers.add(due, callback, last)
        if self._alarm is None or due < self._alarm[0]:
            self._set_alarm()
        return cancel

    def _set_alarm(self) -> None:
        """Have the event loop call when something is due: at once, later, or, with time standing still, never."""
        if self._alarm is not None:
            self._alarm[1].cancel()
            self._alarm = None
        due = self.next_due()
        if due is None or self._advancing:
            return
        wait = (due - self.now()).total_seconds()
        loop = asyncio.get_running_loop()
        if wait <= 0:
            self._alarm = (due, loop.call_soon(self._ring))
        elif not self.clock.frozen:
            self._alarm = (due, loop.call_later(wait, self._ring))

    def _step(self, conducted: _Conducted, answer: Answer | None = None) -> None:
        """Go on with an inquiry to its next question; a pause is a timer, anything else is asked in a task."""
        question = self._send(conducted, answer)
        if isinstance(question, Pause):
            self._push(question.duration, partial(self._step, conducted, Elapsed()))
        elif question is not None:
            task = asyncio.get_running_loop().create_task(self._ask(conducted, question))
            self._tasks[task] = None
            task.add_done_callback(lambda finished: self._tasks.pop(finished, None))

    async def _ask(self, conducted: _Conducted, question: Question | None) -> None:
        """Ask question after question, until the inquiry pauses or ends."""
        while question is not None and not isinstance(question, Pause):
            try:
                answer = await self._vantage(question)
            except Exception as error:  # noqa: BLE001 - told to whoever asked, or logged
                self._guard(conducted.inquiry.close)
                self._fail(conducted, error)
                return
            question = self._send(conducted, answer)
        if question is not None:
            self._push(question.duration, partial(self._step, conducted, Elapsed()))

    def _send(self, conducted: _Conducted, answer: Answer | None) -> Question | None:
        """Hand an answer over; return the next question, or None when the inquiry has ended."""
        try:
            return next(conducted.inquiry) if answer is None else conducted.inquiry.send(answer)
        except StopIteration as stop:
            del self._inquiries[conducted]
            self._guard(conducted.done, stop.value)
        except Exception as error:  # noqa: BLE001 - told to whoever asked, or logged
            self._fail(conducted, error)
        return None

    def _fail(self, conducted: _Conducted, error: Exception) -> None:
        del self._inquiries[conducted]
        if conducted.failed is None:
            self._remember(error)
        else:
            self._guard(conducted.failed, error)

    def _guard(self, callback: Callable[..., None], *arguments: object) -> None:
        """One callback's mistake must not stop the others."""
        try:
            callback(*arguments)
        except Exception as error:  # noqa: BLE001 - logged
            self._remember(error)

    def _remember(self, error: Exception) -> None:
        _log.error("unexpected error", exc_info=error)
        self.failures.append(error)
