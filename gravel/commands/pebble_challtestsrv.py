"""`gravel pebble-challtestsrv`: DNS and challenge responders alone, in the place of Pebble's program of that name."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import click

from acme_server.protocol.host_port import join_host_port, split_host_port
from gravel import go_flags

if TYPE_CHECKING:
    from gravel.responders import Responders
    from gravel.settings import Settings
    from solvers.http01.server import HttpServer
    from solvers.tlsalpn01.server import TlsServer

_FLAGS: dict[str, str | bool] = {
    "http01": "",
    "https01": "",
    "tlsalpn01": "",
    "dnsserver": "",
    "dns01": "",
    "doh": "",
    "doh-cert": "",
    "doh-cert-key": "",
    "management": "",
    "defaultIPv4": "127.0.0.1",
    "defaultIPv6": "::1",
}
# Pebble's listens everywhere when no host is named; we do on loopback, in both families what clients dial.
_DEFAULTS = {"http01": 5002, "https01": 5003, "tlsalpn01": 5001, "dnsserver": 8053, "management": 8055}
_UNSET = "unset"
EPILOG = """\
\b
Flags, with one dash or two; an empty address starts nothing:
  -http01, -https01, -tlsalpn01 ADDR       responders [127.0.0.1:5002, :5003, :5001]
  -dnsserver ADDR, once -dns01             DNS, UDP and TCP [127.0.0.1:8053]
  -management ADDR                         management API, plain HTTP [127.0.0.1:8055]
  -defaultIPv4, -defaultIPv6 IP            what names have [127.0.0.1, ::1]
  -doh, -doh-cert, -doh-cert-key           accepted; there is no DNS over HTTPS here"""


@click.command(epilog=EPILOG, **go_flags.RAW)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[FLAGS]")
def command(arguments: tuple[str, ...]) -> int:
    """Start DNS and challenge responders in pebble-challtestsrv's place."""
    from gravel.event_loop import run

    if go_flags.wants_help(arguments):
        return 0
    unset = {**_FLAGS, **dict.fromkeys((*_DEFAULTS, "dns01"), _UNSET)}
    # certbot's suite writes '""' for an empty address, and no shell takes the quotes away.
    flags = {name: str(value).strip('"') for name, value in go_flags.parse(arguments, unset).items()}
    older = flags.pop("dns01")
    if flags["dnsserver"] == _UNSET:
        flags["dnsserver"] = older
    addresses = {name: _address(name, flags[name], port) for name, port in _DEFAULTS.items()}
    return run(_serve(addresses, flags["defaultIPv4"], flags["defaultIPv6"]))


async def _serve(addresses: dict[str, tuple[str, int] | None], ipv4: str, ipv6: str) -> int:
    from acme_server import tls
    from acme_server.network import Network
    from acme_server.runner import AsyncioDriver
    from acme_server.settings import Settings as ServerSettings
    from acme_server.worlds import HostedWorld, Ports, Worlds
    from gravel.dns_view import DnsView
    from gravel.entropy import entropy_of
    from gravel.event_loop import stop_signals
    from gravel.listening import Door, bind, serve
    from gravel.management.api import Access, create_app
    from gravel.server_parts import build_server
    from gravel.sockets import open_https01, open_sockets
    from solvers.dns.zone import LOOPBACK
    from solvers.http01.site import Reply
    from solvers.tlsalpn01.responder import Alert

    settings, listens = _settings(addresses)
    host, port = addresses["management"] or (LOOPBACK, 0)
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stop_signals())
        entropy = entropy_of(None)
        sockets = await open_sockets(stack, settings, bridge=False)
        # What the ACME server would listen on; there is none.
        sockets.acme.sock.close()
        material = tls.create(entropy, _now(), ("localhost", LOOPBACK, "::1"))
        responders = await open_https01(stack, settings, sockets.responders, material)
        # What challtestsrv answers where it shows nothing: no content, and what a Go server's missing certificate leads to.
        responders.site.nothing, responders.tls.nothing = Reply(200), Alert.INTERNAL_ERROR
        network = Network(sockets.dns)
        stack.push_async_callback(network.close)
        driver = AsyncioDriver(_now, network)
        stack.push_async_callback(driver.close)
        parts = build_server(driver, "https://localhost", ServerSettings(), entropy, zone=sockets.zone)
        view = DnsView(parts.zone, sockets.nameservers, sockets.faults, responders.exhibit())
        view.follow(parts.world, driver)
        for version, ip in ((4, ipv4), (6, ipv6)):
            view.book.set_default(version, ip)
        ports: Ports[DnsView] = Ports(_now, entropy_of, _no_view, lambda *_: driver)
        worlds = Worlds("https://localhost", ports)
        access = Access(None, (), False, settings.acme_dns_domain)
        await _answer_at_both(stack, addresses, responders)
        socks = [sockets.management.sock]
        if not host:
            doors = [Door("management", "-management", each, port) for each in _loopbacks()[1:]]
            socks += [stack.enter_context(bind(door)) for door in doors]
        for sock in socks:
            hosted = HostedWorld(parts.server, driver, view)
            await serve(stack, create_app(hosted, worlds, material.ca_pem, access), sock)
        for name, address in listens.items():
            _log(f"Starting {name} server on {address}" if address else f"No {name} server")
        await stop.wait()
    return 0


