"""Inquiries, so many at once: the others wait for their turn, in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from acme_server.protocol.driver import Driver
from acme_server.protocol.vantage import Inquiry

T = TypeVar("T")


class BoundedSpawn:
    """Has a driver conduct inquiries, at most `limit` at once: as many sockets, for each asks one question at a time."""

    def __init__(self, driver: Driver, limit: int) -> None:
        self._driver = driver
        self._free = limit
        self._waiting: deque[Callable[[], None]] = deque()

    def spawn(self, inquiry: Inquiry[T], done: Callable[[T], None], failed: Callable[[Exception], None]) -> None:
        """See acme_server.protocol.driver.Driver."""
        start = partial(self._driver.spawn, inquiry, partial(self._ended, done), partial(self._ended, failed))
        if self._free:
            start()
            self._free -= 1
        else:
            self._waiting.append(start)

    def _ended(self, tell: Callable[[Any], None], result: Any) -> None:
        try:
            tell(result)
        finally:
            if self._waiting:
                self._waiting.popleft()()
            else:
                self._free += 1
