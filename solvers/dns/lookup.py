"""What an authoritative name server finds for a question (RFC 1034 section 4.3.2).

Pure, and free of messages: the wire (`answer`) and virtual time
(`answer_question`) both say what is found here.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.name import absolute, canonical
from solvers.dns.tree import RRsets
from solvers.dns.zone import TTL, Zone

# As many as resolvers commonly follow; a reply stays within reach of name compression.
MAX_CHAIN = 16
# Types that are questions about the server or the message, never about a name.
UNANSWERED: Mapping[str, str] = {
    "AXFR": "REFUSED",
    "IXFR": "REFUSED",
    "OPT": "NOTIMP",
    "TKEY": "NOTIMP",
    "TSIG": "NOTIMP",
    "TYPE253": "NOTIMP",
    "TYPE254": "NOTIMP",
}


@attrs.frozen
class Lookup:
    """What was found: the answer section, and for a negative answer the zone's SOA (RFC 2308)."""

    rcode: str
    answers: tuple[DnsRecord, ...] = ()
    authority: tuple[DnsRecord, ...] = ()


def lookup(zone: Zone, name: str, rtype: str) -> Lookup:
    """Find a canonical name's records, through its aliases; a loop of them is SERVFAIL.

    What is in no zone that is served is REFUSED; an alias that leads there is told as it is.
    """
    if rtype in UNANSWERED:
        return Lookup(UNANSWERED[rtype])
    if not zone.covers(name):
        return Lookup("REFUSED")
    found: list[DnsRecord] = []
    for _ in range(MAX_CHAIN):
        rrsets = zone.rrsets(name)
        here = _records(name, rrsets or {}, rtype)
        alias = None if here else next(iter(_records(name, rrsets or {}, "CNAME")), None)
        if alias is None:
            negative = () if here else (zone.soa(zone.apex_of(name)),)
            return Lookup("NXDOMAIN" if rrsets is None else "NOERROR", (*found, *here), negative)
        if alias in found:
            break
        found.append(alias)
        name = canonical(alias.value)
        if not zone.covers(name):
            return Lookup("NOERROR", tuple(found))
    return Lookup("SERVFAIL", tuple(found))


def _records(name: str, rrsets: RRsets, rtype: str) -> tuple[DnsRecord, ...]:
    """Return the records of one type, or of every type for ANY (RFC 8482 section 4.1)."""
    return tuple(
        DnsRecord(absolute(name), each, value, TTL)
        for each, values in rrsets.items()
        if rtype in (each, "ANY")
        for value in values
    )
