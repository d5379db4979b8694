"""Questions to a zone, as DNS messages (RFC 1035 section 4, RFC 6891) and as values.

What has no readable header, and every reply, is not answered at all, or two
servers could talk to each other for ever.
"""

from __future__ import annotations

from dnslib import CLASS, QTYPE

from acme_server.protocol.vantage import DnsAnswer, Resolve
from solvers.dns.lookup import Lookup, lookup
from solvers.dns.name import canonical
from solvers.dns.query import HEADER, OPCODE, QR, Query, read_query
from solvers.dns.reply import refuse, write_reply
from solvers.dns.zone import Asked, Zone

EDNS_VERSION = 0
PLAIN_UDP = 512
MAX_UDP = 4096
MAX_TCP = 65535


def answer_question(zone: Zone, question: Resolve) -> DnsAnswer:
    """Answer a question as the server would, without a message."""
    try:
        name = canonical(question.name)
    except ValueError as error:
        return DnsAnswer(error=str(error))
    found = _ask(zone, name, question.rtype.upper(), "virtual")
    return DnsAnswer(found.rcode, found.answers, found.authority)


def answer(zone: Zone, message: bytes, *, udp: bool) -> bytes | None:
    """Answer a message, or return None when it is not a query."""
    if len(message) < HEADER.size:
        return None
    number, flags, *_ = HEADER.unpack_from(message)
    if flags & QR:
        return None
    if flags & OPCODE:
        return refuse(number, flags, "NOTIMP")
    try:
        query = read_query(message)
    except ValueError:
        return refuse(number, flags, "FORMERR")
    if query.edns and query.edns.version != EDNS_VERSION:
        return write_reply(query, Lookup("BADVERS"))
    if query.rclass != CLASS.IN:
        return write_reply(query, Lookup("REFUSED"))
    found = _ask(zone, query.name, QTYPE.get(query.rtype), "udp" if udp else "tcp")
    return _fit(query, found, udp=udp)


def _ask(zone: Zone, name: str, rtype: str, transport: str) -> Lookup:
    found = lookup(zone, name, rtype)
    zone.history.append(Asked(name, rtype, found.rcode, transport))
    return found


def _fit(query: Query, found: Lookup, *, udp: bool) -> bytes:
    """Write a reply; over UDP one that is too long becomes an empty one, truncated (RFC 2181 section 9)."""
    reply = write_reply(query, found)
    size = query.edns.size if query.edns else PLAIN_UDP
    if len(reply) <= (min(max(size, PLAIN_UDP), MAX_UDP) if udp else MAX_TCP):
        return reply
    if udp:
        return write_reply(query, Lookup(found.rcode), truncated=True)
    return write_reply(query, Lookup("SERVFAIL"))
