"""The nameservers of one zone: one, or several on addresses of their own with one port."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from acme_server.protocol.host_port import split_host_port
from solvers.dns.disturbance import Disturb
from solvers.dns.forwarder import Forwarder
from solvers.dns.server import DnsServer, serve_dns
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone

_ATTEMPTS = 20


@attrs.frozen
class Nameservers:
    """Running servers that show the same data; the first is who is asked when none is named."""

    servers: tuple[DnsServer, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The `HOST:PORT` of each."""
        return tuple(server.address for server in self.servers)

    async def close(self) -> None:
        """Stop them all."""
        for server in self.servers:
            await server.close()


async def open_nameservers(
    zone: Zone,
    hosts: Collection[str],
    port: int,
    writers: Writers = NOBODY,
    disturb: Disturb | None = None,
    forward: str | None = None,
) -> Nameservers:
    """Serve a zone on several hosts; port 0 is any that is free on all of them. OSError when there is none.

    forward: `HOST:PORT` of who is asked what the zone does not cover.
    """
    forwarder = Forwarder(*split_host_port(forward)) if forward else None
    for _ in range(_ATTEMPTS if port == 0 else 1):
        servers: list[DnsServer] = []
        try:
            for host in hosts:
                common = split_host_port(servers[0].address)[1] if servers else port
                servers.append(await serve_dns(zone, host, common, writers, disturb, forwarder))
        except OSError as error:
            await Nameservers(tuple(servers)).close()
            taken = error
            continue
        return Nameservers(tuple(servers))
    raise taken
