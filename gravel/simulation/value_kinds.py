"""The kinds of a scenario's values: how each is read from a flag or from YAML, and how it is written again.

A reader's ValueError completes the sentence "cluster.workers: ...".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

import attrs

from gravel.management.request_body import Body
from scheduler.simulator.delays import Delay
from scheduler.simulator.scenario import DAY, HOUR, MINUTE, SECOND

LONGEST = 36525 * DAY
_DELAY = re.compile(r"(uniform|exponential|lognormal)\s+(\S+?)(?:\s*\.\.\s*(\S+)|\s+(\S+))?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_UNITS = (("d", DAY), ("h", HOUR), ("m", MINUTE), ("s", SECOND), ("ms", 1))


@attrs.frozen
class Kind:
    """read: of a text or a YAML value; write: what `read` reads as an equal value; metavar: for `--help`."""

    metavar: str
    read: Callable[[Any], Any]
    write: Callable[[Any], Any] = lambda value: value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean NEAREST?`, whatever the distance."""
    return f"; did you mean {get_close_matches(word, list(known), n=1, cutoff=0.0)[0]}?"


def duration_text(milliseconds: int) -> str:
    """Return a duration as one writes it: `1h30m`."""
    parts, rest = [], milliseconds
    for unit, size in _UNITS:
        number, rest = divmod(rest, size)
        parts += [f"{number}{unit}"] if number else []
    return "".join(parts) or "0s"


def _duration(value: Any) -> int:
    seconds = float(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    try:
        found = round(Body({"": seconds}).duration("").total_seconds() * SECOND)
    except ValueError:
        found = -1
    if not 0 <= found <= LONGEST:
        raise ValueError(f"{value!r} is no duration; write 90s, 2m or 1h30m")
    return found


def _positive(value: Any) -> int:
    found = _duration(value)
    if found == 0:
        raise ValueError("is 0; it must be longer than nothing")
    return found


def _delay(value: Any) -> Delay:
    found = _DELAY.fullmatch(str(value).strip())
    if found is None:
        return Delay("fixed", _duration(value))
    law, first, upper, deviation = found.groups()
    low = _duration(first)
    if law == "uniform" and upper:
        if low > _duration(upper):
            raise ValueError(f"{value!r} ends before it begins")
        return Delay(law, low, _duration(upper))
    if law == "exponential" and not (upper or deviation):
        return Delay(law, low)
    if law == "lognormal" and deviation and re.fullmatch(r"\d(\.\d{1,3})?", deviation):
        return Delay(law, low, round(float(deviation) * 1000))
    raise ValueError(f"{value!r} is no delay; write 30s, uniform 10s..90s, exponential 30s or lognormal 30s 0.8")


def _delay_text(delay: Delay) -> str:
    first, second = duration_text(delay.a), duration_text(delay.b)
    texts = {"fixed": first, "uniform": f"uniform {first}..{second}", "exponential": f"exponential {first}"}
    return texts.get(delay.law) or f"{delay.law} {first} {delay.b / 1000:g}"


def _share(value: Any) -> float:
    percent = _SHARE.fullmatch(str(value).strip())
    try:
        found = float(percent[1]) / 100 if percent else float(value)
    except (TypeError, ValueError):
        found = -1.0
    if isinstance(value, bool) or not 0 <= found <= 1:
        raise ValueError(f"{value!r} is no share; write 5% or 0.05")
    return found


def _share_text(share: float) -> str:
    percent = f"{share * 100:g}%"
    return percent if _SHARE.fullmatch(percent) and _share(percent) == share else repr(share)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f"{value!r} is no line of text")
    return value


def count(least: int, most: int = 10_000_000) -> Kind:
    """A whole number between two bounds."""

    def read(value: Any) -> int:
        try:
            found = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else None
        except ValueError:
            found = None
        if found is None or not least <= found <= most:
            raise ValueError(f"{value!r} is no whole number from {least} to {most}")
        return found

    return Kind("NUMBER", read)


def word(*known: str, spelled: Callable[[str], str] = str) -> Kind:
    """One of a few words; `spelled` brings other spellings to one of them."""

    def read(value: Any) -> str:
        found = spelled(value) if isinstance(value, str) else ""
        if found not in known:
            raise ValueError(f"{value!r} is unknown{did_you_mean(str(value), known)}")
        # A member of an enumeration is more than its text.
        return known[known.index(found)]

    return Kind("|".join(known), read)


def optional(kind: Kind) -> Kind:
    """The same, or `none`."""
    return Kind(
        kind.metavar,
        lambda value: None if value in (None, "none") else kind.read(value),
        lambda value: None if value is None else kind.write(value),
    )


def several(kind: Kind) -> Kind:
    """A list; in a flag, with commas between."""

    def read(value: Any) -> tuple[Any, ...]:
        items = value.split(",") if isinstance(value, str) else value
        if not isinstance(items, list):
            raise ValueError(f"{value!r} is no list")
        return tuple(kind.read(item.strip() if isinstance(item, str) else item) for item in items)

    return Kind(f"{kind.metavar},...", read, lambda values: [kind.write(value) for value in values])


TEXT = Kind("TEXT", _text)
FLAG = Kind("", _flag)
SHARE = Kind("SHARE", _share, _share_text)
DURATION = Kind("DURATION", _duration, duration_text)
POSITIVE = Kind("DURATION", _positive, duration_text)
DELAY = Kind("DELAY", _delay, _delay_text)
