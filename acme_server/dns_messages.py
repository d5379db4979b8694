"""DNS messages as a stub resolver writes and reads them (RFC 1035, RFC 6891)."""

from __future__ import annotations

import struct

from dnslib import QTYPE, RCODE, RR, DNSRecord

from acme_server.protocol.vantage import DnsAnswer, DnsRecord

RTYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT")
_RECURSION_DESIRED, _IN, _OPT, _UDP_PAYLOAD = 0x0100, 1, 41, 4096
_EDNS = struct.pack("!BHHIH", 0, _OPT, _UDP_PAYLOAD, 0, 0)
_HEADER_OCTETS = 12
_RESPONSE, _TRUNCATED = 0x80, 0x02


def write_query(name: str, rtype: str, message_id: int) -> bytes:
    """Return a recursive query with EDNS; ValueError says why it cannot be asked."""
    if rtype not in RTYPES:
        raise ValueError(f"unsupported type {rtype}")
    header = struct.pack("!6H", message_id, _RECURSION_DESIRED, 1, 0, 0, 1)
    return header + _wire_name(name) + struct.pack("!HH", getattr(QTYPE, rtype), _IN) + _EDNS


def _wire_name(name: str) -> bytes:
    labels = name.removesuffix(".").split(".") if name != "." else []
    if not name.isascii() or len(name) > 254 or not all(1 <= len(label) <= 63 for label in labels):
        raise ValueError("invalid name")
    return b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"


def is_reply_to(query: bytes, message: bytes) -> bool:
    """Whether a message has the query's id and question: others are strays, or forged (RFC 5452 section 9.1)."""
    question = query[_HEADER_OCTETS : -len(_EDNS)]
    echoed = message[_HEADER_OCTETS : _HEADER_OCTETS + len(question)]
    is_response = len(message) > _HEADER_OCTETS and message[2] & _RESPONSE
    return bool(is_response) and message[:2] == query[:2] and echoed.lower() == question.lower()


def is_truncated(message: bytes) -> bool:
    """Whether the reply did not fit and must be asked for over TCP (RFC 2181 section 9)."""
    return bool(message[2] & _TRUNCATED)


def read_reply(message: bytes) -> DnsAnswer:
    """Return what a reply says; ValueError when it is garbage."""
    try:
        reply = DNSRecord.parse(message)
        rcode = str(RCODE.get(reply.header.rcode, reply.header.rcode))
        return DnsAnswer(rcode, _records(reply.rr), _records(reply.auth))
    except Exception:  # noqa: BLE001 - dnslib has no common base for what garbage makes it raise
        raise ValueError("malformed reply") from None


def _records(section: list[RR]) -> tuple[DnsRecord, ...]:
    named = ((QTYPE.get(record.rtype), record) for record in section)
    return tuple(_record(rtype, record) for rtype, record in named if rtype in RTYPES)


def _record(rtype: str, record: RR) -> DnsRecord:
    value = _joined(record.rdata.data) if rtype == "TXT" else str(record.rdata)
    return DnsRecord(str(record.rname), rtype, value, record.ttl)


def _joined(strings: list[bytes]) -> str:
    return b"".join(strings).decode("utf-8", "backslashreplace")
