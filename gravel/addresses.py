"""IPv4 and IPv6 addresses of names, each family on its own, as pebble-challtestsrv has them."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address

from solvers.dns.zone import Zone

FAMILIES = (4, 6)


class AddressBook:
    """Writes addresses into a zone: a name without its own of a family has the default of that family.

    defaults: by family; own: by name, and of each by family.
    """

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        given = [ip_address(address) for address in zone.default_addresses]
        self.defaults = {family: tuple(str(each) for each in given if each.version == family) for family in FAMILIES}
        self.own: dict[str, dict[int, tuple[str, ...]]] = {}

    def copy(self, zone: Zone) -> AddressBook:
        """Return a book with the same entries for a copy of the zone."""
        twin = AddressBook(zone)
        twin.defaults, twin.own = dict(self.defaults), dict(self.own)
        return twin

    def add(self, family: int, host: str, addresses: Iterable[str]) -> None:
        """Add addresses to a name's own of this family."""
        checked = [_checked(family, address) for address in addresses]
        known = self.own.get(_key(host), {})
        self._write(host, {**known, family: tuple(dict.fromkeys((*known.get(family, ()), *checked)))})

    def clear(self, family: int, host: str) -> None:
        """Let a name have the default of this family again."""
        self._write(host, {each: own for each, own in self.own.get(_key(host), {}).items() if each != family})

    def set_default(self, family: int, address: str) -> None:
        """Say what names without their own have; the empty string is none."""
        self.have_defaults({**self.defaults, family: (_checked(family, address),) if address else ()})
        for host, own in tuple(self.own.items()):
            self._write(host, own)

    def have_defaults(self, addresses: dict[int, tuple[str, ...]]) -> None:
        """Say what names without their own have, by family."""
        self.defaults = addresses
        self._zone.set_default_addresses(sum(addresses.values(), ()))

    def _write(self, host: str, own: dict[int, tuple[str, ...]]) -> None:
        if own:
            self._zone.set_addresses(host, sum((own.get(each, self.defaults[each]) for each in FAMILIES), ()))
            self.own[_key(host)] = own
        else:
            self._zone.clear_addresses(host)
            self.own.pop(_key(host), None)


def _key(host: str) -> str:
    return host.lower().removesuffix(".")


def _checked(family: int, text: str) -> str:
    address = ip_address(text)
    if address.version != family:
        raise ValueError(f"{text!r} is not an IPv{family} address")
    return str(address)
