"""Windows on long lists: of what fits a search, newest first, the rows that a browser shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

R = TypeVar("R")

MOST = 500
# So many records are looked at before others have their turn: some milliseconds.
_SLICE = 1000
_KNOWN = ("first", "count", "text", "status", "counted")


@attrs.frozen
class Window:
    """Rows to leave out, the most to show; `text`: what they hold, in lower case; `status`: theirs; both empty for any.

    counted: whether all are to be counted by status, which for a long list takes longer than to show a part of it.
    """

    first: int = 0
    count: int = 100
    text: str = ""
    status: str = ""
    counted: bool = True


def window_of(query: Mapping[str, str]) -> Window:
    """Read the query of a URL; ValueError for what it cannot be."""
    for member in query:
        if member not in _KNOWN:
            raise ValueError(f"{member[:64]!r} is not known here; known are {', '.join(_KNOWN)}")
    first, count = _number(query, "first", 0, 10**9), _number(query, "count", 100, MOST)
    counted = _number(query, "counted", 1, 1) == 1
    return Window(first, count, query.get("text", "").lower(), query.get("status", ""), counted)


async def shown(
    records: Sequence[R],
    window: Window,
    text: Callable[[R], str],
    status: Callable[[R], str],
    row: Callable[[R], dict[str, Any]],
) -> dict[str, Any]:
    """Return the rows of a window on records, oldest first; `matching`: how many there are, `statuses`: of any status."""
    if not (window.counted or window.text or window.status):
        last = len(records) - window.first
        seen = records[max(last - window.count, 0) : max(last, 0)]
        return _page(records, window, len(records), None, [row(record) for record in reversed(seen)])
    statuses: dict[str, int] = {}
    found: list[R] = []
    matching, last = 0, window.first + window.count
    for number, record in enumerate(reversed(records), 1):
        if number % _SLICE == 0:
            await asyncio.sleep(0)
        if window.text and window.text not in text(record).lower():
            continue
        its = status(record)
        statuses[its] = statuses.get(its, 0) + 1
        if window.status in ("", its):
            if window.first <= matching < last:
                found.append(record)
            matching += 1
    return _page(records, window, matching, statuses, [row(record) for record in found])


def _page(
    records: Sequence[Any], window: Window, matching: int, statuses: dict[str, int] | None, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "total": len(records),
        "matching": matching,
        "statuses": statuses,
        "first": window.first,
        "rows": rows,
    }


def _number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= most):
        raise ValueError(f"{name}={text[:32]!r} is not a number from 0 to {most}")
    return int(text)
