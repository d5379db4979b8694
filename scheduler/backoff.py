"""How long to wait after errors (upstream: pkg/controller/util.go)."""

from __future__ import annotations

from datetime import timedelta


def backoff(failures: int, first: timedelta, longest: timedelta) -> timedelta:
    """Return the wait after so many errors in a row: `first`, doubled each time, at most `longest`."""
    doublings = min(failures - 1, (longest // first).bit_length())
    return min(first * (1 << doublings), longest)
