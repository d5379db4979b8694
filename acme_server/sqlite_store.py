"""A store on disk: one SQLite file, which one process owns.

A commit is one transaction with its facts, and returns when SQLite has it. All
records are in memory too, those of earlier runs as text until somebody asks for
them; of the journal only what is recent. SQLite's own journal is WAL. With synchronous=NORMAL nothing that was acknowledged is lost when the
process dies, by `kill -9` too; a power failure may take the last moments, never
half a commit. FULL waits for the disk at each commit, and survives that as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from acme_server.evolving import evolve
from acme_server.protocol.journal import Entry, Fact, Journal
from acme_server.record_json import read, write
from acme_server.store import HOUSE, INDEXES_OF, KINDS, Index, MemoryStore, R, Record

SCHEMA = 2
# "grav": tells our files from others' (PRAGMA application_id).
APPLICATION = 0x67726176
SYNC = ("normal", "full")
_NO_RECORD = (ValueError, TypeError, KeyError, AttributeError)


class Unusable(Exception):  # noqa: N818 - says what it is
    """The file cannot be used; the message is a sentence."""


@attrs.frozen
class _Table:
    """Where the records of one kind are: `n` orders them by creation, and what they are found by has columns."""

    name: str
    indexes: tuple[Index[Any], ...]

    @property
    def columns(self) -> str:
        return ", ".join(("id", "body", *(index.name for index in self.indexes)))

    @property
    def create(self) -> str:
        keys = "".join(f", {index.name} TEXT NOT NULL{' UNIQUE' * index.unique}" for index in self.indexes)
        return f"CREATE TABLE IF NOT EXISTS {self.name} (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL{keys})"

    @property
    def upsert(self) -> str:
        changes = ", ".join(f"{name} = excluded.{name}" for name in self.columns.split(", ")[1:])
        marks = ", ".join("?" * (2 + len(self.indexes)))
        return (  # the names are of our own classes
            f"INSERT INTO {self.name} ({self.columns}) VALUES ({marks})"  # noqa: S608
            f" ON CONFLICT (id) DO UPDATE SET {changes}"
        )


_TABLES = {kind: _Table(f"{kind.__name__.lower()}s", INDEXES_OF[kind]) for kind in KINDS}
_UPSERTS = {kind: (table.upsert, tuple(index.key for index in table.indexes)) for kind, table in _TABLES.items()}
_META = "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
_JOURNAL = "CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, entry TEXT NOT NULL)"
_PARTS = (
    "CREATE TABLE IF NOT EXISTS parts"
    " (n INTEGER PRIMARY KEY, part TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (part, name))"
)
_KEEP = (
    "INSERT INTO parts (part, name, body) VALUES (?, ?, ?) ON CONFLICT (part, name) DO UPDATE SET body = excluded.body"
)
_ROWS = "SELECT json_valid(body), {0.columns} FROM {0.name} ORDER BY n"
_EXTENT = (
    "SELECT count(*), ifnull((SELECT value FROM meta WHERE name = 'dropped'), 1), ifnull(max(seq), 0) FROM journal"
)


class SqliteStore(MemoryStore):
    """See the module; `runs` is how often the file was opened before, which a power failure does not take back."""

    def __init__(
        self, path: Path, world: str = "default", sync: str = "normal", recent: int = 256, limit: int | None = None
    ) -> None:
        super().__init__(Journal(world, self, recent, limit))
        self._path = path
        path.touch(mode=0o600)
        self._file = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            self.runs = self._open()
            self._load()
            self._file.execute(f"PRAGMA synchronous = {sync}")
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            self._file.close()
            raise self._unusable(error) from None
        except BaseException:
            self._file.close()
            raise

    def get(self, kind: type[R], record_id: str) -> R | None:
        """See Store."""
        held: R | str | None = self._tables[kind].get(record_id)
        return self._read(kind, record_id, held) if isinstance(held, str) else held

    def all(self, kind: type[R], having: str = "") -> tuple[R, ...]:
        """See Store."""
        for record_id, held in self._tables[kind].items():
            if isinstance(held, str) and having in held:
                self._read(kind, record_id, held)
        return tuple(held for held in self._tables[kind].values() if not isinstance(held, str))

    def find(self, index: Index[R], key: str) -> tuple[R, ...]:
        """See Store."""
        found = (self.get(index.kind, record_id) for record_id in self._ids(index, key))
        return tuple(record for record in found if record is not None)

    def copy(self) -> MemoryStore:
        """See Store."""
        for kind in KINDS:
            self.all(kind)
        return super().copy()

    def _read(self, kind: type[R], record_id: str, text: str) -> R:
        """Make the record of what was loaded: a value that is there already changes its place in no dict."""
        try:
            record = self._tables[kind][record_id] = read(kind, text)
        except _NO_RECORD as error:
            raise self._damaged(f"{kind.__name__.lower()} {record_id}: {error}") from None
        return record

    def commit(self, changes: Sequence[Record], facts: Sequence[Fact], at: datetime) -> None:
        """See Store; the file is first."""
        for record in changes:
            self.get(type(record), record.id)
        self._check_all(changes)
        records = [evolve(record, version=record.version + 1) for record in changes]
        entries = self.journal.chained(HOUSE, facts, at)
        self._transact(records, entries)
        for record in records:
            self._write(record)
        self.journal.extend(entries)

    def once(self, name: str, make: Callable[[], str]) -> str:
        """Return the text that was made under a name, in this run or an earlier one."""
        found = self._file.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if found is None:
            found = (make(),)
            self._file.execute("INSERT INTO meta VALUES (?, ?)", (name, *found))
        text: str = found[0]
        return text

    @property
    def file(self) -> sqlite3.Connection:
        """The open file, for tables of others: one file is locked, checked and copied as one, and never half as old."""
        return self._file

    def rows(self, part: str) -> tuple[tuple[str, str], ...]:
        """Return what is kept beside the records: the names and texts of a part, as they were first written."""
        return tuple(self._file.execute("SELECT name, body FROM parts WHERE part = ? ORDER BY n", (part,)))

    def write_rows(self, rows: Iterable[tuple[str, str, str | None]]) -> None:
        """Write part, name and text of each row, or with None remove it: all or nothing."""
        with self._transaction() as execute:
            for part, name, body in rows:
                if body is None:
                    execute("DELETE FROM parts WHERE part = ? AND name = ?", (part, name))
                else:
                    execute(_KEEP, (part, name, body))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def keep(self, entries: tuple[Entry, ...]) -> None:
        """See Archive."""
        self._transact((), entries)

    def read(self, after: int, until: int) -> tuple[Entry, ...]:
        """See Archive."""
        rows = self._file.execute("SELECT entry FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq", (after, until))
        return tuple(read(Entry, entry) for (entry,) in rows)

    def drop(self, until: int) -> None:
        """See Archive."""
        with self._transaction() as execute:
            execute("DELETE FROM journal WHERE seq < ?", (until,))
            execute("INSERT OR REPLACE INTO meta VALUES ('dropped', ?)", (str(until),))

    def _transact(self, records: Iterable[Record], entries: Iterable[Entry]) -> None:
        with self._transaction() as execute:
            for record in records:
                upsert, keys = _UPSERTS[type(record)]
                execute(upsert, (record.id, write(record), *(key(record) for key in keys)))
            for entry in entries:
                execute("INSERT INTO journal VALUES (?, ?)", (entry.seq, write(entry)))

    @contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """All or nothing of what is executed inside."""
        execute = self._file.execute
        execute("BEGIN")
        try:
            yield execute
            execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                execute("ROLLBACK")
            raise

    def _open(self) -> int:
        """Lock the file, make the tables that it lacks, and count this opening."""
        execute = self._file.execute
        execute("PRAGMA locking_mode = EXCLUSIVE")
        new = not execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not new:
            self._recognize(*(execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")))
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        execute("BEGIN IMMEDIATE")
        if new:
            execute(f"PRAGMA application_id = {APPLICATION}")
            execute(f"PRAGMA user_version = {SCHEMA}")
        for statement in (_META, _JOURNAL, _PARTS, *(table.create for table in _TABLES.values())):
            execute(statement)
        execute("INSERT OR IGNORE INTO meta VALUES ('runs', '0')")
        runs = int(execute("SELECT value FROM meta WHERE name = 'runs'").fetchone()[0])
        execute("UPDATE meta SET value = ? WHERE name = 'runs'", (str(runs + 1),))
        execute("COMMIT")
        return runs

    def _recognize(self, application: int, version: int) -> None:
        if application != APPLICATION:
            raise Unusable(f"{self._path} is not gravel's; choose another folder")
        if version != SCHEMA:
            raise Unusable(f"{self._path} has version {version}, this gravel reads {SCHEMA}; choose another folder")
        # A bad page of an index would show itself only when a commit meets it; next to reading all records, this is quick.
        if self._file.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise self._damaged("its pages do not fit together")

    def _load(self) -> None:
        try:
            for kind, table in _TABLES.items():
                held = self._tables[kind]
                for sound, record_id, body, *keys in self._file.execute(_ROWS.format(table)):
                    if not sound or not body.startswith(f'{{"id":"{record_id}"'):
                        raise ValueError(f"{record_id} is none of its {table.name}")
                    # Most are never asked for again: a text is read when somebody does.
                    held[record_id] = body
                    for index, key in zip(table.indexes, keys, strict=True):
                        self._enter(index, key, record_id)
            count, first, last = map(int, self._file.execute(_EXTENT).fetchone())
            self.journal.resume(first, last)
        except _NO_RECORD as error:
            raise self._damaged(str(error)) from None
        if count != last - first + 1:
            raise self._damaged("its journal has gaps")

    def _unusable(self, error: sqlite3.DatabaseError | UnicodeDecodeError) -> Unusable:
        # Text that is not UTF-8 has no code of SQLite's, and may break the message of another error.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return Unusable(f"{self._path} is in use by another gravel; stop that one or choose another folder")
        if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_CORRUPT:
            return Unusable(f"{self._path} cannot be used: {error}")
        return self._damaged(str(error))

    def _damaged(self, why: str) -> Unusable:
        return Unusable(f"{self._path} is damaged or no file of gravel ({why}); choose another folder, or delete this")
