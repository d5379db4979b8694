"""The asyncio driver: real time, and inquiries conducted against a real vantage."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from acme_server.protocol.driver import Cancel, Clock, Driver
from acme_server.protocol.vantage import Inquiry, Vantage, conduct

T = TypeVar("T")

_FAILURES_KEPT = 100
_log = logging.getLogger(__name__)


class AsyncioDriver(Driver):
    """Runs callbacks and inquiries on the running event loop, until it is closed.

    failures: what was raised where nobody asked to be told, the latest last.
    """

    def __init__(self, clock: Clock, vantage: Vantage) -> None:
        self._clock = clock
        self._vantage = vantage
        self._timers: dict[Callable[[], None], asyncio.Handle] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._closed = False
        self.failures: deque[Exception] = deque(maxlen=_FAILURES_KEPT)

    def now(self) -> datetime:
        """Return the clock's moment."""
        return self._clock()

    def later(self, delay: timedelta, callback: Callable[[], None]) -> Cancel:
        """Call back after the delay, measured by the event loop; what it raises is logged."""

        def fire() -> None:
            del self._timers[fire]
            self._guard(callback)

        def cancel() -> None:
            timer.cancel()
            self._timers.pop(fire, None)

        if self._closed:
            return _nothing
        loop = asyncio.get_running_loop()
        seconds = delay.total_seconds()
        timer = loop.call_later(seconds, fire) if seconds > 0 else loop.call_soon(fire)
        self._timers[fire] = timer
        return cancel

    def spawn(
        self,
        inquiry: Inquiry[T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Conduct an inquiry in a task of its own; without `failed`, what it raises is logged."""
        if self._closed:
            inquiry.close()
            return
        task = asyncio.get_running_loop().create_task(self._conduct(inquiry, done, failed))
        self._tasks[task] = None
        task.add_done_callback(lambda finished: self._tasks.pop(finished, None))

    async def close(self) -> None:
        """Cancel every timer and every inquiry, and wait until they are gone; nothing starts after this."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _conduct(
        self, inquiry: Inquiry[T], done: Callable[[T], None], failed: Callable[[Exception], None] | None
    ) -> None:
        try:
            result = await conduct(inquiry, self._vantage)
        except Exception as error:  # noqa: BLE001 - told to whoever asked, or logged
            if failed is None:
                self._remember(error)
            else:
                self._guard(failed, error)
        else:
            self._guard(done, result)
        finally:
            inquiry.close()

    def _guard(self, callback: Callable[..., None], *arguments: object) -> None:
        """One callback's mistake must not stop the others."""
        try:
            callback(*arguments)
        except Exception as error:  # noqa: BLE001 - logged
            self._remember(error)

    def _remember(self, error: Exception) -> None:
        _log.error("unexpected error", exc_info=error)
        self.failures.append(error)


def _nothing() -> None:
    """Nothing was set, so there is nothing to take back."""
