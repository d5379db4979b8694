"""The store: records by ID, the indexes to find them by, and the journal beside them.

A commit writes records and facts together or not at all. Each record carries
the version it was read at; a commit that would overwrite a newer one, or
break a unique index, raises Conflict, and the command is tried again on what
is there now. Records are plain values, so that a store may be a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import attrs

from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.certificates import Certificate
from acme_server.evolving import evolve
from acme_server.orders import Order
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.journal import Fact, Journal

Record: TypeAlias = Account | Order | Authorization | Certificate
R = TypeVar("R", bound=Record)
HOUSE = "acme_server"


class Conflict(Exception):  # noqa: N818 - says what happened
    """Another writer was faster: what this commit rests on has changed."""


@attrs.frozen
class Index(Generic[R]):
    """A way to find records of one kind: by what `key` says of them; nobody looks for the empty key."""

    name: str
    kind: type[R]
    key: Callable[[R], str]
    unique: bool = False


def claim(account_id: str, identifier: Identifier, *, ahead: bool = False) -> str:
    """Return the key of AUTHORIZATIONS_BY_CLAIM; the identifier as an order has it, `*.` included."""
    return f"{account_id}/{identifier.type}:{identifier.value}{'/ahead' if ahead else ''}"


ACCOUNT_BY_THUMBPRINT = Index("thumbprint", Account, lambda account: account.thumbprint, unique=True)
ORDERS_BY_ACCOUNT = Index("account", Order, lambda order: order.account_id)
AUTHORIZATIONS_BY_CLAIM = Index(
    "claim", Authorization, lambda item: claim(item.account_id, item.covers, ahead=item.ahead)
)
CERTIFICATE_BY_SERIAL = Index("serial", Certificate, lambda certificate: certificate.serial, unique=True)
CERTIFICATE_BY_FINGERPRINT = Index("fingerprint", Certificate, lambda certificate: certificate.fingerprint, unique=True)
# The certificates that a signer has revoked.
REVOKED_BY_ISSUER = Index(
    "revoked", Certificate, lambda certificate: "" if certificate.revoked is None else certificate.issuer
)
KINDS: tuple[type[Record], ...] = (Account, Order, Authorization, Certificate)
INDEXES: tuple[Index[Any], ...] = (
    ACCOUNT_BY_THUMBPRINT,
    ORDERS_BY_ACCOUNT,
    AUTHORIZATIONS_BY_CLAIM,
    CERTIFICATE_BY_SERIAL,
    CERTIFICATE_BY_FINGERPRINT,
    REVOKED_BY_ISSUER,
)


class Store(Protocol):
    """Where a world keeps its records and its history."""

    journal: Journal

    def get(self, kind: type[R], record_id: str) -> R | None:
        """Return a record, or None."""
        ...

    def all(self, kind: type[R], having: str = "") -> tuple[R, ...]:
        """Return the records of a kind, in the order in which they were created.

        having: those that hold no such text may be left out, where that is quicker.
        """
        ...

    def find(self, index: Index[R], key: str) -> tuple[R, ...]:
        """Return the records with that key, in the order in which they were created."""
        ...

    def commit(self, changes: Sequence[Record], facts: Sequence[Fact], at: datetime) -> None:
        """Write records, each under the version after the one it carries (0: new), and facts; or raise Conflict."""
        ...

    def copy(self) -> Store:
        """Return a store with the same records and history, which goes its own way."""
        ...


def authorizations_of(store: Store, order: Order) -> list[Authorization]:
    """Return what an order rests on."""
    found = [store.get(Authorization, record_id) for record_id in order.authorization_ids]
    return [authorization for authorization in found if authorization is not None]


class MemoryStore:
    """Tables and indexes in dicts; gone when the process ends."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._tables: dict[type[Any], dict[str, Any]] = {kind: {} for kind in KINDS}
        # An index holds an ID where it is the only one, else a dict of them, because a set has no order.
        self._indexes: dict[str, dict[str, str | dict[str, None]]] = {index.name: {} for index in INDEXES}

    def get(self, kind: type[R], record_id: str) -> R | None:
        """See Store."""
        record: R | None = self._tables[kind].get(record_id)
        return record

    def all(self, kind: type[R], having: str = "") -> tuple[R, ...]:
        """See Store; a dict keeps the place of what is written anew."""
        del having
        return tuple(self._tables[kind].values())

    def find(self, index: Index[R], key: str) -> tuple[R, ...]:
        """See Store."""
        table = self._tables[index.kind]
        return tuple(table[record_id] for record_id in self._ids(index, key))

    def commit(self, changes: Sequence[Record], facts: Sequence[Fact], at: datetime) -> None:
        """See Store."""
        self._check_all(changes)
        for record in changes:
            self._write(evolve(record, version=record.version + 1))
        self.journal.append(HOUSE, facts, at)

    def copy(self) -> MemoryStore:
        """See Store; records are frozen, so the copies share them."""
        twin = MemoryStore(self.journal.copy())
        twin._tables = {kind: dict(table) for kind, table in self._tables.items()}
        twin._indexes = {
            name: {key: ids if isinstance(ids, str) else dict(ids) for key, ids in entries.items()}
            for name, entries in self._indexes.items()
        }
        return twin

    def _check_all(self, changes: Sequence[Record]) -> None:
        """Raise Conflict for a commit that cannot be."""
        taken: dict[tuple[str, str], str] = {}
        for record in changes:
            self._check(record, taken)

    def _check(self, record: Record, taken: dict[tuple[str, str], str]) -> None:
        """Raise Conflict for a record that cannot be written; `taken` are the unique keys of the same commit."""
        current = self._tables[type(record)].get(record.id)
        version = 0 if current is None else current.version
        if version != record.version:
            raise Conflict(f"{type(record).__name__} {record.id} is at version {version}, not {record.version}")
        for index in INDEXES_OF[type(record)]:
            if index.unique:
                key = index.key(record)
                holders = (*self._ids(index, key), taken.setdefault((index.name, key), record.id))
                if any(holder != record.id for holder in holders):
                    raise Conflict(f"another {type(record).__name__} has the same {index.name}")

    def _write(self, record: Record) -> None:
        table = self._tables[type(record)]
        previous = table.get(record.id)
        table[record.id] = record
        for index in INDEXES_OF[type(record)]:
            key, old = index.key(record), "" if previous is None else index.key(previous)
            if key != old:
                _remove(self._indexes[index.name], old, record.id)
                self._enter(index, key, record.id)

    def _enter(self, index: Index[Any], key: str, record_id: str) -> None:
        if key:
            entries = self._indexes[index.name]
            ids = entries.setdefault(key, record_id)
            if isinstance(ids, dict):
                ids[record_id] = None
            elif ids != record_id:
                entries[key] = {ids: None, record_id: None}

    def _ids(self, index: Index[Any], key: str) -> Iterable[str]:
        ids = self._indexes[index.name].get(key, ())
        return (ids,) if isinstance(ids, str) else ids


def _remove(entries: dict[str, str | dict[str, None]], key: str, record_id: str) -> None:
    ids = entries.get(key)
    if isinstance(ids, dict) and len(ids) > 1:
        del ids[record_id]
    elif ids is not None:
        del entries[key]


INDEXES_OF: dict[type[Record], tuple[Index[Any], ...]] = {
    kind: tuple(index for index in INDEXES if index.kind is kind) for kind in KINDS
}
