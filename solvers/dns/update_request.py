"""An update as a client writes it (RFC 2136): one TXT value added to a name, or taken from it."""

from __future__ import annotations

import struct

import attrs
from dnslib import CLASS, QTYPE

from solvers.dns.name import to_labels
from solvers.dns.query import HEADER, QUESTION, RECORD, UPDATE
from solvers.dns.reply import RCODE_OF, text_data

_NONE = 254
_RCODE = 0xF


@attrs.frozen
class TxtChange:
    """name and zone are canonical; `remove` takes exactly this value away, else it is added with this TTL in seconds."""

    zone: str
    name: str
    value: str
    remove: bool = False
    ttl: int = 60


def write_update(number: int, change: TxtChange) -> bytes:
    """Return the message; a value of any length becomes strings of 255 octets at most. ValueError when it is too long."""
    data = text_data(change.value)
    if len(data) > 0xFFFF:
        raise ValueError("a TXT record has at most 65535 octets")
    # What is removed has class NONE and no TTL (section 2.5.4).
    rclass, ttl = (_NONE, 0) if change.remove else (CLASS.IN, change.ttl)
    return (
        HEADER.pack(number, UPDATE, 1, 0, 1, 0)
        + _wire_name(change.zone)
        + QUESTION.pack(QTYPE.SOA, CLASS.IN)
        + _wire_name(change.name)
        + RECORD.pack(QTYPE.TXT, rclass, ttl, len(data))
        + data
    )


def rcode_of(reply: bytes) -> str:
    """Return the RCODE of a reply as a word; ValueError when it has no header."""
    try:
        (_, flags, *_) = HEADER.unpack_from(reply)
    except struct.error:
        raise ValueError("the message ends too early") from None
    return RCODE_OF.get(flags & _RCODE, f"RCODE{flags & _RCODE}")


def _wire_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in to_labels(name)) + b"\0"
