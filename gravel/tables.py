"""Resources as rows: the columns that `kubectl get` shows for cert-manager's kinds, and how they are laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from gravel.ages import age
from gravel.request_progress import condition
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    EVENT,
    ISSUER,
    ORDER,
    SECRET,
    Kind,
    Resource,
)

Cell: TypeAlias = Callable[[Resource, datetime], str]

GAP = 3


@attrs.frozen
class Column:
    """A heading, and how a resource fills its cell."""

    heading: str
    cell: Cell


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _at(path: str) -> Cell:
    """Return the cell that shows the value at a dotted path."""

    def cell(resource: Resource, now: datetime) -> str:
        del now
        value: Any = resource
        for name in path.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return _text(value)

    return cell


def _condition(name: str) -> Cell:
    return lambda resource, _: _text((condition(resource, name) or {}).get("status"))


def _age(resource: Resource, now: datetime) -> str:
    return age(resource["metadata"].get("creationTimestamp"), now)


def last_seen(event: Resource) -> str | None:
    """Return the moment of an event's last occurrence."""
    moments = [event.get(name) for name in ("lastTimestamp", "firstTimestamp", "eventTime")]
    moments.append(event["metadata"].get("creationTimestamp"))
    return next((str(moment) for moment in moments if moment), None)


def _last_seen(resource: Resource, now: datetime) -> str:
    return age(last_seen(resource), now)


def involved(event: Resource) -> str:
    """`certificaterequest/www`."""
    about = event.get("involvedObject") or {}
    return f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}"


def _involved(resource: Resource, now: datetime) -> str:
    del now
    return involved(resource)


def _data(resource: Resource, now: datetime) -> str:
    del now
    return str(len(resource.get("data") or {}))


NAME, AGE = Column("NAME", _at("metadata.name")), Column("AGE", _age)
NAMESPACE = Column("NAMESPACE", _at("metadata.namespace"))
_ISSUER = (NAME, Column("READY", _condition("Ready")), AGE)

# The printer columns of cert-manager's CRDs (deploy/crds), and kubectl's own for the core.
COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    ISSUER: _ISSUER,
    CLUSTER_ISSUER: _ISSUER,
    CERTIFICATE: (NAME, Column("READY", _condition("Ready")), Column("SECRET", _at("spec.secretName")), AGE),
    CERTIFICATE_REQUEST: (
        NAME,
        Column("APPROVED", _condition("Approved")),
        Column("DENIED", _condition("Denied")),
        Column("READY", _condition("Ready")),
        Column("ISSUER", _at("spec.issuerRef.name")),
        Column("REQUESTER", _at("spec.username")),
        AGE,
    ),
    ORDER: (NAME, Column("STATE", _at("status.state")), AGE),
    CHALLENGE: (NAME, Column("STATE", _at("status.state")), Column("DOMAIN", _at("spec.dnsName")), AGE),
    SECRET: (NAME, Column("TYPE", _at("type")), Column("DATA", _data), AGE),
    EVENT: (
        Column("LAST SEEN", _last_seen),
        Column("TYPE", _at("type")),
        Column("REASON", _at("reason")),
        Column("OBJECT", _involved),
        Column("MESSAGE", _at("message")),
    ),
}

_GOOD, _BAD, _WAITING = "green", "red", "yellow"
_STYLES: Mapping[str, Mapping[str, str]] = {
    "READY": {"True": _GOOD, "False": _WAITING, "Unknown": _WAITING},
    "APPROVED": {"True": _GOOD},
    "DENIED": {"True": _BAD},
    "STATE": {
        "valid": _GOOD,
        "ready": _GOOD,
        "pending": _WAITING,
        "processing": _WAITING,
        "invalid": _BAD,
        "expired": _BAD,
        "errored": _BAD,
    },
    "STATUS": {"True": _GOOD, "False": _WAITING, "Unknown": _WAITING},
    "TYPE": {"Warning": _WAITING},
}


def columns(kind: Kind, *, namespace: bool = False) -> tuple[Column, ...]:
    """Return the columns of a kind (name and age where no more is known), with the namespace in front if asked for."""
    own = COLUMNS.get(kind, (NAME, AGE))
    return (NAMESPACE, *own) if namespace and kind.namespaced else own


def headings(shown: Sequence[Column]) -> tuple[str, ...]:
    """Return the header row."""
    return tuple(column.heading for column in shown)


def row(shown: Sequence[Column], resource: Resource, now: datetime) -> tuple[str, ...]:
    """Return a resource's cells."""
    return tuple(column.cell(resource, now) for column in shown)


def widths(rows: Iterable[Sequence[str]]) -> list[int]:
    """Return how wide each column must be."""
    return [max(map(len, cells)) for cells in zip(*rows, strict=True)]


def padded(cells: Sequence[str], wide: Sequence[int]) -> list[str]:
    """Fill the cells up to their columns; the last one, which may be long, is left as it is."""
    filled = [cell.ljust(width) + " " * GAP for cell, width in zip(cells[:-1], wide, strict=False)]
    return [*filled, cells[-1]]


def style(heading: str, value: str) -> str:
    """Return the colour of a value; "" is none."""
    return _STYLES.get(heading, {}).get(value, "")


def newest_last(events: Iterable[Resource]) -> list[Resource]:
    """Return events in the order in which they happened."""
    return sorted(events, key=lambda event: (last_seen(event) or "", int(event["metadata"]["resourceVersion"])))
