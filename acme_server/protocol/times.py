"""Moments on the wire: RFC 3339, always UTC, always aware."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def rfc3339(moment: datetime) -> str:
    """Return `2026-11-22T01:02:03Z`, fractions cut."""
    return _zulu(moment, "seconds")


def rfc3339_micro(moment: datetime) -> str:
    """Return `2026-11-22T01:02:03.000004Z`."""
    return _zulu(moment, "microseconds")


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 moment; ValueError when it is not one or does not fit a datetime in UTC."""
    if not _RFC3339.fullmatch(text.upper()):
        raise ValueError(f"{text!r} is not an RFC 3339 moment")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def _zulu(moment: datetime, precision: str) -> str:
    """Format by hand what strftime takes ten times as long for: every reply and every fact has a moment."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec=precision).removesuffix("+00:00") + "Z"
