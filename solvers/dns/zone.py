"""The DNS data of one world: a tree of names, as RFC 1034 section 3.1 draws it.

A test server's zone: every name has an address unless told otherwise, and every
walk towards a zone apex ends at one. Apexes that are not configured are the
last two labels of each name (or its only label).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_address

from acme_server.protocol.driver import Clock
from acme_server.protocol.vantage import DnsRecord
from solvers.dns.history import BEGINNING, CHANGES, HISTORY, Asked, Change
from solvers.dns.name import absolute, canonical
from solvers.dns.tree import Node, RRsets, below

LOOPBACK = "127.0.0.1"
# Short, so that no cache between a client and this server outlives a test's patience.
TTL = 1
# What a message of 65,535 octets can carry (RFC 1035 section 4.2.2), with room for the rest of it.
MAX_TXT = 65000
NAMESERVER = "ns"

FAMILIES = ("A", "AAAA")


class Zone:
    """Addresses, aliases and texts by name; names in any case, their final dot optional.

    default_addresses: what every other name has; with none, such names do not exist;
    nameserver_addresses: what `ns.APEX` has, that is, where this data is served;
    nameservers: instead, where several servers show it, each address as `ns1.APEX`, `ns2.APEX`, ...;
    apexes: the zones to be authoritative for, besides the implied ones;
    history: the last questions and updates, changes: the last changes of names, both oldest first;
    clock: tells when changes are made.
    """

    def __init__(
        self,
        *,
        default_addresses: Iterable[str] = (LOOPBACK,),
        nameserver_addresses: Iterable[str] = (LOOPBACK,),
        nameservers: Iterable[str] = (),
        apexes: Iterable[str] = (),
        history: int = HISTORY,
        clock: Clock = lambda: BEGINNING,
    ) -> None:
        self._root = Node()
        self._default_addresses = _by_family(default_addresses)
        several = {f"{NAMESERVER}{number}": _by_family([each]) for number, each in enumerate(nameservers, 1)}
        self._nameservers = several or {NAMESERVER: _by_family(nameserver_addresses)}
        self._serial = 1
        self.history: deque[Asked] = deque(maxlen=history)
        self.changes: deque[Change] = deque(maxlen=CHANGES)
        self.clock = clock
        for apex in apexes:
            self._root.grow(_zone_name(apex)).apex = True

    def add_txt(self, name: str, value: str) -> None:
        """Add one value to the name's TXT records; the same value is kept once."""
        if len(value.encode()) > MAX_TXT:
            raise ValueError(f"a TXT value has at most {MAX_TXT} octets")
        values = self._at(name, "TXT")
        if value not in values:
            self._put(name, "TXT", (*values, value))

    def remove_txt(self, name: str, value: str) -> None:
        """Remove exactly this value; harmless when it is not there."""
        values = tuple(other for other in self._at(name, "TXT") if other != value)
        if values:
            self._put(name, "TXT", values)
        else:
            self._drop(name, "TXT")

    def clear_txt(self, name: str) -> None:
        """Remove all TXT values of the name."""
        self._drop(name, "TXT")

    def set_addresses(self, name: str, addresses: Iterable[str]) -> None:
        """Give the name its own IPv4 and IPv6 addresses, or, with none, no address at all."""
        for rtype, values in _by_family(addresses).items():
            self._put(name, rtype, values)

    def clear_addresses(self, name: str) -> None:
        """Let the name have the default addresses again."""
        self._drop(name, "A", "AAAA")

    def set_cname(self, name: str, target: str) -> None:
        """Make the name an alias, which hides its other data (RFC 1034 section 3.6.2)."""
        self._put(name, "CNAME", (absolute(canonical(target)),))

    def clear_cname(self, name: str) -> None:
        """Make the name no alias."""
        self._drop(name, "CNAME")

    @property
    def default_addresses(self) -> tuple[str, ...]:
        """What every name without addresses of its own has, IPv4 first."""
        return sum(self._default_addresses.values(), ())

    def set_default_addresses(self, addresses: Iterable[str]) -> None:
        """Say what every name without addresses of its own has; with none, unknown names do not exist."""
        self._default_addresses = _by_family(addresses)
        self._serial += 1

    def copy(self) -> Zone:
        """Return a zone with the same data, serial and history, which goes its own way."""
        twin = Zone(history=0)
        twin.become(self)
        return twin

    def become(self, other: Zone) -> None:
        """Have the data, serial and history of another zone from now on, wherever this one is served."""
        self._root = other._root.copy()
        self._default_addresses = other._default_addresses
        self._nameservers = other._nameservers
        self._serial = other._serial
        self.history = other.history.copy()
        self.changes = other.changes.copy()

    def nameservers_at(self, address: str, name: str) -> tuple[str, ...]:
        """Return what a nameserver's address is called: the first label, and the full name where a name's zone is."""
        labels = [
            label
            for label, families in self._nameservers.items()
            if any(address in addresses for addresses in families.values())
        ]
        return (*labels, *(below(label, self.apex_of(name)) for label in labels))

    @property
    def serial(self) -> int:
        """The serial of the SOA records; it counts the changes of all data."""
        return self._serial

    def apex_of(self, name: str) -> str:
        """Return the apex of the zone that a canonical name is in."""
        implied = ".".join(name.split(".")[-2:])
        apex = "" if self._root.apex else implied
        for above, node in self._root.path(name):
            if node.apex:
                apex = above
        return apex

    def soa(self, apex: str) -> DnsRecord:
        """Return the SOA record of a zone."""
        names = f"{absolute(below(next(iter(self._nameservers)), apex))} {absolute(below('hostmaster', apex))}"
        return DnsRecord(absolute(apex), "SOA", f"{names} {self._serial} 3600 600 86400 {TTL}", TTL)

    def rrsets(self, name: str) -> RRsets | None:
        """Return all that a canonical name has, defaults and wildcards applied; None when it does not exist."""
        node, exact = self._root.find(name)
        addresses = self._default_addresses
        # Before all else, where message compression still reaches (RFC 1035 section 4.1.4).
        authority = self._authority(name)
        if (own := self._nameserver(name)) is not None:
            # It stands in its zone, so no wildcard covers it.
            node, addresses = node if exact else None, own
        elif not (node or authority or any(addresses.values())):
            return None
        stored = node.rrsets if node else {}
        if "CNAME" in stored:
            return {**authority, "CNAME": stored["CNAME"]}
        return {**authority, **addresses, **stored}

    def own(self, name: str) -> RRsets:
        """Return what a canonical name itself holds: no default address, nothing from a wildcard, nothing empty."""
        return {**self._authority(name), **{rtype: values for rtype, values in self.stored(name).items() if values}}

    def stored(self, name: str) -> RRsets:
        """Return what was written for a canonical name; an address family without values hides its default."""
        node, exact = self._root.find(name)
        return node.rrsets if node and exact else {}

    def revise(self, like: Zone, stored: Mapping[str, RRsets], serial: int) -> None:
        """Have this stored for these names, this serial, and another zone's default addresses: a secondary follows."""
        for name, rrsets in stored.items():
            self._root.grow(name).rrsets = dict(rrsets)
            self._root.prune(name)
        self._default_addresses, self._serial = like._default_addresses, serial

    def replace(self, changes: Mapping[str, RRsets]) -> None:
        """Let each canonical name hold exactly these records beside its SOA and NS, in one step of the serial."""
        serial = self._serial + 1
        for name, rrsets in changes.items():
            node = self._root.grow(name)
            held = {rtype: values for rtype, values in node.rrsets.items() if values}
            if held != rrsets:
                before, node.rrsets = node.rrsets, {**_without_default(node.rrsets, held, rrsets), **rrsets}
                self._record(serial, name, before, node.rrsets)
            self._root.prune(name)

    def _authority(self, name: str) -> RRsets:
        if self.apex_of(name) != name:
            return {}
        return {
            "SOA": (self.soa(name).value,),
            "NS": tuple(absolute(below(label, name)) for label in self._nameservers),
        }

    def _nameserver(self, name: str) -> RRsets | None:
        """Return the addresses that a name has as a nameserver of its zone."""
        label, _, above = name.partition(".")
        return self._nameservers[label] if label in self._nameservers and self.apex_of(above) == above else None

    def _at(self, name: str, rtype: str) -> tuple[str, ...]:
        return self.stored(canonical(name)).get(rtype, ())

    def _put(self, name: str, rtype: str, values: tuple[str, ...]) -> None:
        name = canonical(name)
        node = self._root.grow(name)
        if node.rrsets.get(rtype) != values:
            before, node.rrsets = node.rrsets, {**node.rrsets, rtype: values}
            self._record(self._serial + 1, name, before, node.rrsets)

    def _drop(self, name: str, *rtypes: str) -> None:
        name = canonical(name)
        before = self.stored(name)
        after = {rtype: values for rtype, values in before.items() if rtype not in rtypes}
        if after != before:
            self._root.grow(name).rrsets = after
            self._record(self._serial + 1, name, before, after)
            self._root.prune(name)

    def _record(self, serial: int, name: str, before: RRsets, after: RRsets) -> None:
        """Remember a change; rrsets are replaced and never edited, so that what they were stays."""
        self._serial = serial
        self.changes.append(Change(serial, self.clock(), name, before, after))


def _without_default(stored: RRsets, before: RRsets, after: RRsets) -> dict[str, tuple[str, ...]]:
    """Return the families that have no default address: both beside a name's own, else those told to have none."""
    if _has_addresses(after):
        return dict.fromkeys(FAMILIES, ())
    return {} if _has_addresses(before) else {family: () for family in FAMILIES if family in stored}


def _has_addresses(rrsets: RRsets) -> bool:
    return any(family in rrsets for family in FAMILIES)


def _by_family(addresses: Iterable[str]) -> RRsets:
    parsed = [ip_address(address) for address in addresses]
    if any("%" in str(address) for address in parsed):
        raise ValueError("an address in the DNS has no zone index")
    return {
        "A": tuple(str(address) for address in parsed if isinstance(address, IPv4Address)),
        "AAAA": tuple(str(address) for address in parsed if not isinstance(address, IPv4Address)),
    }


def _zone_name(apex: str) -> str:
    name = canonical(apex)
    canonical(below("hostmaster", name))
    return name
