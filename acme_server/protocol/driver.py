"""The port through which a house lets things happen in time.

Two drivers implement it: the asyncio one (`acme_server.runner`) and the
virtual-time one (`scheduler.simulator.loop`). Callbacks run to completion
without waiting, one at a time, so nobody needs a lock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias, TypeVar

from acme_server.protocol.vantage import Inquiry

T = TypeVar("T")

Clock: TypeAlias = Callable[[], datetime]
"""Returns the present moment, aware, in UTC."""

Entropy: TypeAlias = Callable[[int], bytes]
"""Returns n random bytes."""

Cancel: TypeAlias = Callable[[], None]
"""Takes a timer back; harmless when it has fired."""


class RanTooLong(Exception):  # noqa: N818 - says what happened
    """A run took more events than it was allowed: most likely it would never have ended."""


class Driver(Protocol):
    """Time, and the network, for code that holds neither."""

    def now(self) -> datetime:
        """Return the present moment."""
        ...

    def later(self, delay: timedelta, callback: Callable[[], None], *, last: bool = False) -> Cancel:
        """Call back after the delay (at once, but not before returning, when it is zero).

        last: after all else that is due at that moment, and what follows from it in no time.
        """
        ...

    def spawn(
        self,
        inquiry: Inquiry[T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Run an inquiry and hand its result to `done`; a raised exception goes to `failed`."""
        ...
