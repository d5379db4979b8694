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
from itertools import chain
from typing import Any, Protocol

import attrs

from acme_server.protocol.packed_facts import Row, pack, unpack
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

    def drop(self, until: int) -> None:
        """Forget the entries before a number; that one stays, for the digest of the next."""
        ...


class Dropped(LookupError):  # noqa: N818 - says what happened
    """Entries are asked for that a limit has dropped; the message is a sentence."""


class Journal:
    """The facts of one world, gapless from 1: recent ones as values, older ones packed or in an archive.

    Without an archive, facts become entries when somebody reads or listens: a digest
    costs as much as the rest of a commit, and most histories are never looked at.
    recent: at least so many are values, and so many are packed at once; limit: so many
    are kept at least, None for all.
    """

    def __init__(
        self, world: str = "default", archive: Archive | None = None, recent: int = 256, limit: int | None = None
    ) -> None:
        self.world = world
        self._archive = archive
        self._recent = recent
        self._limit = limit
        # How many were dropped, and how many came before those in memory.
        self._dropped = self._earlier = 0
        self._pieces: list[bytes] = []
        # The digest before each piece, and after the last, as far as they have been looked at.
        self._chained = [NOTHING]
        self._entries: list[Entry] = []
        self._noted: list[Row] = []
        self._listeners: list[Callable[[Entry], None]] = []
        # Called with a number before all entries up to it are dropped.
        self.before_drop: Callable[[int], None] | None = None

    @property
    def digest(self) -> str:
        """The digest of everything so far; 64 zeros when nothing happened yet."""
        entries = self._written()
        return entries[-1].digest if entries else self._chained[-1]

    @property
    def oldest(self) -> int:
        """The number of the oldest entry that is kept."""
        return self._dropped + 1

    def __len__(self) -> int:
        """Return how many facts there were, dropped ones too: the number of the last."""
        return self._earlier + len(self._entries) + len(self._noted)

    def __iter__(self) -> Iterator[Entry]:
        return chain.from_iterable(self.pieces(self._dropped))

    def since(self, seq: int) -> tuple[Entry, ...]:
        """Return the entries after number `seq`; Dropped where they are not all there any more."""
        return tuple(chain.from_iterable(self.pieces(seq)))

    def pieces(self, seq: int) -> Iterator[tuple[Entry, ...]]:
        """Yield what `since` returns, some hundred entries at a time."""
        seq, end = max(seq, 0), len(self)
        while seq < end:
            piece = self._piece(seq)[: end - seq]
            yield piece
            seq += len(piece)

    def check(self, seq: int) -> None:
        """Raise Dropped where the entries after a number are not all there any more."""
        if seq < self._dropped:
            raise Dropped(f"the journal has dropped the entries before {self.oldest}; ask for since={self._dropped}")

    def catch_up(self) -> Iterator[None]:
        """Chain what was packed before anybody looked, a piece a step; afterwards every part is read at once."""
        while len(self._chained) <= len(self._pieces):
            self._unpacked(len(self._chained) - 1)
            yield

    def append(self, house: str, facts: Iterable[Fact], at: datetime) -> None:
        """Write facts of one house, all at the same moment."""
        if self._archive is None and not self._listeners:
            moment = rfc3339_micro(at)
            self._noted += [(house, fact.kind, fact.subject, fact.data, moment) for fact in facts]
            self._tidy()
            return
        entries = self.chained(house, facts, at)
        if self._archive:
            self._archive.keep(entries)
        self.extend(entries)

    def resume(self, first: int, last: int) -> None:
        """Be the journal of an archive that has the entries from one number to another; none: from 1 to 0."""
        assert self._archive
        # What comes before the first was dropped, and the first is only there for the digest of the next.
        self._dropped = first if first > 1 else 0
        self._earlier = max(last - self._recent, self._dropped)
        self._entries = list(self._archive.read(self._earlier, last))

    def chained(self, house: str, facts: Iterable[Fact], at: datetime) -> tuple[Entry, ...]:
        """Return the entries that facts would become now, and write nothing."""
        moment = rfc3339_micro(at)
        rows = [(house, fact.kind, fact.subject, fact.data, moment) for fact in facts]
        return tuple(_chain(rows, len(self) + 1, self.world, self.digest))

    def extend(self, entries: Iterable[Entry]) -> None:
        """Add entries that are kept already, and tell the listeners."""
        added = tuple(entries)
        self._written().extend(added)
        self._tidy()
        for entry in added:
            for listener in tuple(self._listeners):
                listener(entry)

    def copy(self) -> Journal:
        """Return a journal with the same history, in memory, which nobody listens to."""
        twin = Journal(self.world, None, self._recent, self._limit)
        twin._dropped = twin._earlier = self._dropped
        if self._archive is None:
            twin._earlier, twin._pieces, twin._chained = self._earlier, self._pieces[:], self._chained[:]
            twin._entries, twin._noted = self._entries[:], self._noted[:]
            return twin
        if self._dropped:
            twin._chained = [self._archive.read(self._dropped - 1, self._dropped)[0].digest]
        for piece in self.pieces(self._dropped):
            twin.extend(piece)
        return twin

    def subscribe(self, listener: Callable[[Entry], None]) -> Callable[[], None]:
        """Call `listener` with every new entry; the returned function stops it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _written(self) -> list[Entry]:
        """Make entries of all that was noted."""
        if self._noted:
            for _ in self.catch_up():
                pass
            digest = self._entries[-1].digest if self._entries else self._chained[-1]
            self._entries += _chain(self._noted, self._earlier + len(self._entries) + 1, self.world, digest)
            self._noted = []
        return self._entries

    def _piece(self, seq: int) -> tuple[Entry, ...]:
        """Return some entries after a number, one at least."""
        self.check(seq)
        if seq >= self._earlier:
            return tuple(self._written()[seq - self._earlier :])
        if self._archive:
            return self._archive.read(seq, min(seq + self._recent, self._earlier))
        number, passed = divmod(seq - self._dropped, self._recent)
        while len(self._chained) <= number:
            self._unpacked(len(self._chained) - 1)
        return tuple(self._unpacked(number)[passed:])

    def _unpacked(self, number: int) -> list[Entry]:
        """Return the entries of a piece before which all are chained."""
        rows, seq = unpack(self._pieces[number]), self._dropped + number * self._recent + 1
        entries = _chain(rows, seq, self.world, self._chained[number])
        if len(self._chained) == number + 1:
            self._chained.append(entries[-1].digest)
        return entries

    def _tidy(self) -> None:
        """Pack what is no longer recent, or leave it to the archive; drop what is beyond the limit."""
        while len(self._entries) + len(self._noted) >= 2 * self._recent:
            if self._archive is None:
                self._pack()
            else:
                del self._entries[: self._recent]
            self._earlier += self._recent
        if self._limit is not None:
            beyond = min(self._earlier, len(self) - self._limit) - self._dropped
            if beyond >= self._recent:
                self._drop(beyond // self._recent)

    def _pack(self) -> None:
        entries = self._entries[: self._recent]
        rows = [(each.house, each.kind, each.subject, each.data, each.at) for each in entries]
        left = self._recent - len(rows)
        self._pieces.append(pack(rows + self._noted[:left]))
        # Where there are entries, all before them is chained.
        if not left:
            self._chained.append(entries[-1].digest)
        del self._entries[: self._recent], self._noted[:left]

    def _drop(self, pieces: int) -> None:
        dropped = self._dropped + pieces * self._recent
        if self.before_drop is not None:
            self.before_drop(dropped)
        if self._archive:
            self._archive.drop(dropped)
        else:
            while len(self._chained) <= pieces:
                self._unpacked(len(self._chained) - 1)
            del self._pieces[:pieces], self._chained[:pieces]
        self._dropped = dropped


def _chain(rows: Iterable[Row], seq: int, world: str, digest: str) -> list[Entry]:
    """Make entries of rows from a number on, each chained to the digest of the one before it."""
    entries = []
    for number, (house, kind, subject, data, at) in enumerate(rows, seq):
        body: dict[str, Any] = {
            "seq": number,
            "at": at,
            "world": world,
            "house": house,
            "kind": kind,
            "subject": dict(subject),
            "data": dict(data),
        }
        digest = hashlib.sha256((digest + _canonical(body)).encode()).hexdigest()
        entries.append(Entry(**body, digest=digest))
    return entries