def _settings(addresses: dict[str, tuple[str, int] | None]) -> tuple[Settings, dict[str, str | None]]:
    """Return what our own sockets are opened by, and the addresses as they are written."""
    from gravel.settings import Settings
    from solvers.dns.zone import LOOPBACK

    host, port = addresses["management"] or (LOOPBACK, 0)
    dns_host, dns_port = addresses["dnsserver"] or (LOOPBACK, 0)
    listens = {
        name: join_host_port(where[0] or LOOPBACK, where[1]) if where else None for name, where in addresses.items()
    }
    settings = Settings(
        host=host or LOOPBACK,
        acme_port=0,
        management_port=port,
        dns_port=dns_port,
        nameserver=(dns_host,) if dns_host else _loopbacks(),
        http01_listen=listens["http01"],
        https01_listen=listens["https01"],
        tls_alpn_listen=listens["tlsalpn01"],
    )
    return settings, listens


async def _answer_at_both(
    stack: AsyncExitStack, addresses: dict[str, tuple[str, int] | None], responders: Responders
) -> None:
    """Open the responders at the other loopback address too, where no host was named."""
    from gravel.listening import Door, opening
    from solvers.http01.server import serve_http01
    from solvers.tlsalpn01.server import serve_tlsalpn01

    openers: dict[str, Callable[[str, int], Awaitable[HttpServer | TlsServer]]] = {
        "http01": partial(serve_http01, responders.site),
        "tlsalpn01": partial(serve_tlsalpn01, responders.tls),
    }
    for name, serve in openers.items():
        where = addresses[name]
        if where is None or where[0]:
            continue
        for host in _loopbacks()[1:]:
            with opening(Door(name, f"-{name}", host, where[1])):
                server = await serve(host, where[1])
            stack.push_async_callback(server.close)


async def _no_view(_: object) -> NoReturn:
    raise ValueError("there is one world here")


def _address(flag: str, text: str, port: int) -> tuple[str, int] | None:
    """Return where to listen; of several addresses, separated by commas, there can be one here."""
    if text == _UNSET:
        return "", port
    first, *others = [each.strip() for each in text.split(",") if each.strip()] or [""]
    if others:
        raise click.UsageError(f"-{flag} takes one address here, not {text}")
    if not first:
        return None
    try:
        host, number = split_host_port(first)
    except ValueError:
        raise click.UsageError(f"-{flag} is HOST:PORT, or :PORT on loopback, not {first}") from None
    return host, number


def _loopbacks() -> tuple[str, ...]:
    """Return the addresses of this machine for itself; containers often have no IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return ("127.0.0.1",)
    return "127.0.0.1", "::1"


def _now() -> datetime:
    return datetime.now(UTC)


def _log(text: str) -> None:
    click.echo(f"pebble-challtestsrv - {_now():%Y/%m/%d %H:%M:%S} {text}")
