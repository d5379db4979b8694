"""The generic cell rate algorithm, pure: what a bucket was and the moment in, a decision and what it is then out.

A bucket is one moment, its theoretical arrival time (TAT): when it will be
full again. One that lies in the past, or was never seen, is a full bucket.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import attrs

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
# Milliseconds: sums with a world's clock must stay within the calendar.
_LONGEST = 36525 * _UNITS["d"]
_TEXT = re.compile(r"([1-9]\d{0,6})/([1-9]\d{0,5})?(ms|[smhdw])(?:/([1-9]\d{0,6}))?", re.ASCII)


@attrs.frozen
class Rate:
    """`count` in each `period`, evenly; `burst` at once."""

    count: int
    period: timedelta
    burst: int

    @property
    def interval(self) -> timedelta:
        """How long one takes to come back."""
        return self.period / self.count

    def __str__(self) -> str:
        """Return what parse_rate reads."""
        length = self.period // timedelta(milliseconds=1)
        unit = next(unit for unit in reversed(_UNITS) if length % _UNITS[unit] == 0)
        many = length // _UNITS[unit]
        burst = "" if self.burst == self.count else f"/{self.burst}"
        return f"{self.count}/{many if many > 1 else ''}{unit}{burst}"


@attrs.frozen
class Decision:
    """Whether there was room; retry_in: how long until there is; full_at: the bucket's TAT from now on."""

    allowed: bool
    retry_in: timedelta
    full_at: datetime


def parse_rate(text: str) -> Rate:
    """Read COUNT/PERIOD or COUNT/PERIOD/BURST, such as 300/3h, 20/s/10; without BURST it is COUNT. Else ValueError."""
    found = _TEXT.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:64]!r} is no rate; write COUNT/PERIOD[/BURST], such as 300/3h or 20/s/10")
    count, burst = int(found[1]), int(found[4] or found[1])
    length = int(found[2] or 1) * _UNITS[found[3]]
    if length * max(burst, count) > _LONGEST * count:
        raise ValueError(f"{text!r} takes more than a hundred years to refill")
    return Rate(count, timedelta(milliseconds=length), burst)


def spend(rate: Rate, full_at: datetime | None, now: datetime) -> Decision:
    """Take one out of a bucket; where there is none, it stays as it is."""
    current = now if full_at is None or full_at < now else full_at
    after = current + rate.interval
    retry_in = after - rate.burst * rate.interval - now
    if retry_in > timedelta(0):
        return Decision(False, retry_in, current)
    return Decision(True, timedelta(0), after)
