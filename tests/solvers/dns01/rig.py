"""A dns-01 solver over a zone, and the answers that scripts are made of."""

from datetime import UTC, datetime

from acme_server.protocol.vantage import DnsAnswer, DnsRecord
from solvers.dns.zone import Zone
from solvers.dns01.authorities import Authorities
from solvers.dns01.propagation import Propagation
from solvers.dns01.provider import ZoneProvider
from solvers.dns01.solver import Dns01Solver
from solvers.timing import TIMINGS

START = datetime(2026, 1, 1, tzinfo=UTC)
FAST = TIMINGS["fast"]
ONE, TWO = "192.0.2.53:53", "198.51.100.53:53"


def clock():
    return START


def solver_of(provider, *nameservers, timing=FAST, now=clock, **options):
    """A solver that asks these nameservers; options are Propagation's."""
    return Dns01Solver(provider, Propagation(nameservers, Authorities(now), **options), timing)


def builtin(zone=None, *nameservers, **options):
    return solver_of(ZoneProvider(Zone() if zone is None else zone), *(nameservers or (ONE,)), **options)


def said(*records, rcode="NOERROR"):
    """An answer of (owner, type, value[, ttl])."""
    return DnsAnswer(rcode, tuple(DnsRecord(*record) for record in records))


NOTHING = said()
NXDOMAIN, SERVFAIL = said(rcode="NXDOMAIN"), said(rcode="SERVFAIL")
NO_ANSWER = DnsAnswer(error="timeout")


def soa(zone, ttl=300):
    return said((f"{zone}.", "SOA", f"ns.{zone}. hostmaster.{zone}. 1 3600 600 86400 60", ttl))


def cname(owner, target):
    return said((owner, "CNAME", target))


def ns(zone, *hosts, ttl=300):
    return said(*((f"{zone}.", "NS", host, ttl) for host in hosts))


def address(host, *values):
    return said(*((f"{host}.", "AAAA" if ":" in value else "A", value) for value in values))


def txt(name, *values, rcode="NOERROR"):
    return said(*((f"{name}.", "TXT", value) for value in values), rcode=rcode)
