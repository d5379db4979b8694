"""Which facts are about what: an index of a journal by the resources that its facts name, kept while somebody looks.

The server and the bridge have names of their own for an order and its
challenges; they meet in the URL under which the bridge placed the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from acme_server.protocol.journal import Entry, Journal

# Facts that are returned of one resource: those of an order for a hundred names.
MOST = 1000
# Every fact names its account, and who looks for an account's facts looks for orders.
_TOO_MANY = "account"
# What the bridge's facts about an order name beside it.
_FURTHER = ("challenge", "request")


class Subjects:
    """The numbers of a journal's entries by each ID in their subjects, so far as they have been read."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._seq = journal.oldest - 1
        self._numbers: dict[str, list[int]] = {}
        # The server's ID of an order -> what the bridge calls it.
        self._placed: dict[str, str] = {}

    def steps(self) -> Iterator[None]:
        """Read what is new, some hundred entries a step."""
        while self._seq < len(self.journal):
            self._seq = max(self._seq, self.journal.oldest - 1)
            piece = next(self.journal.pieces(self._seq))
            for entry in piece:
                self._read(entry)
            self._seq += len(piece)
            yield

    def about(self, *ids: str) -> tuple[Entry, ...]:
        """Return the facts about resources, and about what the bridge made of an order among them, in their order."""
        names = dict.fromkeys((*ids, *(self._placed[each] for each in ids if each in self._placed)))
        entries: dict[int, Entry] = {}
        while True:
            numbers = [number for name in names for number in self._numbers.get(name, ())]
            entries |= {
                entry.seq: entry for entry in self._entries(number for number in numbers if number not in entries)
            }
            further = [
                name
                for entry in entries.values()
                if entry.house == "issuer_bridge"
                for kind, name in entry.subject.items()
                if kind in _FURTHER and name not in names
            ]
            if not further or len(entries) > MOST:
                return tuple(entries[seq] for seq in sorted(entries)[:MOST])
            names |= dict.fromkeys(further)

    def _read(self, entry: Entry) -> None:
        for kind, name in entry.subject.items():
            if kind != _TOO_MANY:
                self._numbers.setdefault(name, []).append(entry.seq)
        if entry.kind == "OrderPlaced":
            self._placed[str(entry.data.get("url", "")).rpartition("/")[2]] = entry.subject["order"]

    def _entries(self, numbers: Iterable[int]) -> Iterator[Entry]:
        """Return entries by number, each part of the journal unpacked once; dropped ones are left out."""
        piece: tuple[Entry, ...] = ()
        for number in sorted(numbers)[:MOST]:
            if number < self.journal.oldest:
                continue
            if not piece or number > piece[-1].seq:
                piece = next(self.journal.pieces(number - 1))
            yield piece[number - piece[0].seq]
