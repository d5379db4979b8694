"""Reads DER (X.690) value by value: enough of it to see a subject and its alternative names as they will be signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs

OID, SEQUENCE, SET, OCTET_STRING = 0x06, 0x30, 0x31, 0x04


@attrs.frozen
class Value:
    """One value: its tag octet, its content, and all of its octets."""

    tag: int
    content: bytes
    whole: bytes


Values: TypeAlias = Iterator[Value]


def values(octets: bytes) -> Values:
    """Yield the values that stand one after another; ValueError where it is no DER."""
    at = 0
    while at < len(octets):
        tag, start, size = octets[at], at + 2, octets[at + 1] if at + 1 < len(octets) else 0xFF
        if tag & 0x1F == 0x1F or size in (0x80, 0xFF):
            raise ValueError("it is no DER that is read here")
        if size > 0x80:
            start, size = start + size - 0x80, int.from_bytes(octets[start : start + size - 0x80])
        if start + size > len(octets):
            raise ValueError("a value ends beyond its container")
        yield Value(tag, octets[start : start + size], octets[at : start + size])
        at = start + size


def inside(value: Value, tag: int) -> Values:
    """Yield what is in a value of this tag; ValueError when it has another."""
    if value.tag != tag:
        raise ValueError(f"a value has tag 0x{value.tag:02x} where 0x{tag:02x} belongs")
    return values(value.content)


def dotted(value: Value) -> str:
    """Return an object identifier as `2.5.4.3`; ValueError when it is none."""
    if value.tag != OID or not value.content or value.content[-1] & 0x80:
        raise ValueError("an object identifier belongs here")
    arcs, arc = [], 0
    for octet in value.content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
