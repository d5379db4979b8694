"""All that a house listens on, bound before the house is built, since it must know its own addresses."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from urllib.parse import urlsplit

import attrs
import click

from acme_server.protocol.host_port import join_host_port, split_host_port
from acme_server.tls import TlsMaterial
from gravel.dns_faults import DnsFaults
from gravel.dns_writers import writers_of
from gravel.listening import Door, bind, opening
from gravel.nameservers import open_nameservers
from gravel.responders import Responders
from gravel.settings import Settings
from solvers.dns.zone import LOOPBACK, Zone
from solvers.http01.responder import Responder
from solvers.http01.server import HttpServer, serve_http01
from solvers.http01.site import Site
from solvers.tls_context import server_context
from solvers.tlsalpn01.responder import Responder as TlsResponder
from solvers.tlsalpn01.server import TlsServer, serve_tlsalpn01

# A host to listen on, and what reaches it from here, where the two differ.
EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - listened on only when asked for


@attrs.frozen
class Bound:
    """A listening socket that nobody serves yet, and how to reach it."""

    sock: socket.socket
    address: str


@attrs.frozen
class Sockets:
    """What is bound; DNS, which shows `zone`, and the responders answer already.

    faults: what all nameservers ask about each query.
    """

    acme: Bound
    management: Bound
    kubernetes: Bound | None
    metrics: Bound | None
    nameservers: tuple[str, ...]
    zone: Zone
    faults: DnsFaults
    responders: Responders

    @property
    def dns(self) -> str:
        """Where to ask: the first nameserver."""
        return self.nameservers[0]


async def open_sockets(stack: AsyncExitStack, settings: Settings, *, bridge: bool) -> Sockets:
    """Open everything, to be closed by the stack; a taken port is a ClickException."""
    if settings.forward and not settings.zone:
        raise click.UsageError("--forward needs --zone: names of no zone are forwarded, and there is none.")
    host = settings.host
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
        kubernetes=_bound(stack, api) if bridge and not settings.on_cluster else None,
        metrics=_metrics(stack, settings) if bridge else None,
        nameservers=await _open_dns(stack, zone, faults, settings),
        zone=zone,
        faults=faults,
        responders=await _open_responders(stack, settings, bridge=bridge),
    )


async def open_https01(
    stack: AsyncExitStack, settings: Settings, responders: Responders, material: TlsMaterial
) -> Responders:
    """Let the http-01 responder answer over HTTPS too, where it shall: with the server's own certificate, now there."""
    door = _door("https", "--https01-listen", settings.https01_listen)
    if door is None:
        return responders
    # A context of its own: it hears what names clients ask for.
    tls = server_context(material.certificate_pem, material.key_pem)
    return attrs.evolve(responders, https01=await _open(stack, door, partial(serve_http01, responders.site, tls=tls)))


def ports_to_dial(settings: Settings, responders: Responders) -> tuple[int, int]:
    """Return the ports of http-01 and tls-alpn-01 validation: the options', or with 0 the responders' own."""
    return (
        _port_to_dial(settings.http01_port, responders.http01, "--http01"),
        _port_to_dial(settings.tls_alpn_port, responders.tls_alpn, "--tls-alpn"),
    )


def names_of(settings: Settings, base_url: str) -> tuple[str, ...]:
    """Return all that the server's own certificate is for."""
    own = () if settings.host in EVERYWHERE else (settings.host,)
    named = urlsplit(base_url).hostname or ""
    return tuple(dict.fromkeys(("localhost", "127.0.0.1", "::1", *own, named, *settings.tls_name)))


def _port_to_dial(port: int, responder: str | None, flag: str) -> int:
    if port:
        return port
    if responder is None:
        raise click.UsageError(f"{flag}-port 0 dials the built-in responder, which {flag}-listen starts.")
    return split_host_port(responder)[1]


def _metrics(stack: AsyncExitStack, settings: Settings) -> Bound | None:
    if settings.metrics_port is None:
        return None
    return _bound(stack, Door("metrics", "--metrics-port", LOOPBACK, settings.metrics_port))


def _bound(stack: AsyncExitStack, door: Door) -> Bound:
    sock = stack.enter_context(bind(door))
    host, port = sock.getsockname()[:2]
    return Bound(sock, join_host_port(_reached(host), port))


async def _open_dns(stack: AsyncExitStack, zone: Zone, faults: DnsFaults, settings: Settings) -> tuple[str, ...]:
    hosts = tuple(dict.fromkeys(settings.nameserver)) or (settings.host,)
    with opening(Door("DNS", "--dns-port", ", ".join(hosts), settings.dns_port)):
        servers = await open_nameservers(zone, hosts, settings.dns_port, writers_of(settings), faults, settings.forward)
    stack.push_async_callback(servers.close)
    return tuple(map(_reachable, servers.addresses))


async def _open_responders(stack: AsyncExitStack, settings: Settings, *, bridge: bool) -> Responders:
    site, tls = Site(Responder()), TlsResponder()
    return Responders(
        site,
        tls,
        http01=await _open(stack, _http01_door(settings, bridge=bridge), partial(serve_http01, site)),
        https01=None,
        tls_alpn=await _open(
            stack, _door("tls-alpn-01", "--tls-alpn-listen", settings.tls_alpn_listen), partial(serve_tlsalpn01, tls)
        ),
    )


async def _open(
    stack: AsyncExitStack, door: Door | None, serve: Callable[[str, int], Awaitable[HttpServer | TlsServer]]
) -> str | None:
    if door is None:
        return None
    with opening(door):
        server = await serve(door.host, door.port)
    stack.push_async_callback(server.close)
    return _reachable(server.address)


def _http01_door(settings: Settings, *, bridge: bool) -> Door | None:
    if settings.http01_listen or not bridge:
        return _door("http-01", "--http01-listen", settings.http01_listen)
    return Door("http-01 responder", "--http01-port", LOOPBACK, settings.http01_port)


def _door(purpose: str, flag: str, address: str | None) -> Door | None:
    return Door(f"{purpose} responder", flag, *split_host_port(address)) if address else None


def _reachable(address: str) -> str:
    host, port = split_host_port(address)
    return join_host_port(_reached(host), port)


def _reached(host: str) -> str:
    return EVERYWHERE.get(host, host)
