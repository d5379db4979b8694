"""An update as it comes over the wire (RFC 2136 section 2), read by hand as queries are.

Here names may end in pointers, which lead backwards only, and data is read for
the types that a zone holds; other data has the text of RFC 3597 section 5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address

import attrs
from dnslib import CLASS, QTYPE

from solvers.dns.name import MAX_LABEL, MAX_NAME, absolute, from_labels
from solvers.dns.query import HEADER, OPT, QUESTION, RECORD, Edns, read_edns

# No name has more labels, so none needs more pointers.
MAX_POINTERS = 127
_SOA_TIMES = struct.Struct("!5I")


@attrs.frozen
class UpdateRecord:
    """A record of the prerequisite or the update section; `size` of its data, `value` None when it has none."""

    name: str
    rtype: str
    rclass: int
    ttl: int
    size: int
    value: str | None


@attrs.frozen
class Update:
    """A whole update; `zone` and `ztype` and `zclass` are its zone section."""

    zone: str
    ztype: int
    zclass: int
    prerequisites: tuple[UpdateRecord, ...]
    updates: tuple[UpdateRecord, ...]
    edns: Edns | None


def read_update(message: bytes) -> Update:
    """Read an update; ValueError when it is malformed."""
    try:
        return _read(message)
    except (IndexError, struct.error):
        raise ValueError("the message ends too early") from None


def _read(message: bytes) -> Update:
    _, _, zones, before, changes, others = HEADER.unpack_from(message)
    if zones != 1:
        raise ValueError("an update has one zone")
    zone, offset = _read_name(message, HEADER.size)
    ztype, zclass = QUESTION.unpack_from(message, offset)
    offset += QUESTION.size
    sections: tuple[list[UpdateRecord], ...] = ([], [])
    for section, count in zip(sections, (before, changes), strict=True):
        for _ in range(count):
            record, offset = _read_record(message, offset)
            section.append(record)
    edns: Edns | None = None
    for _ in range(others):
        owner = offset
        _, offset = _read_name(message, owner)
        kind, size, flags, length = RECORD.unpack_from(message, offset)
        offset += RECORD.size + length
        if kind == OPT:
            edns = read_edns(edns, message[owner], size, flags)
    if offset != len(message):
        raise ValueError("the message does not end with its last record")
    return Update(zone, ztype, zclass, tuple(sections[0]), tuple(sections[1]), edns)


def _read_record(message: bytes, offset: int) -> tuple[UpdateRecord, int]:
    name, offset = _read_name(message, offset)
    kind, rclass, ttl, size = RECORD.unpack_from(message, offset)
    start, end = offset + RECORD.size, offset + RECORD.size + size
    rtype = str(QTYPE[kind])
    # What has class ANY stands for records, and is none.
    empty = size == 0 and rclass != CLASS.IN
    value = None if empty else _DECODERS.get(rtype, _unknown)(message, start, end)
    return UpdateRecord(name, rtype, rclass, ttl, size, value), end


def _read_name(message: bytes, offset: int) -> tuple[str, int]:
    labels: list[bytes] = []
    size, pointers, earliest, end = 0, 0, offset, 0
    while length := message[offset]:
        if length >= 0xC0:
            end = end or offset + 2
            offset = (length & 0x3F) << 8 | message[offset + 1]
            pointers += 1
            if not HEADER.size <= offset < earliest or pointers > MAX_POINTERS:
                raise ValueError("a pointer leads back, to a name")
            earliest = offset
            continue
        size += 1 + length
        if length > MAX_LABEL or size > MAX_NAME + 1:
            raise ValueError("a label has 63 octets at most, a name 255")
        labels.append(message[offset + 1 : offset + 1 + length])
        offset += 1 + length
    return from_labels(tuple(labels)), end or offset + 1


def _unknown(message: bytes, start: int, end: int) -> str:
    return f"\\# {end - start} {message[start:end].hex()}"


def _address(message: bytes, start: int, end: int) -> str:
    if end - start != 4:
        raise ValueError("an IPv4 address has 4 octets")
    return str(IPv4Address(message[start:end]))


def _address6(message: bytes, start: int, end: int) -> str:
    if end - start != 16:
        raise ValueError("an IPv6 address has 16 octets")
    return str(IPv6Address(message[start:end]))


def _name(message: bytes, start: int, end: int) -> str:
    name, after = _read_name(message, start)
    if after != end:
        raise ValueError("a name fills its record's data")
    return absolute(name)


def _text(message: bytes, start: int, end: int) -> str:
    """Join the strings of a TXT record; other octets than UTF-8 become surrogates."""
    strings = []
    while start < end:
        after = start + 1 + message[start]
        strings.append(message[start + 1 : after])
        start = after
    if start != end or not strings:
        raise ValueError("a text is made of whole strings, of one at least")
    return b"".join(strings).decode("utf-8", "surrogateescape")


def _soa(message: bytes, start: int, end: int) -> str:
    mname, offset = _read_name(message, start)
    rname, offset = _read_name(message, offset)
    if end - offset != _SOA_TIMES.size:
        raise ValueError("a SOA record has two names and five numbers")
    return " ".join((absolute(mname), absolute(rname), *map(str, _SOA_TIMES.unpack_from(message, offset))))


def _mail_exchange(message: bytes, start: int, end: int) -> str:
    (preference,) = struct.unpack_from("!H", message, start)
    return f"{preference} {_name(message, start + 2, end)}"


def _service(message: bytes, start: int, end: int) -> str:
    priority, weight, port = struct.unpack_from("!3H", message, start)
    return f"{priority} {weight} {port} {_name(message, start + 6, end)}"


def _authorized_issuer(message: bytes, start: int, end: int) -> str:
    """RFC 8659 section 4.1; other octets than UTF-8 become surrogates."""
    flags, length = message[start], message[start + 1]
    value = start + 2 + length
    if value > end or not length:
        raise ValueError("a CAA record has flags, a tag and a value")
    parts = (message[start + 2 : value], message[value:end])
    tag, text = (part.decode("utf-8", "surrogateescape") for part in parts)
    return f'{flags} {tag} "{text}"'


_DECODERS: Mapping[str, Callable[[bytes, int, int], str]] = {
    "A": _address,
    "AAAA": _address6,
    "CAA": _authorized_issuer,
    "CNAME": _name,
    "MX": _mail_exchange,
    "NS": _name,
    "PTR": _name,
    "SOA": _soa,
    "SRV": _service,
    "TXT": _text,
}
