"""What `gravel diagnose` prints: slots, queue and conflicts as tables, then findings; or one JSON object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from gravel.printing import print_table
from issuer_bridge.ages import duration
from issuer_bridge.diagnosis.challenges import name_in
from issuer_bridge.diagnosis.cluster import Cluster, created, status_of
from issuer_bridge.diagnosis.finding import Finding
from issuer_bridge.diagnosis.queue import Queue, Seat, queue_of
from issuer_bridge.resources import CHALLENGE

if TYPE_CHECKING:
    from rich.console import Console

_ROWS, _ALIKE = 10, 3
# The tables say it already.
_TABLED = ("slot-awaited", "key-taken")


@attrs.frozen
class Diagnosis:
    """What was read, when, and what was found; whole: of everything that was read, not of one subject."""

    cluster: Cluster
    now: datetime
    findings: tuple[Finding, ...]
    whole: bool = True

    @property
    def blocks(self) -> bool:
        """Whether something will not pass by itself."""
        return any(finding.blocks for finding in self.findings)

    @property
    def queue(self) -> Queue:
        """Who holds slots, and who waits for one."""
        return queue_of(self.cluster.list(CHALLENGE), self.cluster.maximum)


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return it as one JSON object."""
    queue = diagnosis.queue
    return {
        "slots": {"maximum": queue.maximum, "used": [seat.key for seat in queue.running]},
        "queue": [seat.key for seat in queue.waiting],
        "conflicts": [{"challenge": key, "behind": seat.key} for key, seat in queue.behind.items()],
        "unread": {kind.plural: why for kind, why in diagnosis.cluster.unread.items()},
        "findings": [finding.to_json() for finding in diagnosis.findings],
    }


def print_diagnosis(console: Console, diagnosis: Diagnosis) -> None:
    """Print what there is to say of each part, and last how many things are stuck."""
    if diagnosis.whole:
        for title, heading, rows in _tables(diagnosis):
            if rows:
                console.out(title, style="bold", highlight=False)
                print_table(console, heading, [tuple(map(plain, row)) for row in rows[:_ROWS]])
                console.out(f"and {len(rows) - _ROWS} more\n" if len(rows) > _ROWS else "")
    for line, style in _told(diagnosis):
        console.out(plain(line), style=style, highlight=False)
    for kind, why in diagnosis.cluster.unread.items():
        if kind.group != "policy.cert-manager.io" or why != "not served":
            console.out(plain(f"not read: {kind.plural}: {why}"), style="yellow", highlight=False)
    blocking = sum(finding.blocks for finding in diagnosis.findings)
    waiting = len(diagnosis.findings) - blocking
    verdict = f"{blocking} stuck, {waiting} waiting" if diagnosis.findings else "nothing is stuck"
    console.out(verdict, style="red" if blocking else "green", highlight=False)


def _tables(diagnosis: Diagnosis) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    queue, now = diagnosis.queue, diagnosis.now
    if queue.running or queue.waiting:
        title = f"Slots: {len(queue.running)} of {queue.maximum} used"
        yield title, ("CHALLENGE", "DOMAIN", "TYPE", "AGE", "STATE"), [*_running(diagnosis)]
    rows = [(str(place), *_seat(seat, now)) for place, seat in enumerate(queue.waiting, 1)]
    yield f"Queue: {len(rows)} waiting", ("PLACE", "CHALLENGE", "DOMAIN", "TYPE", "AGE"), rows
    conflicts = [(holder.dns_name, holder.type, holder.key, key) for key, holder in queue.behind.items()]
    yield "Conflicts: one of a name and type at a time", ("DOMAIN", "TYPE", "FIRST", "BEHIND IT"), conflicts


def _running(diagnosis: Diagnosis) -> Iterator[tuple[str, ...]]:
    for seat in sorted(diagnosis.queue.running, key=lambda seat: seat.created):
        challenge = diagnosis.cluster.get(CHALLENGE, seat.key)
        assert challenge is not None
        born = created(challenge)
        age = duration(diagnosis.now - born) if born else ""
        state = str(status_of(challenge).get("state") or "")
        yield seat.key, name_in(challenge), seat.type, age, state


def _seat(seat: Seat, now: datetime) -> tuple[str, ...]:
    return seat.key, seat.dns_name, seat.type, duration(now - seat.created)


def _told(diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
    """Say each finding; of many that are alike the first few."""
    alike: dict[tuple[str, bool], list[Finding]] = {}
    for finding in diagnosis.findings:
        if not (diagnosis.whole and finding.code in _TABLED):
            alike.setdefault((finding.code, finding.blocks), []).append(finding)
    for group in alike.values():
        for finding in group[:_ALIKE]:
            yield from _lines(finding, diagnosis.now)
        if len(group) > _ALIKE:
            others = ", ".join(finding.subject for finding in group[_ALIKE : _ALIKE + _ROWS])
            more = ", ..." if len(group) > _ALIKE + _ROWS else ""
            yield f"  and {len(group) - _ALIKE} more {group[0].code}: {others}{more}", ""
    if alike:
        yield "", ""


def _lines(finding: Finding, now: datetime) -> Iterable[tuple[str, str]]:
    mark, style = ("stuck", "red") if finding.blocks else ("waiting", "yellow")
    since = f" for {duration(now - finding.since)}" if finding.since else ""
    yield f"{finding.subject} {finding.code} ({mark}{since}): {finding.cause}", style
    yield from ((f"  {text}", "") for text in finding.evidence)
    yield f"  awaited: {finding.awaited}", ""
    yield f"  {finding.who}: {finding.attempt}", ""


def plain(text: str) -> str:
    """Return what a terminal may be shown of a stranger's text: one line."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
