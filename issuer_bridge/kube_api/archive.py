"""Where a store's objects outlive the process: a table in a SQLite file, one row an object.

Each write is a transaction, which has ended when the call returns. Who opened
the file decides how it is locked and when it waits for the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Protocol

from issuer_bridge.kube_api.object_meta import object_key
from issuer_bridge.kube_api.statuses import qualified
from issuer_bridge.resources import KINDS, ApiError, Kind, Resource


class Archive(Protocol):
    """What a store tells of its writes, each before anybody hears of it."""

    def version(self) -> int:
        """Return a version that no write had yet; 0 before the first."""
        ...

    def objects(self) -> Iterator[tuple[Kind, Resource]]:
        """Yield all objects, the one created first first."""
        ...

    def keep(self, kind: Kind, resource: Resource) -> None:
        """Write an object that is new or has changed; ApiError 500 when that cannot be done."""
        ...

    def drop(self, kind: Kind, resource: Resource) -> None:
        """Delete an object; its resourceVersion is that of the deletion. ApiError 500 when that cannot be done."""
        ...


# A power failure may take the last writes of a run, but nobody may see their versions again on something else.
_RUN = 10**9
# What is deleted has no row that could say which version that was.
_TABLES = """
CREATE TABLE IF NOT EXISTS resources (
    n INTEGER PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    version INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (kind, namespace, name));
CREATE TABLE IF NOT EXISTS last_deletion (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL);
"""
_VERSION = "SELECT max((SELECT ifnull(max(version), 0) FROM resources), ifnull(max(version), 0)) FROM last_deletion"
_KEEP = (
    "INSERT INTO resources (kind, namespace, name, version, body) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, namespace, name) DO UPDATE SET version = excluded.version, body = excluded.body"
)
_DROP = "DELETE FROM resources WHERE kind = ? AND namespace = ? AND name = ?"
_KINDS = {qualified(kind): kind for kind in KINDS}
_encode = json.JSONEncoder(separators=(",", ":")).encode


class SqliteArchive(Archive):
    """See the module; the connection begins no transaction by itself. run: how often the file was opened before."""

    def __init__(self, connection: sqlite3.Connection, run: int = 0) -> None:
        self._connection, self._run = connection, run
        connection.executescript(_TABLES)

    def version(self) -> int:
        """See Archive."""
        last: int = self._connection.execute(_VERSION).fetchone()[0]
        return max(last, self._run * _RUN)

    def objects(self) -> Iterator[tuple[Kind, Resource]]:
        """See Archive; ValueError or KeyError when a row is none of ours."""
        for kind, body in self._connection.execute("SELECT kind, body FROM resources ORDER BY n"):
            resource = json.loads(body)
            yield _KINDS.get(kind) or _custom(kind, resource), resource

    def keep(self, kind: Kind, resource: Resource) -> None:
        """See Archive."""
        version = int(resource["metadata"]["resourceVersion"])
        self._execute((_KEEP, (qualified(kind), *object_key(kind, resource), version, _encode(resource))))

    def drop(self, kind: Kind, resource: Resource) -> None:
        """See Archive."""
        version = int(resource["metadata"]["resourceVersion"])
        self._execute(
            ("BEGIN", ()),
            (_DROP, (qualified(kind), *object_key(kind, resource))),
            ("REPLACE INTO last_deletion VALUES (1, ?)", (version,)),
            ("COMMIT", ()),
        )

    def _execute(self, *statements: tuple[str, tuple[str | int, ...]]) -> None:
        try:
            for statement in statements:
                self._connection.execute(*statement)
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise ApiError(500, "InternalError", f"nothing was changed, since it cannot be kept: {error}") from None


def _custom(name: str, resource: Resource) -> Kind:
    """Return the kind of an object whose CRD is in another row; by group and name it is the one that the CRD defines."""
    group, _, version = resource["apiVersion"].rpartition("/")
    plural = name.removesuffix(f".{group}")
    if not group or plural == name:
        raise ValueError(f"an object of {group or 'the core'} is kept as one of {name}")
    return Kind(group, version, resource["kind"], plural, namespaced="namespace" in resource["metadata"], custom=True)
