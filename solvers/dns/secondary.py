"""A nameserver that shows each change of a zone only a while after it was made, as secondaries and caches do."""

from __future__ import annotations

import hashlib
from collections import deque
from datetime import datetime, timedelta

import attrs

from solvers.dns.history import Change
from solvers.dns.tree import RRsets
from solvers.dns.zone import Zone


@attrs.frozen
class Lag:
    """How late: `shortest`, or uniformly up to `longest`, for each serial as the seed says."""

    shortest: timedelta
    longest: timedelta
    seed: bytes = b""

    def of(self, change: Change) -> timedelta:
        """Return how late a change is; all changes of one serial are equally late."""
        if self.longest == self.shortest:
            return self.shortest
        drawn = hashlib.sha256(self.seed + str(change.serial).encode("ascii")).digest()
        return self.shortest + (self.longest - self.shortest) * (int.from_bytes(drawn[:7], "big") / 2**56)

    def hides(self, change: Change, now: datetime) -> bool:
        """Whether a change is not to be seen yet."""
        return now - change.at < self.of(change)


class Secondary:
    """Follows a zone late; what is set for all names at once (default addresses, zones) is seen at once.

    Of two changes of one name the later one wins as soon as it is seen. As many
    changes can be late as the zone remembers.
    """

    def __init__(self, primary: Zone, lag: Lag) -> None:
        self._primary, self._lag = primary, lag
        self._twin = Zone()
        self._log: deque[Change] | None = None
        self._late: tuple[Change, ...] = ()
        self._upto = 0

    def at(self, now: datetime) -> Zone:
        """Return the zone as it is seen at a moment, to be asked at once; moments do not go back."""
        primary = self._primary
        if self._log is not primary.changes:
            self._twin, self._log, self._late, self._upto = primary.copy(), primary.changes, (), primary.serial
        recent = self._recent(now)
        changed = (*self._late, *recent)
        seen = {change.name: primary.stored(change.name) for change in changed}
        seen.update(_past(recent, self._lag, now))
        visible = [change.serial for change in recent if not self._lag.hides(change, now)]
        hidden = len(visible) < len(recent)
        serial = max(visible, default=recent[0].serial - 1) if hidden else primary.serial
        self._twin.revise(primary, seen, serial)
        self._late, self._upto = recent, primary.serial
        return self._twin

    def _recent(self, now: datetime) -> tuple[Change, ...]:
        """Return the changes that may be late still, and those that nobody has looked at, oldest first."""
        found = []
        for change in reversed(self._primary.changes):
            if now - change.at >= self._lag.longest and change.serial <= self._upto:
                break
            found.append(change)
        return tuple(reversed(found))


def _past(recent: tuple[Change, ...], lag: Lag, now: datetime) -> dict[str, RRsets]:
    """Return what the names of recent changes are seen to hold."""
    seen: dict[str, RRsets] = {}
    for change in recent:
        if not lag.hides(change, now):
            seen[change.name] = change.after
        else:
            seen.setdefault(change.name, change.before)
    return seen
