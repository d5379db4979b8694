"""What may be wrong with the answer to one query, and how it is performed.

Whoever injects faults is asked once per query, through `Disturb`, and returns
a value; nobody here knows why.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import TypeAlias

import attrs

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.lookup import Lookup, lookup
from solvers.dns.name import absolute
from solvers.dns.zone import TTL, Zone

AT_ONCE = timedelta(0)
NEVER = timedelta.max


@attrs.frozen
class Disturbance:
    """What happens to one query and its answer.

    zone: what is asked in the place of the present data, say their past;
    rcode: the answer is this error; no_data: it is empty; loop: it is an alias
    for the name itself; ttl: of all its records; order: a seed, by which its
    answers are put in another order; truncated: over UDP it is cut; delay:
    waiting before it is sent, NEVER when it is not.
    """

    zone: Zone | None = None
    rcode: str | None = None
    no_data: bool = False
    loop: bool = False
    ttl: int | None = None
    order: bytes = b""
    truncated: bool = False
    delay: timedelta = AT_ONCE

    def replaces(self, *, udp: bool) -> bool:
        """Whether what is right does not matter, so that nobody need be asked."""
        instead = self.rcode is not None or self.no_data or self.loop
        return instead or self.delay == NEVER or (self.truncated and udp)


Disturb: TypeAlias = Callable[[str, str, str], Disturbance | None]
"""Asked for each query: its canonical name, its type, and the `HOST:PORT` where it arrived."""


def find_under(disturbance: Disturbance, zone: Zone, name: str, rtype: str) -> Lookup:
    """Return what is answered to a query that suffers a disturbance."""
    zone = disturbance.zone or zone
    found = _instead(disturbance, zone, name) or lookup(zone, name, rtype)
    answers, authority = found.answers, found.authority
    if disturbance.order:
        answers = tuple(sorted(answers, key=lambda record: _place(disturbance.order, record)))
    if disturbance.ttl is not None:
        answers, authority = _aged(answers, disturbance.ttl), _aged(authority, disturbance.ttl)
    return Lookup(found.rcode, answers, authority)


def _instead(disturbance: Disturbance, zone: Zone, name: str) -> Lookup | None:
    negative = (zone.soa(zone.apex_of(name)),)
    if disturbance.rcode is not None:
        return Lookup(disturbance.rcode, (), negative if disturbance.rcode == "NXDOMAIN" else ())
    if disturbance.no_data:
        return Lookup("NOERROR", (), negative)
    if disturbance.loop:
        return Lookup("NOERROR", (DnsRecord(absolute(name), "CNAME", absolute(name), TTL),))
    return None


def _place(seed: bytes, record: DnsRecord) -> bytes:
    return hashlib.sha256(seed + f"{record.name} {record.rtype} {record.value}".encode()).digest()


def _aged(records: tuple[DnsRecord, ...], ttl: int) -> tuple[DnsRecord, ...]:
    return tuple(attrs.evolve(record, ttl=ttl) for record in records)
