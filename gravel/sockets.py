"""All that a house listens on, bound before the house is built, since it must know its own addresses."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack

import attrs
import click

from gravel.dns_faults import DnsFaults
from gravel.dns_writers import writers_of
from gravel.listening import Door, authority, bind, opening, split_authority
from gravel.nameservers import open_nameservers
from gravel.settings import Settings
from solvers.dns.zone import LOOPBACK, Zone
from solvers.http01.responder import Responder
from solvers.http01.server import serve_http01

# A host to listen on, and what reaches it from here, where the two differ.
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - listened on only when asked for


@attrs.frozen
class Bound:
    """A listening socket that nobody serves yet, and how to reach it."""

    sock: socket.socket
    address: str


@attrs.frozen
class Sockets:
    """What is bound; DNS and the http-01 responder answer already, the first for `zone`, the second for `responder`.

    faults: what all nameservers ask about each query.
    """

    acme: Bound
    management: Bound
    kubernetes: Bound | None
    nameservers: tuple[str, ...]
    http01: str | None
    zone: Zone
    faults: DnsFaults
    responder: Responder

    @property
    def dns(self) -> str:
        """Where to ask: the first nameserver."""
        return self.nameservers[0]


async def open_sockets(stack: AsyncExitStack, settings: Settings, *, bridge: bool) -> Sockets:
    """Open everything, to be closed by the stack; a taken port is a ClickException."""
    if settings.forward and not settings.zone:
        raise click.UsageError("--forward needs --zone: names of no zone are forwarded, and there is none.")
    host, responder = settings.host, Responder()
    zone = Zone(
        default_addresses=settings.default_address or (LOOPBACK,),
        nameserver_addresses=(_reached(settings.host),),
        nameservers=dict.fromkeys(settings.nameserver),
        apexes=settings.zone,
        implied=settings.forward is None,
    )
    faults = DnsFaults(zone)
    api = Door("Kubernetes-style API", "--kubernetes-port", LOOPBACK, settings.kubernetes_port)
    return Sockets(
        acme=_bound(stack, Door("ACME", "--acme-port", host, settings.acme_port)),
        management=_bound(stack, Door("management", "--management-port", host, settings.management_port)),
        kubernetes=_bound(stack, api) if bridge else None,
        nameservers=await _open_dns(stack, zone, faults, settings),
        http01=await _open_http01(stack, responder, _http01_door(settings, bridge=bridge)),
        zone=zone,
        faults=faults,
        responder=responder,
    )


def port_to_dial(settings: Settings, sockets: Sockets) -> int:
    """Return the port of http-01 validation: the option's, or with 0 the responder's own."""
    if settings.http01_port:
        return settings.http01_port
    if sockets.http01 is None:
        raise click.UsageError("--http01-port 0 dials the built-in responder, which --http01-listen starts.")
    return split_authority(sockets.http01)[1]


def _bound(stack: AsyncExitStack, door: Door) -> Bound:
    sock = stack.enter_context(bind(door))
    host, port = sock.getsockname()[:2]
    return Bound(sock, authority(_reached(host), port))


async def _open_dns(stack: AsyncExitStack, zone: Zone, faults: DnsFaults, settings: Settings) -> tuple[str, ...]:
    hosts = tuple(dict.fromkeys(settings.nameserver)) or (settings.host,)
    with opening(Door("DNS", "--dns-port", ", ".join(hosts), settings.dns_port)):
        servers = await open_nameservers(zone, hosts, settings.dns_port, writers_of(settings), faults, settings.forward)
    stack.push_async_callback(servers.close)
    return tuple(map(_reachable, servers.addresses))


async def _open_http01(stack: AsyncExitStack, responder: Responder, door: Door | None) -> str | None:
    if door is None:
        return None
    with opening(door):
        server = await serve_http01(responder, door.host, door.port)
    stack.push_async_callback(server.close)
    return _reachable(server.address)


def _http01_door(settings: Settings, *, bridge: bool) -> Door | None:
    if settings.http01_listen:
        return Door("http-01 responder", "--http01-listen", *split_authority(settings.http01_listen))
    return Door("http-01 responder", "--http01-port", LOOPBACK, settings.http01_port) if bridge else None


def _reachable(address: str) -> str:
    host, port = split_authority(address)
    return authority(_reached(host), port)


def _reached(host: str) -> str:
    return EVERYWHERE.get(host, host)
