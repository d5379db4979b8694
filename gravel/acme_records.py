"""What the management API tells of a world, as values: orders, certificates, and lines of its journal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import attrs

from acme_server.protocol.journal import Entry
from acme_server.protocol.times import parse_rfc3339

R = TypeVar("R")
_MOMENTS = ("created", "expires", "not_before", "not_after", "revoked")


@attrs.frozen
class Order:
    """An order as it is now; identifiers: names; error: a problem document; certificate: its ID."""

    id: str
    url: str
    account: str
    identifiers: tuple[str, ...]
    status: str
    error: Mapping[str, Any] | None
    created: datetime
    expires: datetime
    authorizations: tuple[Mapping[str, Any], ...]
    certificate: str | None


@attrs.frozen
class Certificate:
    """An issued certificate; serial: hexadecimal; chain: PEM, the leaf first; revoked: when; reason: a CRLReason."""

    id: str
    url: str
    account: str
    order: str
    identifiers: tuple[str, ...]
    serial: str
    not_before: datetime
    not_after: datetime
    revoked: datetime | None
    reason: int | None
    chain: str = attrs.field(repr=False)


def read_record(cls: type[R], document: Mapping[str, Any]) -> R:
    """Make a record of a JSON object: lists become tuples, moments datetimes."""
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    return cls(**values | {name: parse_rfc3339(values[name]) for name in _MOMENTS if values.get(name)})


def line_of(entry: Entry) -> str:
    """Return an entry of the journal for people."""
    words = [f"{name}={value}" for name, value in {**entry.subject, **entry.data}.items()]
    return f"{entry.seq:>4} {entry.at} {entry.kind} {' '.join(words)}"
