"""A query as it comes over the wire (RFC 1035 section 4.1, RFC 6891 section 6.1).

Read by hand, since this is where strangers write: in one pass, with labels of
any octets, and without following a single pointer. No query needs one, as
nothing stands before its question that a name could point to.
"""

from __future__ import annotations

import struct

import attrs

from solvers.dns.name import MAX_LABEL, MAX_NAME, from_labels

HEADER = struct.Struct("!6H")
# Of the header's second word (RFC 1035 section 4.1.1).
QR, OPCODE, RECURSION_DESIRED = 0x8000, 0x7800, 0x0100
# An opcode, where it stands there (RFC 2136 section 1.3).
UPDATE = 5 << 11
OPT = 41
QUESTION = struct.Struct("!HH")
RECORD = struct.Struct("!HHIH")


@attrs.frozen
class Edns:
    """What an OPT record says: `size` of UDP reply that the client can take, `dnssec` the DO bit."""

    version: int
    size: int
    dnssec: bool


@attrs.frozen
class Query:
    """One question (RFC 9619): `labels` as they were spelled, `name` their canonical text."""

    number: int
    recursion_desired: bool
    labels: tuple[bytes, ...]
    name: str
    rtype: int
    rclass: int
    edns: Edns | None


def read_query(message: bytes) -> Query:
    """Read a query; ValueError when it is malformed."""
    try:
        return _read(message)
    except (IndexError, struct.error):
        raise ValueError("the message ends too early") from None


def _read(message: bytes) -> Query:
    number, header, questions, *others = HEADER.unpack_from(message)
    if questions != 1:
        raise ValueError("a query has one question")
    labels, offset = _read_name(message, HEADER.size)
    rtype, rclass = QUESTION.unpack_from(message, offset)
    offset += QUESTION.size
    edns: Edns | None = None
    for _ in range(sum(others)):
        owner = skip_name(message, offset)
        kind, size, flags, length = RECORD.unpack_from(message, owner)
        if kind == OPT:
            edns = read_edns(edns, message[offset], size, flags)
        offset = owner + RECORD.size + length
    if offset != len(message):
        raise ValueError("the message does not end with its last record")
    return Query(number, bool(header & RECURSION_DESIRED), labels, from_labels(labels), rtype, rclass, edns)


def read_edns(before: Edns | None, owner: int, size: int, flags: int) -> Edns:
    """Read an OPT record's class and TTL; ValueError when it has an owner, or is not the first."""
    if before or owner:
        raise ValueError("there is one OPT record at most, at the root")
    return Edns(flags >> 16 & 0xFF, size, bool(flags & 0x8000))


def _read_name(message: bytes, offset: int) -> tuple[tuple[bytes, ...], int]:
    start, labels = offset, []
    while length := message[offset]:
        if length > MAX_LABEL or offset - start + length > MAX_NAME:
            raise ValueError("a label has 63 octets at most, a name 255")
        labels.append(message[offset + 1 : offset + 1 + length])
        offset += 1 + length
    return tuple(labels), offset + 1


def skip_name(message: bytes, offset: int) -> int:
    """Pass over a name that may end in a pointer (RFC 1035 section 4.1.4)."""
    while length := message[offset]:
        if length >= 0xC0:
            return offset + 2
        offset += 1 + length
    return offset + 1
