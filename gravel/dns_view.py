"""A world's own DNS: a zone, and the port that it is served on."""

from __future__ import annotations

import attrs

from acme_server.network import Network
from acme_server.protocol.vantage import Answer, Question, Resolve, Vantage
from gravel.acme_dns import AcmeDns
from gravel.addresses import AddressBook
from solvers.dns.server import DnsServer, serve_dns
from solvers.dns.zone import Zone


@attrs.frozen
class Copied:
    """The data of a view as they were."""

    zone: Zone
    book: AddressBook
    acme_dns: AcmeDns


class DnsView:
    """What one world's names have; `address` is where that is told.

    server: closed with the view, None when it is somebody else's.
    """

    def __init__(self, zone: Zone, address: str, server: DnsServer | None = None) -> None:
        self.zone = zone
        self.address = address
        self.book = AddressBook(zone)
        self.acme_dns = AcmeDns(zone)
        self._server = server

    def copy(self) -> Copied:
        """See acme_server.worlds.View."""
        zone = self.zone.copy()
        return Copied(zone, self.book.copy(zone), self.acme_dns.copy(zone))

    def restore(self, copied: Copied) -> None:
        """See acme_server.worlds.View."""
        self.zone.become(copied.zone)
        self.book = copied.book.copy(self.zone)
        self.acme_dns = copied.acme_dns.copy(self.zone)

    async def close(self) -> None:
        """See acme_server.worlds.View."""
        if self._server is not None:
            await self._server.close()

    def vantage(self, network: Network) -> Vantage:
        """Return the network as this world sees it: questions that name no resolver are asked here."""

        async def answer(question: Question) -> Answer:
            if isinstance(question, Resolve) and question.server is None:
                question = attrs.evolve(question, server=self.address)
            return await network(question)

        return answer


async def open_view(host: str, reached: str) -> DnsView:
    """Serve a new zone on a free port of a host, which is reached under another name perhaps."""
    zone = Zone(nameserver_addresses=(reached,))
    server = await serve_dns(zone, host, 0)
    port = server.address.rpartition(":")[2]
    return DnsView(zone, f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}", server)
