"""Questions to a zone, as DNS messages (RFC 1035 section 4, RFC 6891) and as values; updates as messages (RFC 2136).

What has no readable header, and every reply, is not answered at all, or two
servers could talk to each other for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import attrs
from dnslib import CLASS, QTYPE

from acme_server.protocol.vantage import DnsAnswer, Resolve
from solvers.dns.disturbance import AT_ONCE, Disturb, Disturbance, find_under
from solvers.dns.lookup import Lookup, lookup
from solvers.dns.name import canonical
from solvers.dns.query import HEADER, OPCODE, QR, UPDATE, Query, read_query
from solvers.dns.reply import RCODE_OF, RCODES, refuse, write_reply, write_update_reply
from solvers.dns.update import apply_update
from solvers.dns.update_message import read_update
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone

if TYPE_CHECKING:
    from solvers.dns.tsig import Keyring, Signed

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
    found = _find(zone, name, rtype, disturbance)
    zone.note(name, rtype, found.rcode, "virtual", "QUERY", "", question.server or "")
    delay = disturbance.delay if disturbance else AT_ONCE
    return delay, DnsAnswer(found.rcode, found.answers, found.authority)


@attrs.frozen
class Late:
    """A reply that is sent after a while; never, when `delay` is NEVER."""

    delay: timedelta
    reply: bytes


@attrs.frozen
class Forward:
    """A query about what is not served here, for another server; `delay` as for `Late`.

    finish: makes the reply of what came back from there, or of None.
    """

    message: bytes
    delay: timedelta
    finish: Callable[[bytes | None], bytes]


Answered: TypeAlias = bytes | Late | Forward | None
"""A reply to send at once, one that is made later, or none, since what came is neither a query nor an update."""


@attrs.frozen
class _Sender:
    """How a message came, and where to; `room` is what the signature of its reply takes."""

    udp: bool
    may_update: bool
    disturb: Disturb | None
    server: str
    client: str
    room: int = 0

    @property
    def transport(self) -> str:
        return "udp" if self.udp else "tcp"

    def fits(self, query: Query, reply: bytes) -> bool:
        """Whether a reply is one that the client can take."""
        size = query.edns.size if query.edns else PLAIN_UDP
        limit = min(max(size, PLAIN_UDP), MAX_UDP) if self.udp else MAX_TCP
        return len(reply) + self.room <= limit


def answer(
    zone: Zone,
    message: bytes,
    *,
    udp: bool,
    writers: Writers = NOBODY,
    disturb: Disturb | None = None,
    server: str = "",
    client: str = "",
) -> Answered:
    """Answer a message that came from a client's address to a server (`HOST:PORT`); what came signed is signed."""
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
        return _answer(zone, message, _Sender(udp, writers.anyone, disturb, server, client))
    if signed.error:
        return keyring.sign(refuse(number, flags, "NOTAUTH"), signed)
    return _signed(
        _answer(zone, signed.message, _Sender(udp, True, disturb, server, client, signed.room)), keyring, signed
    )


def _signed(reply: bytes | Late | Forward, keyring: Keyring, signed: Signed) -> Answered:
    if isinstance(reply, Late):
        return Late(reply.delay, keyring.sign(reply.reply, signed))
    if isinstance(reply, Forward):
        return attrs.evolve(reply, finish=lambda heard: keyring.sign(reply.finish(heard), signed))
    return keyring.sign(reply, signed)


def _answer(zone: Zone, message: bytes, sender: _Sender) -> bytes | Late | Forward:
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
    if not zone.covers(query.name) and (disturbance is None or not disturbance.replaces(udp=sender.udp)):
        finish = partial(_pass_on, zone, query, rtype, sender)
        return Forward(message, disturbance.delay if disturbance else AT_ONCE, finish)
    cut = disturbance is not None and disturbance.truncated and sender.udp
    found = Lookup("NOERROR") if cut else _find(zone, query.name, rtype, disturbance)
    zone.note(query.name, rtype, found.rcode, sender.transport, "QUERY", sender.client, sender.server)
    reply = write_reply(query, found, truncated=True) if cut else _fit(query, found, sender)
    return Late(disturbance.delay, reply) if disturbance and disturbance.delay else reply


def _pass_on(zone: Zone, query: Query, rtype: str, sender: _Sender, heard: bytes | None) -> bytes:
    """Return what another server said, or that it said nothing."""
    number = RCODES["SERVFAIL"] if heard is None else HEADER.unpack_from(heard)[1] & 0xF
    rcode = RCODE_OF.get(number, str(number))
    zone.note(query.name, rtype, rcode, sender.transport, "QUERY", sender.client, sender.server)
    if heard is None:
        return write_reply(query, Lookup(rcode))
    return heard if sender.fits(query, heard) else write_reply(query, Lookup("NOERROR"), truncated=True)


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
    for name, rtype in changed:
        zone.note(name, rtype, rcode, sender.transport, "UPDATE", sender.client, sender.server)
    return write_update_reply(number, rcode, update.edns)


def _find(zone: Zone, name: str, rtype: str, disturbance: Disturbance | None) -> Lookup:
    return lookup(zone, name, rtype) if disturbance is None else find_under(disturbance, zone, name, rtype)


def _fit(query: Query, found: Lookup, sender: _Sender) -> bytes:
    """Write a reply; over UDP one that is too long becomes an empty one, truncated (RFC 2181 section 9)."""
    reply = write_reply(query, found)
    if sender.fits(query, reply):
        return reply
    if sender.udp:
        return write_reply(query, Lookup(found.rcode), truncated=True)
    return write_reply(query, Lookup("SERVFAIL"))
