"""Who owns which field (metadata.managedFields): what updates leave there, and what they take from others.

Source: staging/src/k8s.io/apimachinery/pkg/util/managedfields. As there, an object that came without an owner stays
without until somebody applies: what the bridge writes through the port costs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.field_sets import FieldSet, Path, compare, from_json, to_json
from issuer_bridge.kube_api.schemas import schema_of
from issuer_bridge.kube_api.writing import Tracker
from issuer_bridge.resources import EVENT, Kind, Resource

APPLY, UPDATE = "Apply", "Update"
# More managers that update than these are merged into one.
MAX_UPDATERS = 10
_ANCIENT = "ancient-changes"
_OWNERLESS = ("f:apiVersion", "f:kind")
_OWNERLESS_METADATA = frozenset(
    f"f:{name}"
    for name in (
        *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"),
        "managedFields",
    )
)
# Go's structs are there even when they are empty, so that nobody adds them.
_STRUCTS = (("f:spec",), ("f:status",), ("f:source",), ("f:status", "f:loadBalancer"))
# What a new object of a kind has before anybody wrote it.
_BLANK: Mapping[Kind, Resource] = {EVENT: {"reportingComponent": "", "reportingInstance": ""}}


@attrs.frozen
class Manager:
    """Who writes; api_version "" for those who apply, since they stay the same in another version."""

    name: str
    operation: str
    api_version: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@attrs.frozen
class Entry:
    """What a manager owns, in which version it wrote, and when."""

    fields: FieldSet
    api_version: str
    time: str


def read(managed: Any) -> dict[Manager, Entry]:
    """Read managedFields; what cannot be read owns nothing."""
    found: dict[Manager, Entry] = {}
    for item in managed if isinstance(managed, list) else ():
        try:
            fields = from_json(item["fieldsV1"])
            version, operation = str(item.get("apiVersion", "")), str(item["operation"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return {}
        name, subresource = str(item.get("manager", "")), str(item.get("subresource", ""))
        manager = Manager(name, operation, version if operation == UPDATE else "", subresource)
        found[manager] = Entry(fields, version, str(item.get("time", "")))
    return found


def write(entries: Mapping[Manager, Entry]) -> list[dict[str, Any]]:
    """Write managedFields: who applies first, then the oldest."""
    listed = sorted(
        entries.items(), key=lambda each: (each[0].operation, each[1].time, each[0].name, each[0].subresource)
    )
    return [_written(manager, entry) for manager, entry in listed if entry.fields]


def _written(manager: Manager, entry: Entry) -> dict[str, Any]:
    item = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": entry.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": to_json(entry.fields),
    }
    return item | {"subresource": manager.subresource} if manager.subresource else item


def owned_changes(kind: Kind, stored: Resource | None, resource: Resource) -> tuple[FieldSet, FieldSet]:
    """Return the fields that somebody can own and that a write adds or changes, and those that it takes away."""
    written, removed = compare(schema_of(kind), _BLANK.get(kind, {}) if stored is None else stored, resource)
    return ownable(kind, written), ownable(kind, removed)


def ownable(kind: Kind, fields: FieldSet) -> FieldSet:
    """Leave out what belongs to the server."""
    return frozenset(path for path in fields if not _is_ownerless(kind, path))


def _is_ownerless(kind: Kind, path: Path) -> bool:
    if path[0] == "f:metadata":
        return len(path) == 1 or path[1] in _OWNERLESS_METADATA
    return path[0] in _OWNERLESS or (not kind.custom and path in _STRUCTS)


def tracker(kind: Kind, name: str, now: datetime, subresource: str = "") -> Tracker:
    """Return what notes a create or an update by a manager."""
    manager = Manager(name or "unknown", UPDATE, kind.api_version, subresource)

    def track(stored: Resource | None, resource: Resource, sent: Resource) -> list[dict[str, Any]]:
        entries = {} if stored is None else _base(stored, sent)
        if stored is not None and not entries:
            return []
        written, removed = owned_changes(kind, stored, resource)
        entries = without(entries, written | removed)
        if written:
            mine = entries.get(manager)
            fields = written | mine.fields if mine else written
            entries[manager] = Entry(fields, kind.api_version, rfc3339(now))
        return write(_capped(entries))

    return track


def _base(stored: Resource, sent: Resource) -> dict[Manager, Entry]:
    """Return the entries that a client sent, who may edit and reset ([{}]) them; else those that are stored."""
    theirs = (sent.get("metadata") or {}).get("managedFields")
    if theirs == [{}]:
        return {}
    kept = stored["metadata"].get("managedFields")
    return (read(theirs) if theirs != kept else {}) or read(kept)


def without(entries: Mapping[Manager, Entry], fields: FieldSet) -> dict[Manager, Entry]:
    """Take fields from everybody."""
    return {manager: attrs.evolve(entry, fields=entry.fields - fields) for manager, entry in entries.items()}


def _capped(entries: dict[Manager, Entry]) -> dict[Manager, Entry]:
    updaters = sorted(
        (item for item in entries.items() if item[0].operation == UPDATE and item[1].fields),
        key=lambda item: item[1].time,
    )
    for manager, entry in updaters[: max(len(updaters) - MAX_UPDATERS + 1, 0) if len(updaters) > MAX_UPDATERS else 0]:
        del entries[manager]
        ancient = Manager(_ANCIENT, UPDATE, manager.api_version)
        before = entries.get(ancient)
        fields = entry.fields | before.fields if before else entry.fields
        entries[ancient] = Entry(fields, manager.api_version, entry.time)
    return entries
