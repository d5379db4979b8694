"""Addresses by family, and when a name's own hide the default ones."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, ip_address

from solvers.dns.tree import RRsets

FAMILIES = ("A", "AAAA")


def by_family(addresses: Iterable[str]) -> RRsets:
    """Return addresses as an RRset per family; ValueError when one is none."""
    parsed = [ip_address(address) for address in addresses]
    if any("%" in str(address) for address in parsed):
        raise ValueError("an address in the DNS has no zone index")
    return {
        "A": tuple(str(address) for address in parsed if isinstance(address, IPv4Address)),
        "AAAA": tuple(str(address) for address in parsed if not isinstance(address, IPv4Address)),
    }


def without_default(stored: RRsets, before: RRsets, after: RRsets) -> dict[str, tuple[str, ...]]:
    """Return the families that have no default address: both beside a name's own, else those told to have none."""
    if _has_addresses(after):
        return dict.fromkeys(FAMILIES, ())
    return {} if _has_addresses(before) else {family: () for family in FAMILIES if family in stored}


def _has_addresses(rrsets: RRsets) -> bool:
    return any(family in rrsets for family in FAMILIES)
