"""The one history: append-only facts, each chained to the one before.

A fact is something that happened, in the past tense. The journal numbers and
stamps it; `digest` is the SHA-256 of the previous digest and the entry's
canonical JSON, so two runs are the same exactly when their last digests are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

import attrs

from acme_server.protocol.times import rfc3339_micro

# The digest of an empty history.
NOTHING = "0" * 64
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


@attrs.frozen
class Fact:
    """What happened: `kind` in the past tense, `subject` the ids of the resources it happened to."""

    kind: str
    subject: Mapping[str, str]
    data: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen
class Entry:
    """A fact with its place in history."""

    seq: int
    at: str
    world: str
    house: str
    kind: str
    subject: Mapping[str, str]
    data: Mapping[str, Any]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Return the entry as one JSON object."""
        return attrs.asdict(self, recurse=False)


class Archive(Protocol):
    """Where a journal is that outlives the process."""

    def keep(self, entries: tuple[Entry, ...]) -> None:
        """Write new entries, before anybody sees them."""
        ...

    def read(self, after: int, until: int) -> tuple[Entry, ...]:
        """Return the entries after one number, until another and with it."""
        ...


class Journal:
    """The facts of one world, gapless from 1: all in memory, or with an archive `recent` of them at least.

    Without an archive, facts become entries when somebody reads or listens: a digest
    costs as much as the rest of a commit, and most histories are never looked at.
    """

    def __init__(self, world: str = "default", archive: Archive | None = None, recent: int = 10_000) -> None:
        self.world = world
        self._archive = archive
        self._recent = recent
        # How many came before those in memory.
        self._earlier = 0
        self._entries: list[Entry] = []
        self._noted: list[tuple[str, Fact, datetime]] = []
        self._listeners: list[Callable[[Entry], None]] = []

    @property
    def digest(self) -> str:
        """The digest of everything so far; 64 zeros when nothing happened yet."""
        entries = self._written()
        return entries[-1].digest if entries else NOTHING

    def __len__(self) -> int:
        return self._earlier + len(self._entries) + len(self._noted)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.since(0))

    def since(self, seq: int) -> tuple[Entry, ...]:
        """Return the entries after number `seq`."""
        if self._archive and seq < self._earlier:
            return (*self._archive.read(seq, self._earlier), *self._entries)
        return tuple(self._written()[max(seq - self._earlier, 0) :])

    def append(self, house: str, facts: Iterable[Fact], at: datetime) -> None:
        """Write facts of one house, all at the same moment."""
        if self._archive is None and not self._listeners:
            self._noted += [(house, fact, at) for fact in facts]
            return
        entries = self.chained(house, facts, at)
        if self._archive:
            self._archive.keep(entries)
        self.extend(entries)

    def resume(self, length: int) -> None:
        """Be the journal of an archive with so many entries."""
        assert self._archive
        self._earlier = max(length - self._recent, 0)
        self._entries = list(self._archive.read(self._earlier, length))

    def chained(self, house: str, facts: Iterable[Fact], at: datetime) -> tuple[Entry, ...]:
        """Return the entries that facts would become now, and write nothing."""
        digest, entries = self.digest, []
        for seq, fact in enumerate(facts, len(self) + 1):
            entry = _entry(seq, self.world, (house, fact, at), digest)
            digest = entry.digest
            entries.append(entry)
        return tuple(entries)

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries that are kept already, and tell the listeners."""
        added = tuple(entries)
        self._written().extend(added)
        if self._archive and len(self._entries) > 2 * self._recent:
            self._earlier += len(self._entries) - self._recent
            del self._entries[: -self._recent]
        for entry in added:
            for listener in tuple(self._listeners):
                listener(entry)

    def copy(self) -> Journal:
        """Return a journal with the same history, which nobody listens to."""
        twin = Journal(self.world)
        twin._entries = list(self)
        return twin

    def subscribe(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `listener` with every new entry; the returned function stops it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _written(self) -> list[Entry]:
        """Make entries of all that was noted."""
        noted, self._noted = self._noted, []
        for each in noted:
            digest = self._entries[-1].digest if self._entries else NOTHING
            self._entries.append(_entry(len(self._entries) + 1, self.world, each, digest))
        return self._entries


def _entry(seq: int, world: str, noted: tuple[str, Fact, datetime], digest: str) -> Entry:
    """Chain a fact of a house, at a moment, to the digest of the entry before it."""
    house, fact, at = noted
    body: dict[str, Any] = {
        "seq": seq,
        "at": rfc3339_micro(at),
        "world": world,
        "house": house,
        "kind": fact.kind,
        "subject": dict(fact.subject),
        "data": dict(fact.data),
    }
    return Entry(**body, digest=hashlib.sha256((digest + _canonical(body)).encode()).hexdigest())
