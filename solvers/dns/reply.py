"""A reply as it goes over the wire (RFC 1035 section 4.1, RFC 6891); dnslib packs the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from ipaddress import IPv6Address

from dnslib import AAAA, CNAME, EDNS0, NS, QTYPE, RD, RR, SOA, TXT, A, DNSBuffer, DNSLabel, DNSQuestion

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.lookup import Lookup
from solvers.dns.name import absolute, to_labels
from solvers.dns.query import HEADER, OPCODE, QR, RECURSION_DESIRED, UPDATE, Edns, Query

AUTHORITATIVE, TRUNCATED, RECURSION_AVAILABLE = 0x0400, 0x0200, 0x0080
UDP_SIZE = 4096
"""What this server can take."""

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


def refuse(number: int, flags: int, rcode: str) -> bytes:
    """Return a bare header, for a message that was not read beyond its own."""
    return HEADER.pack(number, QR | flags & (OPCODE | RECURSION_DESIRED) | RCODES[rcode], 0, 0, 0, 0)


def write_reply(query: Query, found: Lookup, *, truncated: bool = False) -> bytes:
    """Return a reply; the name that was asked for keeps its spelling."""
    flags = QR | RECURSION_AVAILABLE | RCODES[found.rcode] & 0xF
    flags |= RECURSION_DESIRED if query.recursion_desired else 0
    flags |= AUTHORITATIVE if found.rcode in ("NOERROR", "NXDOMAIN") else 0
    flags |= TRUNCATED if truncated else 0
    name = DNSLabel(query.labels)
    answers, authority = _records(query, name, found.answers), _records(query, name, found.authority)
    options = [_options(query.edns.dnssec, RCODES[found.rcode] >> 4)] if query.edns else []
    buffer = DNSBuffer(HEADER.pack(query.number, flags, 1, len(answers), len(authority), len(options)))
    buffer.offset = HEADER.size
    DNSQuestion(name, query.rtype, query.rclass).pack(buffer)
    for record in (*answers, *authority, *options):
        record.pack(buffer)
    return bytes(buffer.data)


def write_update_reply(number: int, rcode: str, edns: Edns | None) -> bytes:
    """Return the reply to an update, which repeats none of its sections (RFC 2136 section 3.8)."""
    buffer = DNSBuffer(HEADER.pack(number, QR | UPDATE | RCODES[rcode] & 0xF, 0, 0, 0, 1 if edns else 0))
    buffer.offset = HEADER.size
    if edns:
        _options(edns.dnssec, RCODES[rcode] >> 4).pack(buffer)
    return bytes(buffer.data)


@cache
def _options(dnssec: bool, extended: int) -> RR:
    """The OPT record; it copies the DO bit (RFC 3225 section 3)."""
    return EDNS0(ext_rcode=extended, udp_len=UDP_SIZE, flags="do" if dnssec else "")


def _records(query: Query, name: DNSLabel, records: Iterable[DnsRecord]) -> list[RR]:
    return [
        RR(
            name if record.name == absolute(query.name) else _label(record.name),
            getattr(QTYPE, record.rtype),
            ttl=record.ttl,
            rdata=ENCODERS[record.rtype](record.value),
        )
        for record in records
    ]


def _label(name: str) -> DNSLabel:
    return DNSLabel(to_labels(name.removesuffix(".")))


def _txt(value: str) -> RD:
    octets = value.encode()
    return TXT([octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""])


def _soa(value: str) -> RD:
    mname, rname, *times = value.split(" ")
    return SOA(_label(mname), _label(rname), [int(number) for number in times])


ENCODERS: Mapping[str, Callable[[str], RD]] = {
    "A": A,
    "AAAA": lambda value: AAAA(tuple(IPv6Address(value).packed)),
    "CNAME": lambda value: CNAME(_label(value)),
    "NS": lambda value: NS(_label(value)),
    "SOA": _soa,
    "TXT": _txt,
}
