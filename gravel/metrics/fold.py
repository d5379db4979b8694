"""Folds a journal into counters and histograms: what is new since the last time, and what a limit is about to drop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from acme_server.protocol.histogram import Histogram
from acme_server.protocol.journal import Entry, Journal
from acme_server.protocol.times import parse_rfc3339
from gravel.metrics.facts import COUNTED, EVENTS, LONG, SPANS
from gravel.metrics.family import Family, Labels, Reading

# Spans that have begun and not ended; beyond, the oldest are forgotten: their subjects were deleted.
_MANY = 65536
_TELLS = {
    place: [(family, told[place]) for family, told in COUNTED.items() if place in told]
    for all_told in COUNTED.values()
    for place in all_told
}
_BEGINS = {(span.house, kind): span for span in SPANS for kind in span.begin}
_ENDS = {(span.house, kind): (span, more) for span in SPANS for kind, more in span.ends.items()}


class Fold:
    """What a journal's entries come to, so far as they have been read; nothing is read but by `steps`, and before a drop."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._seq = journal.oldest - 1
        self._counts: dict[Family, dict[Labels, float]] = {
            family: dict.fromkeys(family.always, 0.0) for family in (*EVENTS.values(), *COUNTED)
        }
        self._times: dict[Family, dict[Labels, Histogram]] = {span.family: {} for span in SPANS}
        self._open: dict[tuple[str, str], tuple[datetime, Labels]] = {}
        journal.before_drop = self._before_drop

    @property
    def readings(self) -> tuple[Reading, ...]:
        """All that was counted."""
        return (*self._counts.items(), *self._times.items())

    def steps(self) -> Iterator[None]:
        """Read what is new, some hundred entries a step: in their order, so that none is unpacked twice."""
        while self._seq < len(self.journal):
            self._read_piece()
            yield

    def _before_drop(self, until: int) -> None:
        while self._seq < until:
            self._read_piece()

    def _read_piece(self) -> None:
        piece = next(self.journal.pieces(self._seq))
        for entry in piece:
            self._read(entry)
        self._seq += len(piece)

    def _read(self, entry: Entry) -> None:
        place = (entry.house, entry.kind)
        for family, tell in _TELLS.get(place, ()):
            _count(self._counts[family], tell(entry))
        if entry.house in EVENTS:
            _count(self._counts[EVENTS[entry.house]], (entry.kind,))
        if place in _ENDS:
            span, more = _ENDS[place]
            begun = self._open.pop((span.family.name, entry.subject[span.subject]), None)
            if begun is not None and more is not None:
                took = parse_rfc3339(entry.at) - begun[0]
                times = self._times[span.family].setdefault((*begun[1], *more), Histogram(LONG))
                times.add(max(took.total_seconds(), 0.0))
        if place in _BEGINS:
            span = _BEGINS[place]
            begins = self._open
            begins[span.family.name, entry.subject[span.subject]] = (parse_rfc3339(entry.at), span.labels(entry))
            if len(begins) > _MANY:
                del begins[next(iter(begins))]


def _count(counts: dict[Labels, float], labels: Labels) -> None:
    counts[labels] = counts.get(labels, 0.0) + 1
