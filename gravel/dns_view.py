"""A world's own DNS: a zone, and the nameservers that show it; and what it shows on the responders."""

from __future__ import annotations

import attrs

from acme_server.network import Network
from acme_server.protocol.driver import Driver
from acme_server.protocol.host_port import join_host_port, split_host_port
from acme_server.protocol.vantage import Answer, Question, Resolve, Vantage
from acme_server.world import World
from gravel.addresses import AddressBook
from gravel.dns_faults import DnsFaults
from gravel.management.acme_dns import AcmeDns
from gravel.nameservers import Nameservers, open_nameservers
from gravel.responders import Exhibit, Responders, Shown
from gravel.validation_options import resolver_of
from solvers.dns.zone import Zone


@attrs.frozen
class Copied:
    """The data of a view as they were."""

    zone: Zone
    book: AddressBook
    acme_dns: AcmeDns
    shown: Shown


class DnsView:
    """What one world's names have; `addresses` are where that is told, `address` is the first of them.

    faults: what its nameservers ask about each query; exhibit: its part of what
    the process's responders show; servers: closed with the view, None when they
    are somebody else's.
    """

    def __init__(
        self,
        zone: Zone,
        addresses: tuple[str, ...],
        faults: DnsFaults,
        exhibit: Exhibit,
        servers: Nameservers | None = None,
    ) -> None:
        self.zone = zone
        self.addresses = addresses
        self.address = addresses[0]
        self.book = AddressBook(zone)
        self.acme_dns = AcmeDns(zone)
        self.exhibit = exhibit
        self._faults = faults
        self._servers = servers

    def copy(self) -> Copied:
        """See acme_server.worlds.View."""
        zone = self.zone.copy()
        return Copied(zone, self.book.copy(zone), self.acme_dns.copy(zone), self.exhibit.copy())

    def restore(self, copied: Copied) -> None:
        """See acme_server.worlds.View."""
        self.zone.become(copied.zone)
        self.book = copied.book.copy(self.zone)
        self.acme_dns = copied.acme_dns.copy(self.zone)
        self.exhibit.restore(copied.shown)

    def follow(self, world: World, driver: Driver) -> None:
        """See acme_server.worlds.View."""
        self._faults.follow(world, driver.now)

    async def close(self) -> None:
        """See acme_server.worlds.View."""
        self.exhibit.close()
        if self._servers is not None:
            await self._servers.close()

    def vantage(self, network: Network) -> Vantage:
        """Return the network as this world sees it: questions that name no resolver, or a nameserver as `ns2`, are asked here."""

        async def answer(question: Question) -> Answer:
            if isinstance(question, Resolve):
                server = resolver_of(question.server, self.addresses) or self.address
                if server != question.server:
                    question = attrs.evolve(question, server=server)
            return await network(question)

        return answer


@attrs.frozen
class DnsOptions:
    """What a view may be told.

    nameservers: loopback addresses to serve it at, none for the usual one;
    zones: what it is authoritative for, besides the implied ones; forward:
    `HOST:PORT` of who is asked the rest, and then no zone is implied.
    """

    nameservers: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    forward: str | None = None


async def open_view(options: DnsOptions, host: str, reached: str, responders: Responders) -> DnsView:
    """Serve a new zone on a free port of a host, which is reached under another name perhaps, or of its nameservers."""
    zone = Zone(
        nameserver_addresses=(reached,),
        nameservers=options.nameservers,
        apexes=options.zones,
        implied=options.forward is None,
    )
    faults = DnsFaults(zone)
    hosts = options.nameservers or (host,)
    servers = await open_nameservers(zone, hosts, 0, disturb=faults, forward=options.forward)
    if options.nameservers:
        return DnsView(zone, servers.addresses, faults, responders.exhibit(), servers)
    address = join_host_port(reached, split_host_port(servers.addresses[0])[1])
    return DnsView(zone, (address,), faults, responders.exhibit(), servers)
