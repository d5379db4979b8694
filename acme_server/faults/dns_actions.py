"""What can go wrong with a DNS query: another answer, an edited one, one that is lost, cut short or out of date.

Here it is only said; the DNS server performs it. The planes mean what they
mean for requests: which data are asked (STATE), what is answered instead
(INSTEAD), how the answer is edited (CHANGE), how it travels (DELIVERY).
"""

from __future__ import annotations

import attrs

from acme_server.faults.action import AFTER, DNS, Action, Plane
from acme_server.faults.reading import duration, integer, member, word_of

# https://www.iana.org/assignments/dns-parameters; each in lower case is a kind too.
RCODES = (
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
)
KINDS = tuple(rcode.lower() for rcode in RCODES)
# What a TTL can be (RFC 2181 section 8).
_MAX_TTL = 2**31 - 1


@attrs.frozen
class DnsAction(Action):
    """What happens to queries, and to nothing else."""

    stages = AFTER
    endpoints = (DNS,)
    at_dns = True


@attrs.frozen
class SendRcode(DnsAction):
    """The answer is an error; as kind, its name says the same: `servfail`, `nxdomain`, `refused`, ..."""

    kind = "rcode"
    plane = Plane.INSTEAD

    rcode: str = member(word_of(RCODES), "SERVFAIL")


@attrs.frozen
class NoData(DnsAction):
    """The name exists, and has no record of the type (RFC 2308 section 2.2)."""

    kind = "no-data"
    plane = Plane.INSTEAD


@attrs.frozen
class CnameLoop(DnsAction):
    """The name is an alias for itself."""

    kind = "cname-loop"
    plane = Plane.INSTEAD


@attrs.frozen
class SetTtl(DnsAction):
    """Every record of the answer has this TTL, the SOA of a negative one too."""

    kind = "ttl"
    plane = Plane.CHANGE

    seconds: int = member(integer(0, _MAX_TTL))


@attrs.frozen
class Shuffle(DnsAction):
    """The records of the answer come in another order each time."""

    kind = "shuffle"
    plane = Plane.CHANGE


@attrs.frozen
class NoAnswer(DnsAction):
    """Nobody answers; over TCP the connection stays open."""

    kind = "no-answer"
    plane = Plane.DELIVERY


@attrs.frozen
class TruncateUdp(DnsAction):
    """Over UDP the answer is empty and says that it was cut (TC), so that it is asked for over TCP."""

    kind = "truncated"
    plane = Plane.DELIVERY


@attrs.frozen
class Propagate(DnsAction):
    """A change of a name is seen `seconds` after it was made; with `until`, each change uniformly between the two."""

    kind = "propagation"
    plane = Plane.STATE

    seconds: float = member(duration())
    until: float | None = member(duration(), None)

    def __attrs_post_init__(self) -> None:
        if self.until is not None and self.until < self.seconds:
            raise ValueError("propagation: 'until' is before 'seconds'")
