"""Addresses that a validation by strangers' wish must not reach: of special purpose (RFC 6890), also in disguise."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

# The metadata of one cloud, the others' being at link-local addresses; and what not every Python holds for special.
_MORE = tuple(map(ip_network, ("168.63.129.16", "192.0.0.0/24", "64:ff9b:1::/48")))
# RFC 6052 section 2.1.
_NAT64 = ip_network("64:ff9b::/96")


def is_special(text: str) -> bool:
    """Whether an address is loopback, private, link-local, multicast, metadata, reserved, ... or leads to one that is."""
    return any(
        not address.is_global or address.is_multicast or any(address in network for network in _MORE)
        for address in _all(ip_address(text))
    )


def _all(address: IPv4Address | IPv6Address) -> Iterator[IPv4Address | IPv6Address]:
    """Yield an address, or instead of it those that are written into it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    embedded = [found for found in (address.ipv4_mapped, address.sixtofour) if found is not None]
    if address in _NAT64:
        embedded.append(IPv4Address(int(address) & 0xFFFFFFFF))
    yield from embedded or (address,)
