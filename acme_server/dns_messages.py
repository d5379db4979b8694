"""DNS messages as a stub resolver writes and reads them (RFC 1035, RFC 6891).

Replies come from strangers and every validation reads some: they are read by
hand, in one pass.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address

from dnslib import QTYPE, RCODE

from acme_server.protocol.vantage import DnsAnswer, DnsRecord

RTYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "SOA", "SRV", "TXT")
_RECURSION_DESIRED, _IN, _OPT, _UDP_PAYLOAD = 0x0100, 1, 41, 4096
_EDNS = struct.pack("!BHHIH", 0, _OPT, _UDP_PAYLOAD, 0, 0)
_HEADER, _RECORD = struct.Struct("!6H"), struct.Struct("!HHIH")
_HEADER_OCTETS = _HEADER.size
_POINTER, _MAX_LABEL, _MAX_NAME = 0xC0, 63, 255
# No honest name needs more pointers than it can have labels.
_MAX_JUMPS = 127
_PLAIN = re.compile(rb"[!-\-/-\[\]-~]+")
_RCODES = tuple(str(RCODE.get(number, number)) for number in range(16))
# Of the header's third octet.
_RESPONSE, _OPCODE, _TRUNCATED = 0x80, 0x78, 0x02


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


def is_answer_to(sent: bytes, message: bytes) -> bool:
    """Whether a message has the id and the opcode of one that was sent: updates' replies may repeat nothing else."""
    if min(len(sent), len(message)) < _HEADER_OCTETS or message[:2] != sent[:2]:
        return False
    return bool(message[2] & _RESPONSE) and message[2] & _OPCODE == sent[2] & _OPCODE


def is_truncated(message: bytes) -> bool:
    """Whether the reply did not fit and must be asked for over TCP (RFC 2181 section 9)."""
    return bool(message[2] & _TRUNCATED)


def read_reply(message: bytes) -> DnsAnswer:
    """Return what a reply says; ValueError when it is garbage, in whatever section."""
    try:
        return _read(bytes(message))
    except (IndexError, ValueError, struct.error):
        raise ValueError("malformed reply") from None


def _read(message: bytes) -> DnsAnswer:
    _, flags, questions, answers, authority, additional = _HEADER.unpack_from(message)
    offset = _HEADER_OCTETS
    for _ in range(questions):
        offset = _read_name(message, offset)[1] + 4
    found, offset = _records(message, answers, offset)
    referred, offset = _records(message, authority, offset)
    _, offset = _records(message, additional, offset)
    if offset > len(message):
        raise ValueError("a question is cut short")
    return DnsAnswer(_RCODES[flags & 0xF], found, referred)


def _records(message: bytes, count: int, offset: int) -> tuple[tuple[DnsRecord, ...], int]:
    records = []
    for _ in range(count):
        owner, offset = _read_name(message, offset)
        rtype, rclass, ttl, length = _RECORD.unpack_from(message, offset)
        start = offset + _RECORD.size
        offset = start + length
        if offset > len(message):
            raise ValueError("a record is cut short")
        if rtype in _READERS and rclass == _IN:
            name, read = _READERS[rtype]
            records.append(DnsRecord(owner, name, read(message, start, offset), ttl))
    return tuple(records), offset


def _read_name(message: bytes, offset: int) -> tuple[str, int]:
    """Return a name's text and what follows it (RFC 1035 section 4.1.4); pointers go back, and not for ever."""
    here, size, jumps, end = offset, 1, 0, 0
    labels: list[str] = []
    while length := message[here]:
        if length >= _POINTER:
            end = end or here + 2
            here = (length & 0x3F) << 8 | message[here + 1]
            jumps += 1
            if here >= offset or jumps > _MAX_JUMPS:
                raise ValueError("a pointer goes on, or too many go back")
            offset = here
            continue
        size += 1 + length
        if length > _MAX_LABEL or size > _MAX_NAME:
            raise ValueError("a label has 63 octets at most, a name 255")
        labels.append(_label(message[here + 1 : here + 1 + length]))
        here += 1 + length
    return ".".join(labels) + ".", end or here + 1


def _label(octets: bytes) -> str:
    r"""Return a label's text, with `\DDD` for what is no letter, digit or harmless sign (RFC 1035 section 5.1)."""
    if _PLAIN.fullmatch(octets):
        return octets.decode("ascii")
    return "".join(chr(octet) if _PLAIN.match(bytes([octet])) else f"\\{octet:03d}" for octet in octets)


def _address_v4(message: bytes, start: int, end: int) -> str:
    return str(IPv4Address(message[start:end]))


def _address_v6(message: bytes, start: int, end: int) -> str:
    return str(IPv6Address(message[start:end]))


def _name(message: bytes, start: int, end: int) -> str:
    text, after = _read_name(message, start)
    if after != end:
        raise ValueError("a name does not end with its record")
    return text


def _mail_exchange(message: bytes, start: int, end: int) -> str:
    (preference,) = struct.unpack_from("!H", message, start)
    return f"{preference} {_name(message, start + 2, end)}"


def _service(message: bytes, start: int, end: int) -> str:
    priority, weight, port = struct.unpack_from("!3H", message, start)
    return f"{priority} {weight} {port} {_name(message, start + 6, end)}"


def _start_of_authority(message: bytes, start: int, end: int) -> str:
    server, after = _read_name(message, start)
    times = struct.unpack("!5I", message[end - 20 : end])
    return " ".join((server, _name(message, after, end - 20), *map(str, times)))


def _authorized_issuer(message: bytes, start: int, end: int) -> str:
    """RFC 8659 section 4.1."""
    flags, length = message[start : start + 2]
    value = start + 2 + length
    if value > end:
        raise ValueError("a tag is longer than its record")
    return f'{flags} {_text(message[start + 2 : value])} "{_text(message[value:end])}"'


def _strings(message: bytes, start: int, end: int) -> str:
    """Return the strings joined; there is one at least (RFC 1035 section 3.3.14)."""
    strings: list[bytes] = []
    while not strings or start < end:
        after = start + 1 + message[start]
        if after > end:
            raise ValueError("a string is longer than its record")
        strings.append(message[start + 1 : after])
        start = after
    return _text(b"".join(strings))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")


_READERS: Mapping[int, tuple[str, Callable[[bytes, int, int], str]]] = {
    getattr(QTYPE, rtype): (rtype, read)
    for rtype, read in (
        ("A", _address_v4),
        ("AAAA", _address_v6),
        ("CAA", _authorized_issuer),
        ("CNAME", _name),
        ("MX", _mail_exchange),
        ("NS", _name),
        ("SOA", _start_of_authority),
        ("SRV", _service),
        ("TXT", _strings),
    )
}
