"""How long ago, in kubectl's words."""

from __future__ import annotations

from datetime import datetime, timedelta

from acme_server.protocol.times import parse_rfc3339

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY


def duration(passed: timedelta) -> str:
    """Return at most two units (k8s.io/apimachinery/pkg/util/duration, HumanDuration)."""
    seconds = max(int(passed.total_seconds()), 0)
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 10 * _MINUTE:
        return _two(seconds, _MINUTE, "m", 1, "s")
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 8 * _HOUR:
        return _two(seconds, _HOUR, "h", _MINUTE, "m")
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 8 * _DAY:
        return _two(seconds, _DAY, "d", _HOUR, "h")
    if seconds < 2 * _YEAR:
        return f"{seconds // _DAY}d"
    if seconds < 8 * _YEAR:
        return _two(seconds, _YEAR, "y", _DAY, "d")
    return f"{seconds // _YEAR}y"


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large}{large_name}" + (f"{rest}{small_name}" if rest else "")


def age(moment: str | None, now: datetime) -> str:
    """Return how long ago an RFC 3339 moment was."""
    try:
        return duration(now - parse_rfc3339(moment)) if moment else UNKNOWN
    except ValueError:
        return UNKNOWN
