"""The DNS data of one world: a tree of names, as RFC 1034 section 3.1 draws it.

A test server's zone: every name has an address unless told otherwise, and every
walk towards a zone apex ends at one. Apexes that are not configured are the
last two labels of each name (or its only label).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_address

import attrs

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.name import absolute, canonical, suffixes

LOOPBACK = "127.0.0.1"
# Short, so that no cache between a client and this server outlives a test's patience.
TTL = 1
# What a message of 65,535 octets can carry (RFC 1035 section 4.2.2), with room for the rest of it.
MAX_TXT = 65000
HISTORY = 1000
NAMESERVER = "ns"

FAMILIES = ("A", "AAAA")

RRsets = Mapping[str, tuple[str, ...]]


@attrs.frozen
class Asked:
    """A question that was answered, or with the opcode UPDATE a change; transport: udp, tcp, or virtual."""

    name: str
    rtype: str
    rcode: str
    transport: str
    opcode: str = "QUERY"


@attrs.define(eq=False)
class _Node:
    children: dict[str, _Node] = attrs.field(factory=dict)
    rrsets: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    apex: bool = False

    @property
    def empty(self) -> bool:
        return not (self.children or self.rrsets or self.apex)

    def copy(self) -> _Node:
        return _Node({label: child.copy() for label, child in self.children.items()}, dict(self.rrsets), self.apex)


class Zone:
    """Addresses, aliases and texts by name; names in any case, their final dot optional.

    default_addresses: what every other name has; with none, such names do not exist;
    nameserver_addresses: what `ns.APEX` has, that is, where this data is served;
    apexes: the zones to be authoritative for, besides the implied ones;
    history: the last questions and updates, oldest first.
    """

    def __init__(
        self,
        *,
        default_addresses: Iterable[str] = (LOOPBACK,),
        nameserver_addresses: Iterable[str] = (LOOPBACK,),
        apexes: Iterable[str] = (),
        history: int = HISTORY,
    ) -> None:
        self._root = _Node()
        self._default_addresses = _by_family(default_addresses)
        self._nameserver_addresses = _by_family(nameserver_addresses)
        self._serial = 1
        self.history: deque[Asked] = deque(maxlen=history)
        for apex in apexes:
            self._grow(_zone_name(apex)).apex = True

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
        self._nameserver_addresses = other._nameserver_addresses
        self._serial = other._serial
        self.history = other.history.copy()

    def apex_of(self, name: str) -> str:
        """Return the apex of the zone that a canonical name is in."""
        implied = ".".join(name.split(".")[-2:])
        node, above, apex = self._root, "", "" if self._root.apex else implied
        for label in _downwards(name):
            child = node.children.get(label)
            if child is None:
                break
            node, above = child, _below(label, above)
            apex = above if node.apex else apex
        return apex

    def soa(self, apex: str) -> DnsRecord:
        """Return the SOA record of a zone; its serial counts the changes of all data."""
        names = f"{absolute(_below(NAMESERVER, apex))} {absolute(_below('hostmaster', apex))}"
        return DnsRecord(absolute(apex), "SOA", f"{names} {self._serial} 3600 600 86400 {TTL}", TTL)

    def rrsets(self, name: str) -> RRsets | None:
        """Return all that a canonical name has, defaults and wildcards applied; None when it does not exist."""
        node, exact = self._find(name)
        addresses = self._default_addresses
        # Before all else, where message compression still reaches (RFC 1035 section 4.1.4).
        authority = self._authority(name)
        if self._is_nameserver(name):
            # It stands in its zone, so no wildcard covers it.
            node, addresses = node if exact else None, self._nameserver_addresses
        elif not (node or authority or any(addresses.values())):
            return None
        stored = node.rrsets if node else {}
        if "CNAME" in stored:
            return {**authority, "CNAME": stored["CNAME"]}
        return {**authority, **addresses, **stored}

    def own(self, name: str) -> RRsets:
        """Return what a canonical name itself holds: no default address, nothing from a wildcard, nothing empty."""
        node, exact = self._find(name)
        stored = node.rrsets if node and exact else {}
        return {**self._authority(name), **{rtype: values for rtype, values in stored.items() if values}}

    def replace(self, changes: Mapping[str, RRsets]) -> None:
        """Let each canonical name hold exactly these records beside its SOA and NS, in one step of the serial."""
        changed = False
        for name, rrsets in changes.items():
            node = self._grow(name)
            held = {rtype: values for rtype, values in node.rrsets.items() if values}
            if held != rrsets:
                changed = True
                node.rrsets = {**_without_default(node.rrsets, held, rrsets), **rrsets}
            self._prune(name)
        self._serial += changed

    def _authority(self, name: str) -> RRsets:
        if self.apex_of(name) != name:
            return {}
        return {"SOA": (self.soa(name).value,), "NS": (absolute(_below(NAMESERVER, name)),)}

    def _is_nameserver(self, name: str) -> bool:
        label, _, above = name.partition(".")
        return label == NAMESERVER and self.apex_of(above) == above

    def _find(self, name: str) -> tuple[_Node | None, bool]:
        """Return the name's node and True, or the wildcard that covers it (RFC 4592 section 3.3.1)."""
        node = self._root
        for label in _downwards(name):
            child = node.children.get(label)
            if child is None:
                return node.children.get("*"), False
            node = child
        return node, True

    def _at(self, name: str, rtype: str) -> tuple[str, ...]:
        node, exact = self._find(canonical(name))
        return node.rrsets.get(rtype, ()) if node and exact else ()

    def _grow(self, name: str) -> _Node:
        node = self._root
        for label in _downwards(name):
            node = node.children.setdefault(label, _Node())
        return node

    def _put(self, name: str, rtype: str, values: tuple[str, ...]) -> None:
        rrsets = self._grow(canonical(name)).rrsets
        if rrsets.get(rtype) != values:
            rrsets[rtype] = values
            self._serial += 1

    def _drop(self, name: str, *rtypes: str) -> None:
        name = canonical(name)
        node, exact = self._find(name)
        if node is None or not exact:
            return
        gone = [node.rrsets.pop(rtype) for rtype in rtypes if rtype in node.rrsets]
        self._serial += 1 if gone else 0
        self._prune(name)

    def _prune(self, name: str) -> None:
        """Forget nodes that hold nothing any more; an empty name would still exist (RFC 4592 section 2.2.2)."""
        for each in suffixes(name):
            label, _, above = each.partition(".")
            siblings = self._grow(above).children
            if not siblings[label].empty:
                return
            del siblings[label]


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
    canonical(_below("hostmaster", name))
    return name


def _downwards(name: str) -> list[str]:
    return name.split(".")[::-1] if name else []


def _below(label: str, apex: str) -> str:
    return f"{label}.{apex}" if apex else label
