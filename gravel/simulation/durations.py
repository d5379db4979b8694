"""Durations for people, and the unit that suits an axis."""

from __future__ import annotations

from itertools import pairwise

import attrs

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000))


@attrs.frozen
class Unit:
    """A unit of time: its sign, and how many milliseconds it has."""

    sign: str
    size: int


def unit_for(milliseconds: int) -> Unit:
    """Return the largest unit of which there are at least three; seconds where there is none."""
    return next((Unit(sign, size) for sign, size in _UNITS if milliseconds >= 3 * size), Unit("s", 1000))


def spoken(milliseconds: int) -> str:
    """Return a duration in its two largest units: `5 h`, `25 min 4 s`, `8.5 s`."""
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.3g} s"
    (sign, size), (smaller, part) = next(pair for pair in pairwise(_UNITS) if milliseconds >= pair[0][1])
    whole, rest = divmod(round(milliseconds / part) * part, size)
    return f"{whole} {sign}" + (f" {rest // part} {smaller}" if rest else "")
