"""What changed in a world since a page heard of it last: new facts of the journal, and which other parts are not as they were.

Nobody is told by whoever changes something: as long as a page listens, its own
loop looks. So a page costs nothing while none is open, and a slow one is told
less often, and then only that it must read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from gravel.management.world_endpoints import Hosted, clock_of
from gravel.page.views import fact_of

# More facts than these at once are not told one by one.
MANY = 200
_Mark: TypeAlias = Callable[[Hosted], object]


def _clock(hosted: Hosted) -> object:
    """Return another mark when the clock stops, goes on, or jumps."""
    ahead, stopped = hosted.driver.clock.position
    return ahead, stopped


# What the journal does not tell of -> what differs when it changed.
PARTS: Mapping[str, _Mark] = {
    "clock": _clock,
    "faults": lambda hosted: [(each.id, each.seen, each.hits) for each in hosted.world.faults.armed.values()],
    "names": lambda hosted: (hosted.view.zone.serial, hosted.view.zone.default_addresses),
    "queries": lambda hosted: hosted.view.zone.history[-1].number if hosted.view.zone.history else 0,
    "visits": lambda hosted: [
        (len(history), id(history[-1]) if history else 0)
        for history in (hosted.view.exhibit.responders.site.history, hosted.view.exhibit.responders.tls.history)
    ],
    "authority": lambda hosted: id(hosted.world.authority),
}


class Changes:
    """One listener's place: after which fact, and the marks of the parts as it knows them."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._journal = hosted.world.journal
        self._seq = len(self._journal)
        self._marks = self._look()

    def next(self) -> dict[str, Any] | None:
        """Return what is new; None when nothing is. `anew`: there is too much of it, or the world was brought back."""
        journal, marks = self._hosted.world.journal, self._look()
        parts = [part for part, mark in marks.items() if mark != self._marks[part]]
        brought_back = journal is not self._journal
        count = len(journal) - self._seq
        if not (parts or brought_back or count):
            return None
        anew = brought_back or count > MANY
        facts = () if anew else journal.since(self._seq)
        self._journal, self._seq, self._marks = journal, len(journal), marks
        return {
            "seq": self._seq,
            "anew": anew,
            "facts": [fact_of(fact) for fact in facts],
            "parts": parts,
            "clock": clock_of(self._hosted),
        }

    def _look(self) -> dict[str, object]:
        return {part: mark(self._hosted) for part, mark in PARTS.items()}
