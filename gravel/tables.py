"""Resources as rows: the columns that `kubectl get` shows (`kube_api/tables.py`), and how they are laid out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from issuer_bridge.kube_api import tables
from issuer_bridge.kube_api.columns import Column
from issuer_bridge.kube_api.core_tables import last_seen
from issuer_bridge.resources import Kind, Resource

GAP = 3
NAMESPACE = Column("Namespace", lambda resource, _: resource["metadata"].get("namespace"))

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
    """Return the columns of a kind but those of `-o wide`, with the namespace in front if asked for."""
    own = tuple(column for column in tables.columns(kind) if not column.priority)
    return (NAMESPACE, *own) if namespace and kind.namespaced else own


def headings(shown: Sequence[Column]) -> tuple[str, ...]:
    """Return the header row."""
    return tuple(column.heading for column in shown)


def row(shown: Sequence[Column], resource: Resource, now: datetime) -> tuple[str, ...]:
    """Return a resource's cells."""
    cells = (column.cell(resource, now) for column in shown)
    return tuple("" if cell is None else str(cell) for cell in cells)


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
