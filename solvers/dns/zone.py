"""The DNS data of one world: a tree of names, as RFC 1034 section 3.1 draws it.

A test server's zone: every name has an address unless told otherwise, and every
walk towards a zone apex ends at one. Apexes that are not configured are the
last two labels of each name (or its only label). A name with NS records of its
own begins a zone too: who delegates it sees it as a resolver would.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping

from acme_server.protocol.driver import Clock
from acme_server.protocol.vantage import DnsRecord
from solvers.dns.families import by_family, without_default
from solvers.dns.history import BEGINNING, CHANGES, HISTORY, Asked, Change
from solvers.dns.name import absolute, canonical
from solvers.dns.record_types import SPELL
from solvers.dns.tree import Node, RRsets, below

LOOPBACK = "127.0.0.1"
# Short, so that no cache between a client and this server outlives a test's patience.
TTL = 1
# What a message of 65,535 octets can carry (RFC 1035 section 4.2.2), with room for the rest of it.
MAX_TXT = 65000
NAMESERVER = "ns"


class Zone:
    """Addresses, aliases and texts by name; names in any case, their final dot optional.

    default_addresses: what every other name has; with none, such names do not exist;
    nameserver_addresses: what `ns.APEX` has, that is, where this data is served;
    nameservers: instead, where several servers show it, each address as `ns1.APEX`, `ns2.APEX`, ...;
    apexes: the zones to be authoritative for, besides the implied ones; implied: whether there are those;
    history: the last questions and updates, changes: the last changes of names, both oldest first;
    clock: tells when changes are made; changed: called after each of them, before whoever made it goes on.
    """

    def __init__(
        self,
        *,
        default_addresses: Iterable[str] = (LOOPBACK,),
        nameserver_addresses: Iterable[str] = (LOOPBACK,),
        nameservers: Iterable[str] = (),
        apexes: Iterable[str] = (),
        implied: bool = True,
        history: int = HISTORY,
        clock: Clock = lambda: BEGINNING,
    ) -> None:
        self._root = Node()
        self._default_addresses = by_family(default_addresses)
        several = {f"{NAMESERVER}{number}": by_family([each]) for number, each in enumerate(nameservers, 1)}
        self._nameservers = several or {NAMESERVER: by_family(nameserver_addresses)}
        self.implied = implied
        self._serial = 1
        self.history: deque[Asked] = deque(maxlen=history)
        self._asked = 0
        # How often each opcode, type and outcome was; no part of the data: a copy begins anew.
        self.tally: dict[tuple[str, str, str], int] = {}
        self.changes: deque[Change] = deque(maxlen=CHANGES)
        self.clock = clock
        self.changed: Callable[[], None] = lambda: None
        for apex in apexes:
            self._root.grow(zone_name(apex)).apex = True

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
        for rtype, values in by_family(addresses).items():
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

    def note(self, name: str, rtype: str, rcode: str, transport: str, opcode: str, client: str, server: str) -> None:
        """Remember what was asked (see `Asked`), its moment and number."""
        self._asked += 1
        kind = (opcode, rtype, rcode)
        self.tally[kind] = self.tally.get(kind, 0) + 1
        asked = Asked(name, rtype, rcode, transport, opcode, client, server, self.clock(), self._asked)
        self.history.append(asked)

    def add_records(self, name: str, rtype: str, values: Iterable[str]) -> None:
        """Add records of a type of `record_types`, as text; to an apex's own NS records too."""
        held = self._at(name, rtype) or (self._authority(canonical(name)).get(rtype, ()))
        self.set_records(name, rtype, (*held, *values))

    def set_records(self, name: str, rtype: str, values: Iterable[str]) -> None:
        """Let these be all records of a type of `record_types` that the name has, each once."""
        if rtype == "NS" and name.startswith("*."):
            raise ValueError("a wildcard delegates nothing")
        spelled = tuple(dict.fromkeys(map(SPELL[rtype], values)))
        if spelled:
            self._put(name, rtype, spelled)
        else:
            self._drop(name, rtype)

    def clear_records(self, name: str, rtype: str) -> None:
        """Remove all records of a type."""
        self._drop(name, rtype)

    @property
    def default_addresses(self) -> tuple[str, ...]:
        """What every name without addresses of its own has, IPv4 first."""
        return sum(self._default_addresses.values(), ())

    def set_default_addresses(self, addresses: Iterable[str]) -> None:
        """Say what every name without addresses of its own has; with none, unknown names do not exist."""
        self._default_addresses = by_family(addresses)
        self._serial += 1
        self.changed()

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
        self.implied = other.implied
        self._serial = other._serial
        self.history, self._asked = other.history.copy(), other._asked
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
        """Return the apex of the zone that a canonical name is in; the implied one also where none is implied."""
        apex = self._begun(name)
        return ".".join(name.split(".")[-2:]) if apex is None else apex

    def covers(self, name: str) -> bool:
        """Whether a canonical name is in a zone that is served."""
        return self.implied or self._begun(name) is not None

    def is_cut(self, name: str) -> bool:
        """Whether a canonical name begins a zone only because it has NS records of its own."""
        node, exact = self._root.find(name)
        if node is None or not exact or node.apex or "NS" not in node.rrsets:
            return False
        return name.count(".") > 1 or not self.implied or self._begun(name.partition(".")[2]) is not None

    def _begun(self, name: str) -> str | None:
        """Return the nearest name, going up, that begins a zone."""
        apex = "" if self._root.apex else None
        for above, node in self._root.path(name):
            if node.apex or "NS" in node.rrsets:
                apex = above
        return apex

    def soa(self, apex: str) -> DnsRecord:
        """Return the SOA record of a zone."""
        server = self._ns(apex)[0]
        text = f"{server} {absolute(below('hostmaster', apex))} {self._serial} 3600 600 86400 {TTL}"
        return DnsRecord(absolute(apex), "SOA", text, TTL)

    def nameservers_of(self, apex: str) -> tuple[str, ...]:
        """Return the NS records that an apex has while it is given none."""
        return tuple(absolute(below(label, apex)) for label in self._nameservers)

    def _ns(self, apex: str) -> tuple[str, ...]:
        return self.stored(apex).get("NS") or self.nameservers_of(apex)

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

    def names(self) -> Iterator[tuple[str, RRsets]]:
        """Return what was written, name by name."""
        return self._root.walk()

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
                before, node.rrsets = node.rrsets, {**without_default(node.rrsets, held, rrsets), **rrsets}
                self._record(serial, name, before, node.rrsets)
            self._root.prune(name)
        self.changed()

    def _authority(self, name: str) -> RRsets:
        if self.apex_of(name) != name:
            return {}
        return {"SOA": (self.soa(name).value,), "NS": self._ns(name)}

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
            self.changed()

    def _drop(self, name: str, *rtypes: str) -> None:
        name = canonical(name)
        before = self.stored(name)
        after = {rtype: values for rtype, values in before.items() if rtype not in rtypes}
        if after != before:
            self._root.grow(name).rrsets = after
            self._record(self._serial + 1, name, before, after)
            self._root.prune(name)
            self.changed()

    def _record(self, serial: int, name: str, before: RRsets, after: RRsets) -> None:
        """Remember a change; rrsets are replaced and never edited, so that what they were stays."""
        self._serial = serial
        self.changes.append(Change(serial, self.clock(), name, before, after))


def zone_name(apex: str) -> str:
    """Return a zone's name in its canonical form; ValueError when it is none, or leaves no room below it."""
    name = canonical(apex)
    canonical(below("hostmaster", name))
    return name
