"""Go's durations (`2160h`, `1h30m`), as Kubernetes writes them in `spec.duration`."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from decimal import Decimal

_UNITS = {
    "ns": Decimal("0.001"),
    "us": Decimal(1),
    "µs": Decimal(1),
    "ms": Decimal(1000),
    "s": Decimal(1_000_000),
    "m": Decimal(60_000_000),
    "h": Decimal(3_600_000_000),
}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"[-+]?(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """Read a Go duration; ValueError when it is not one."""
    if text in ("0", "+0", "-0"):
        return timedelta(0)
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:64]!r} is not a duration such as 2160h or 1h30m")
    total = sum((Decimal(number) * _UNITS[unit] for number, unit in _PART.findall(text)), Decimal(0))
    return timedelta(microseconds=int(-total if text.startswith("-") else total))


def format_duration(duration: timedelta) -> str:
    """Write a duration of whole seconds as Go does: `1h0m0s`, `1m30s`, `5s`."""
    sign = "-" if duration < timedelta(0) else ""
    minutes, seconds = divmod(int(abs(duration).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{sign}{hours}h{minutes}m{seconds}s"
    return f"{sign}{minutes}m{seconds}s" if minutes else f"{sign}{seconds}s"


def fraction_of(name: str) -> float:
    """Return a number from 0 to 1 that follows from a name: it spreads moments, and no restart draws another."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
