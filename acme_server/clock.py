"""A world's clock: runs with another clock or stands still, and only ever goes forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs

from acme_server.protocol.driver import Clock

# Far enough from what a datetime can hold that a lifetime may still be added.
END = datetime(9000, 1, 1, tzinfo=UTC)


@attrs.define
class WorldClock:
    """Follows `base`, which it may be ahead of or behind; `stopped` is the moment at which it stands, if it does.

    When the base steps back, the world goes on from where it is.
    """

    _base: Clock
    _ahead: timedelta = timedelta(0)
    _stopped: datetime | None = None
    _latest: datetime | None = None

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._stopped is not None

    def __call__(self) -> datetime:
        """Return the world's moment."""
        if self._stopped is not None:
            return self._stopped
        moment = self._base() + self._ahead
        if self._latest is not None and moment < self._latest:
            self._ahead += self._latest - moment
            moment = self._latest
        self._latest = moment
        return moment

    @property
    def position(self) -> tuple[timedelta, datetime | None]:
        """How far it is ahead of what it follows, and where it stands: all that has to be kept to have it again."""
        return self._ahead, self._stopped

    @property
    def running(self) -> tuple[timedelta, None]:
        """The same, as if it ran on from here."""
        return self() - self._base(), None

    def place(self, ahead: timedelta, stopped: datetime | None) -> None:
        """Be where another clock was, by its `position`."""
        self._ahead, self._stopped = ahead, stopped

    def freeze(self) -> None:
        """Stand still."""
        self._stopped = self()

    def resume(self) -> None:
        """Run on, from the moment at which it stood."""
        if self._stopped is not None:
            self._ahead, self._stopped = self._stopped - self._base(), None

    def after(self, duration: timedelta) -> datetime:
        """Return the moment that comes after a duration; ValueError when the clock cannot go there."""
        if duration < timedelta(0):
            raise ValueError("time only goes forward")
        now = self()
        if duration > END - now:
            raise ValueError(f"time ends in the year {END.year}")
        return now + duration

    def advance(self, duration: timedelta) -> None:
        """Jump forward, still running or still standing."""
        self.move_to(self.after(duration))

    def move_to(self, moment: datetime) -> None:
        """Jump forward to a moment; one that has passed changes nothing."""
        leap = max(moment - self(), timedelta(0))
        if self._stopped is None:
            self._ahead += leap
        else:
            self._stopped += leap

    def copy(self) -> WorldClock:
        """Return a clock that shows the same from now on, and goes its own way."""
        return attrs.evolve(self)


def clock_from(base: Clock, start: datetime | None = None, *, frozen: bool = False) -> WorldClock:
    """Return a clock that shows `start` now, or with None what the base shows."""
    now = base()
    moment = now if start is None else start
    return WorldClock(base, moment - now, moment if frozen else None)
