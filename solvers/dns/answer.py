"""Questions to a zone, as DNS messages (RFC 1035 section 4, RFC 6891) and as values; updates as messages (RFC 2136).

What has no readable header, and every reply, is not answered at all, or two
servers could talk to each other for ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

import attrs
from dnslib import CLASS, QTYPE

from acme_server.protocol.vantage import DnsAnswer, Resolve
from solvers.dns.disturbance import AT_ONCE, Disturb, Disturbance, find_under
from solvers.dns.history import Asked
from solvers.dns.lookup import Lookup, lookup
from solvers.dns.name import canonical
from solvers.dns.query import HEADER, OPCODE, QR, UPDATE, Query, read_query
from solvers.dns.reply import refuse, write_reply, write_update_reply
from solvers.dns.update import apply_update
from solvers.dns.update_message import read_update
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone

EDNS_VERSION = 0
PLAIN_UDP = 512
MAX_UDP = 4096
MAX_TCP = 65535


def answer_question(zone: Zone, question: Resolve) -> DnsAnswer:
    """Answer a question as the server would, without a message."""
    return hear_answer(zone, question)[1]


def hear_answer(zone: Zone, question: Resolve, disturb: Disturb | None = None) -> tuple[timedelta, DnsAnswer]:
    """Return how long the answer to a question takes, NEVER when none comes, and the answer."""
    try:
        name = canonical(question.name)
    except ValueError as error:
        return AT_ONCE, DnsAnswer(error=str(error))
    rtype = question.rtype.upper()
    disturbance = disturb(name, rtype, question.server or "") if disturb else None
    found = _ask(zone, name, rtype, "virtual", disturbance)
    delay = disturbance.delay if disturbance else AT_ONCE
    return delay, DnsAnswer(found.rcode, found.answers, found.authority)


@attrs.frozen
class Late:
    """A reply that is sent after a while; never, when `delay` is NEVER."""

    delay: timedelta
    reply: bytes


Answered: TypeAlias = bytes | Late | None
"""A reply to send at once, one that is late, or none, since what came is neither a query nor an update."""


@attrs.frozen
class _Sender:
    """How a message came, and where to; `room` is what the signature of its reply takes."""

    udp: bool
    may_update: bool
    disturb: Disturb | None
    server: str
    room: int = 0

    @property
    def transport(self) -> str:
        return "udp" if self.udp else "tcp"


def answer(
    zone: Zone,
    message: bytes,
    *,
    udp: bool,
    writers: Writers = NOBODY,
    disturb: Disturb | None = None,
    server: str = "",
) -> Answered:
    """Answer a message that came to a server (`HOST:PORT`); what came signed is signed."""
    if len(message) < HEADER.size:
        return None
    number, flags, *_ = HEADER.unpack_from(message)
    if flags & QR:
        return None
    keyring = writers.keyring
    try:
        signed = keyring.check(message) if keyring else None
    except ValueError:
        return refuse(number, flags, "FORMERR")
    if signed is None or keyring is None:
        return _answer(zone, message, _Sender(udp, writers.anyone, disturb, server))
    if signed.error:
        return keyring.sign(refuse(number, flags, "NOTAUTH"), signed)
    reply = _answer(zone, signed.message, _Sender(udp, True, disturb, server, signed.room))
    if isinstance(reply, Late):
        return Late(reply.delay, keyring.sign(reply.reply, signed))
    return keyring.sign(reply, signed)


def _answer(zone: Zone, message: bytes, sender: _Sender) -> bytes | Late:
    number, flags, *_ = HEADER.unpack_from(message)
    if flags & OPCODE == UPDATE:
        return _answer_update(zone, message, sender)
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
    rtype = QTYPE[query.rtype]
    disturbance = sender.disturb(query.name, rtype, sender.server) if sender.disturb else None
    found = _ask(zone, query.name, rtype, sender.transport, disturbance)
    if disturbance is None:
        return _fit(query, found, sender)
    cut = disturbance.truncated and sender.udp
    reply = write_reply(query, Lookup(found.rcode), truncated=True) if cut else _fit(query, found, sender)
    return Late(disturbance.delay, reply) if disturbance.delay else reply


def _answer_update(zone: Zone, message: bytes, sender: _Sender) -> bytes:
    number, flags, *_ = HEADER.unpack_from(message)
    if not sender.may_update:
        return refuse(number, flags, "REFUSED")
    try:
        update = read_update(message)
    except ValueError:
        return refuse(number, flags, "FORMERR")
    bad = update.edns and update.edns.version != EDNS_VERSION
    rcode = "BADVERS" if bad else apply_update(zone, update)
    changed = dict.fromkeys((record.name, record.rtype) for record in update.updates) or [(update.zone, "SOA")]
    zone.history.extend(Asked(name, rtype, rcode, sender.transport, "UPDATE") for name, rtype in changed)
    return write_update_reply(number, rcode, update.edns)


def _ask(zone: Zone, name: str, rtype: str, transport: str, disturbance: Disturbance | None) -> Lookup:
    found = lookup(zone, name, rtype) if disturbance is None else find_under(disturbance, zone, name, rtype)
    zone.history.append(Asked(name, rtype, found.rcode, transport))
    return found


def _fit(query: Query, found: Lookup, sender: _Sender) -> bytes:
    """Write a reply; over UDP one that is too long becomes an empty one, truncated (RFC 2181 section 9)."""
    reply = write_reply(query, found)
    size = query.edns.size if query.edns else PLAIN_UDP
    limit = min(max(size, PLAIN_UDP), MAX_UDP) if sender.udp else MAX_TCP
    if len(reply) + sender.room <= limit:
        return reply
    if sender.udp:
        return write_reply(query, Lookup(found.rcode), truncated=True)
    return write_reply(query, Lookup("SERVFAIL"))
