"""Prints an explanation for people, as it came from the management API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.ages import age

if TYPE_CHECKING:
    from rich.console import Console

_COLOURS: Mapping[str, str] = {"healthy": "green", "waiting": "yellow", "stuck": "red", "failed": "red"}


def print_explanation(console: Console, told: Mapping[str, Any]) -> None:
    """Print the verdict, what happened, and each finding: what it is, what is awaited, who must act, what to try."""
    console.print(
        f"{told['subject']}: {told['verdict']}", style=_COLOURS[told["verdict"]], markup=False, soft_wrap=True
    )
    if told["timeline"]:
        console.print("\nWhat happened")
    for line in told["timeline"]:
        more = f" ({line['times']} times, last at {_moment(line['until'])})" if "times" in line else ""
        console.out(f"  {_moment(line['at'])}  {line['text']}{more}", highlight=False)
    for finding in told["findings"]:
        console.print()
        for number, line in enumerate(_lines(finding, told["now"])):
            console.out(line, style="bold" if number == 0 else None, highlight=False)


def _lines(finding: Mapping[str, Any], now: str) -> Iterator[str]:
    way = "in the way" if finding["blocks"] else "worth knowing"
    yield f"{finding['code']} ({way}): {finding['cause']}"
    since = finding["since"]
    passed = f"since {_moment(since)} ({age(since, parse_rfc3339(now))} ago), " if since else ""
    yield f"  {passed}awaited: {finding['awaited']}"
    yield f"  {finding['who']}: {finding['try']}"
    if finding["pain"]:
        yield f"  a known pain, number {finding['pain']}"
    yield from (f"  | {line}" for line in finding["evidence"])


def _moment(text: str) -> str:
    """Milliseconds are enough for a reader."""
    return text if len(text) < 24 else f"{text[:23]}Z"
