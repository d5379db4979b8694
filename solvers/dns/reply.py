"""A reply as it goes over the wire (RFC 1035 section 4.1, RFC 6891), its names compressed."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from ipaddress import ip_address

from dnslib import CLASS, QTYPE

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.lookup import Lookup
from solvers.dns.name import absolute, to_labels
from solvers.dns.query import HEADER, OPCODE, OPT, QR, RECURSION_DESIRED, UPDATE, Edns, Query
from solvers.dns.record_types import caa_parts

AUTHORITATIVE, TRUNCATED, RECURSION_AVAILABLE = 0x0400, 0x0200, 0x0080
UDP_SIZE = 4096
"""What this server can take."""
_QUESTION, _RECORD = struct.Struct("!HH"), struct.Struct("!HHIH")
# A pointer has 14 bits; a TXT record's strings have 255 octets at most.
_POINTER, _POINTER_REACH, _STRING = 0xC000, 0x4000, 255

# https://www.iana.org/assignments/dns-parameters; from 16 on the upper bits are in the OPT record.
RCODES: Mapping[str, int] = {
    "NOERROR": 0,
    "FORMERR": 1,
    "SERVFAIL": 2,
    "NXDOMAIN": 3,
    "NOTIMP": 4,
    "REFUSED": 5,
    "YXDOMAIN": 6,
    "YXRRSET": 7,
    "NXRRSET": 8,
    "NOTAUTH": 9,
    "NOTZONE": 10,
    "BADVERS": 16,
}


RCODE_OF: Mapping[int, str] = {number: rcode for rcode, number in RCODES.items()}


def refuse(number: int, flags: int, rcode: str) -> bytes:
    """Return a bare header, for a message that was not read beyond its own."""
    return HEADER.pack(number, QR | flags & (OPCODE | RECURSION_DESIRED) | RCODES[rcode], 0, 0, 0, 0)


def write_reply(query: Query, found: Lookup, *, truncated: bool = False) -> bytes:
    """Return a reply; the name that was asked for keeps its spelling."""
    flags = QR | RECURSION_AVAILABLE | RCODES[found.rcode] & 0xF
    flags |= RECURSION_DESIRED if query.recursion_desired else 0
    flags |= AUTHORITATIVE if found.rcode in ("NOERROR", "NXDOMAIN") else 0
    flags |= TRUNCATED if truncated else 0
    counts = (1, len(found.answers), len(found.authority), 1 if query.edns else 0)
    message = _Message(HEADER.pack(query.number, flags, *counts))
    message.add_name(query.labels)
    message.octets += _QUESTION.pack(query.rtype, query.rclass)
    asked = absolute(query.name)
    for record in (*found.answers, *found.authority):
        message.add_record(query.labels if record.name == asked else _labels(record.name), record)
    if query.edns:
        message.octets += options_record(query.edns.dnssec, RCODES[found.rcode] >> 4)
    return bytes(message.octets)


def write_update_reply(number: int, rcode: str, edns: Edns | None) -> bytes:
    """Return the reply to an update, which repeats none of its sections (RFC 2136 section 3.8)."""
    header = HEADER.pack(number, QR | UPDATE | RCODES[rcode] & 0xF, 0, 0, 0, 1 if edns else 0)
    return header + (options_record(edns.dnssec, RCODES[rcode] >> 4) if edns else b"")


def options_record(dnssec: bool, extended: int) -> bytes:
    """Return the OPT record; it copies the DO bit (RFC 3225 section 3)."""
    return b"\0" + _RECORD.pack(OPT, UDP_SIZE, extended << 24 | (0x8000 if dnssec else 0), 0)


class _Message:
    """A message under construction, and where in it each name stands that a later one can point to."""

    def __init__(self, header: bytes) -> None:
        self.octets = bytearray(header)
        self._places: dict[tuple[bytes, ...], int] = {}

    def add_name(self, labels: tuple[bytes, ...]) -> None:
        """Write a name up to a part that was written before, and point there (RFC 1035 section 4.1.4)."""
        for start, label in enumerate(labels):
            rest = labels[start:]
            place = self._places.get(rest)
            if place is not None:
                self.octets += (_POINTER | place).to_bytes(2, "big")
                return
            if len(self.octets) < _POINTER_REACH:
                self._places[rest] = len(self.octets)
            self.octets.append(len(label))
            self.octets += label
        self.octets.append(0)

    def add_record(self, owner: tuple[bytes, ...], record: DnsRecord) -> None:
        """Write a record, and its data's length when that is known."""
        number, add_data = ENCODERS[record.rtype]
        self.add_name(owner)
        self.octets += _RECORD.pack(number, CLASS.IN, record.ttl, 0)
        start = len(self.octets)
        add_data(self, record.value)
        self.octets[start - 2 : start] = (len(self.octets) - start).to_bytes(2, "big")


def _labels(name: str) -> tuple[bytes, ...]:
    return to_labels(name.removesuffix("."))


def _add_address(message: _Message, value: str) -> None:
    message.octets += ip_address(value).packed


def _add_name(message: _Message, value: str) -> None:
    message.add_name(_labels(value))


def text_data(value: str) -> bytes:
    """Return the data of a TXT record: the value in strings of 255 octets at most (RFC 1035 section 3.3.14)."""
    octets = value.encode()
    strings = [octets[start : start + _STRING] for start in range(0, len(octets) or 1, _STRING)]
    return b"".join(bytes([len(string)]) + string for string in strings)


def _add_text(message: _Message, value: str) -> None:
    message.octets += text_data(value)


def _add_start_of_authority(message: _Message, value: str) -> None:
    server, mailbox, *times = value.split(" ")
    message.add_name(_labels(server))
    message.add_name(_labels(mailbox))
    message.octets += struct.pack("!5I", *map(int, times))


def _add_authorized_issuer(message: _Message, value: str) -> None:
    flags, tag, issuer = caa_parts(value)
    message.octets += bytes((flags, len(tag))) + tag.encode("ascii") + issuer.encode()


def _add_mail_exchange(message: _Message, value: str) -> None:
    preference, exchange = value.split(" ")
    message.octets += struct.pack("!H", int(preference))
    message.add_name(_labels(exchange))


def _add_service(message: _Message, value: str) -> None:
    """Its name is not compressed (RFC 2782)."""
    *numbers, target = value.split(" ")
    message.octets += struct.pack("!3H", *map(int, numbers))
    message.octets += b"".join(bytes([len(label)]) + label for label in _labels(target)) + b"\0"


ENCODERS: Mapping[str, tuple[int, Callable[[_Message, str], None]]] = {
    "A": (QTYPE.A, _add_address),
    "AAAA": (QTYPE.AAAA, _add_address),
    "CAA": (QTYPE.CAA, _add_authorized_issuer),
    "CNAME": (QTYPE.CNAME, _add_name),
    "MX": (QTYPE.MX, _add_mail_exchange),
    "NS": (QTYPE.NS, _add_name),
    "PTR": (QTYPE.PTR, _add_name),
    "SOA": (QTYPE.SOA, _add_start_of_authority),
    "SRV": (QTYPE.SRV, _add_service),
    "TXT": (QTYPE.TXT, _add_text),
}
"""How the data of each type is written, with the type's number."""
