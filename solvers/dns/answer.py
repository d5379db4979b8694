"""Questions to a zone, as DNS messages (RFC 1035 section 4, RFC 6891) and as values.

A query has one question (RFC 9619), a name server's patience and little else.
What has no readable header, and every reply, is not answered at all, or two
servers could talk to each other for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv6Address

import attrs
from dnslib import (
    AAAA,
    CLASS,
    CNAME,
    EDNS0,
    NS,
    OPCODE,
    QTYPE,
    RCODE,
    RD,
    RR,
    SOA,
    TXT,
    A,
    DNSBuffer,
    DNSError,
    DNSHeader,
    DNSLabel,
    DNSQuestion,
    DNSRecord,
)
from dnslib.buffer import BufferError as DnsBufferError

from acme_server.protocol import vantage
from solvers.dns.lookup import Lookup, lookup
from solvers.dns.name import MAX_LABEL, MAX_NAME, absolute, canonical, from_labels, to_labels
from solvers.dns.zone import Asked, Zone

HEADER = 12
PLAIN_UDP = 512
MAX_UDP = 4096
MAX_TCP = 65535
# A question, EDNS options and a signature need less; what needs more costs more than it is worth to read.
MAX_QUERY = 4096
MAX_RECORDS = 4
EDNS_VERSION = 0
BADVERS = 1
"""The upper eight bits of extended rcode 16 (RFC 6891 section 9)."""


@attrs.frozen
class _Query:
    """What was asked: `name` is its canonical text; from `edns` on, what an OPT record said."""

    id: int
    recurse: bool
    question: DNSQuestion
    name: str
    edns: bool = False
    version: int = EDNS_VERSION
    size: int = PLAIN_UDP
    dnssec: bool = False


def answer_question(zone: Zone, question: vantage.Resolve) -> vantage.DnsAnswer:
    """Answer a question as the server would, without a message."""
    try:
        name = canonical(question.name)
    except ValueError as error:
        return vantage.DnsAnswer(error=str(error))
    found = _ask(zone, name, question.rtype.upper(), "virtual")
    return vantage.DnsAnswer(found.rcode, found.answers, found.authority)


def answer(zone: Zone, query: bytes, *, udp: bool) -> bytes | None:
    """Answer a message, or return None when it is not a query."""
    if len(query) < HEADER:
        return None
    header = DNSHeader.parse(DNSBuffer(query[:HEADER]))
    if header.qr:
        return None
    if header.opcode != OPCODE.QUERY:
        return _bare(header, RCODE.NOTIMP)
    try:
        asked = _read(header, query)
    except (DNSError, DnsBufferError, RecursionError):
        return _bare(header, RCODE.FORMERR)
    if asked.version != EDNS_VERSION:
        return _pack(asked, Lookup("NOERROR"), extended=BADVERS)
    if asked.question.qclass != CLASS.IN:
        return _pack(asked, Lookup("REFUSED"))
    found = _ask(zone, asked.name, QTYPE.get(asked.question.qtype), "udp" if udp else "tcp")
    return _fit(asked, found, min(max(asked.size, PLAIN_UDP), MAX_UDP) if udp else MAX_TCP, udp=udp)


def _ask(zone: Zone, name: str, rtype: str, transport: str) -> Lookup:
    found = lookup(zone, name, rtype)
    zone.history.append(Asked(name, rtype, found.rcode, transport))
    return found


def _read(header: DNSHeader, message: bytes) -> _Query:
    """Read a query after its header; raise DNSError or BufferError when it is malformed."""
    records = header.a + header.auth + header.ar
    if header.q != 1 or records > MAX_RECORDS or len(message) > MAX_QUERY:
        raise DNSError("not one question")
    buffer = DNSBuffer(message)
    buffer.offset = HEADER
    question = DNSQuestion.parse(buffer)
    labels = question.qname.label
    if len(question.qname) > MAX_NAME or any(len(label) > MAX_LABEL for label in labels):
        raise DNSError("name too long")
    query = _Query(header.id, bool(header.rd), question, from_labels(labels))
    for _ in range(records):
        query = _read_record(query, buffer)
    if buffer.remaining():
        raise DNSError("something follows the message")
    return query


def _read_record(query: _Query, buffer: DNSBuffer) -> _Query:
    """Take note of an OPT record (RFC 6891 section 6.1), and pass over any other."""
    owner = buffer.decode_name()
    rtype, size, flags, length = buffer.unpack("!HHIH")
    buffer.get(length)
    if rtype != QTYPE.OPT:
        return query
    if query.edns or owner.label:
        raise DNSError("more than one OPT, or not at the root")
    return attrs.evolve(query, edns=True, version=flags >> 16 & 0xFF, size=size, dnssec=bool(flags & 0x8000))


def _bare(header: DNSHeader, rcode: int) -> bytes:
    """Refuse a message that could not be read beyond its header."""
    reply = DNSHeader(header.id, 0, qr=1, opcode=header.opcode, rd=header.rd, rcode=rcode)
    return bytes(DNSRecord(reply).pack())


def _fit(query: _Query, found: Lookup, limit: int, *, udp: bool) -> bytes:
    """Encode a reply; over UDP one that is too long becomes an empty one, truncated (RFC 2181 section 9)."""
    reply = _pack(query, found)
    if len(reply) <= limit:
        return reply
    if udp:
        return _pack(query, Lookup(found.rcode), truncated=True)
    return _pack(query, Lookup("SERVFAIL"))


def _pack(query: _Query, found: Lookup, *, extended: int = 0, truncated: bool = False) -> bytes:
    header = DNSHeader(
        query.id,
        0,
        qr=1,
        aa=found.rcode in ("NOERROR", "NXDOMAIN") and not extended,
        tc=truncated,
        rd=query.recurse,
        ra=1,
        rcode=getattr(RCODE, found.rcode),
    )
    flags = "do" if query.dnssec else ""  # copied, RFC 3225 section 3
    options = [EDNS0(ext_rcode=extended, udp_len=MAX_UDP, flags=flags)] if query.edns else []
    record = DNSRecord(
        header,
        questions=[query.question],
        rr=_encode(query, found.answers),
        auth=_encode(query, found.authority),
        ar=options,
    )
    return bytes(record.pack())


def _encode(query: _Query, records: Iterable[vantage.DnsRecord]) -> list[RR]:
    """Return wire records; the name that was asked for keeps its spelling."""
    return [
        RR(
            query.question.qname if record.name == absolute(query.name) else _label(record.name),
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
