"""A house on real sockets: opened in one go, closed without a trace."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import attrs
import click

from acme_server import tls
from acme_server.network import Network
from acme_server.protocol.vantage import Answer, Fetch, Question
from acme_server.runner import AsyncioDriver
from acme_server.web import RUNNER_OPTIONS
from acme_server.web import create_app as create_acme_app
from acme_server.worlds import HostedWorld, Ports, Worlds
from gravel.configuration import Settings
from gravel.dns_view import DnsOptions, DnsView, open_view
from gravel.entropy import entropy_of
from gravel.guard import is_loopback
from gravel.house import House, HouseSettings, build
from gravel.listening import serve, server_context
from gravel.management import create_app as create_management_app
from gravel.sockets import EVERYWHERE, Sockets, open_sockets, port_to_dial
from issuer_bridge.api import create_app as create_kubernetes_app
from issuer_bridge.operator import Options
from scheduler.settings import Settings as SchedulerSettings
from solvers.timing import TIMINGS


@attrs.frozen
class Addresses:
    """Where everything is; what `--json` prints when ready."""

    directory: str
    management: str
    dns: str
    http01: str | None
    kubernetes: str | None
    tls_ca: str
    issuing_roots: str
    state: str | None
    seed: int | None

    def to_json(self) -> dict[str, Any]:
        """Return them as one JSON object."""
        return attrs.asdict(self)


class Running:
    """An async context: inside, the house runs and `addresses` says where.

    house: what is at /dir, which is also the world `default`; worlds: all others;
    bridge: with the operator, its Kubernetes-style API and the http-01 responder;
    exposed: whether other machines can reach it; token: what the management API
    wants, None on loopback unless one was given.
    """

    house: House
    worlds: Worlds[DnsView]
    default: HostedWorld[DnsView]
    addresses: Addresses

    def __init__(self, settings: Settings, *, bridge: bool) -> None:
        if settings.host in EVERYWHERE and not settings.base_url:
            raise click.UsageError(f"--host {settings.host} needs --base-url, a URL that clients can reach.")
        self.settings, self.bridge = settings, bridge
        self.exposed = not is_loopback(settings.host)
        self.token = settings.management_token or (secrets.token_urlsafe(24) if self.exposed else None)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        sockets = await open_sockets(stack, settings, bridge=self.bridge)
        base_url = settings.base_url or f"https://{sockets.acme.address}"
        names = _names(settings, base_url)
        entropy = entropy_of(settings.seed)
        material = tls.create(entropy, _now(), names)
        network = Network(settings.dns or sockets.dns)
        stack.push_async_callback(network.close)
        driver = _driver(stack, network, _home(base_url, sockets))
        house = build(
            driver,
            house_settings(settings, sockets, base_url, material.ca_pem),
            entropy,
            zone=sockets.zone,
            responder=sockets.responder,
        )
        self.worlds = _worlds(stack, base_url, settings.host, network)
        view = DnsView(house.zone, sockets.nameservers, sockets.faults)
        view.follow(house.world, driver)
        self.default = HostedWorld(house.server, driver, view)
        await self._serve(stack, house, sockets, names, material)
        folder = stack.enter_context(_private_folder())
        self.house = house
        self.addresses = Addresses(
            directory=house.world.directory_url,
            management=f"https://{sockets.management.address}",
            dns=sockets.dns,
            http01=sockets.http01,
            kubernetes=f"http://{sockets.kubernetes.address}" if sockets.kubernetes else None,
            tls_ca=_write(folder / "tls_ca.pem", material.ca_pem),
            issuing_roots=_write(folder / "issuing_roots.pem", house.world.authority.root_pem),
            state=None,
            seed=settings.seed,
        )
        if self.bridge:
            house.operator.start()

    async def _serve(
        self, stack: AsyncExitStack, house: House, sockets: Sockets, names: tuple[str, ...], material: tls.TlsMaterial
    ) -> None:
        tls_context = server_context(material)
        await serve(
            stack, create_acme_app(house.server, self.worlds.server_of), sockets.acme.sock, tls_context, RUNNER_OPTIONS
        )
        management = create_management_app(self.default, self.worlds, material.ca_pem, self.token, names)
        await serve(stack, management, sockets.management.sock, tls_context)
        if sockets.kubernetes:
            # Always on loopback, in plain HTTP and without a token: whoever is on this machine may use it.
            await serve(stack, create_kubernetes_app(house.resources), sockets.kubernetes.sock)


def house_settings(settings: Settings, sockets: Sockets, base_url: str, tls_ca: str) -> HouseSettings:
    """Return what the house needs to know of the options and of the sockets they led to."""
    scheduler = SchedulerSettings(
        max_concurrent=settings.max_concurrent_challenges, retry_period=timedelta(seconds=settings.retry_period)
    )
    return HouseSettings(
        base_url=base_url,
        dns=settings.dns or sockets.dns,
        nameservers=() if settings.dns else sockets.nameservers,
        http01_port=port_to_dial(settings, sockets),
        tls_ca=tls_ca,
        timing=TIMINGS[settings.timing],
        bridge=Options(approver=not settings.no_approver, scheduler=scheduler),
    )


def _driver(stack: AsyncExitStack, network: Network, home: Callable[[Question], Question]) -> AsyncioDriver:
    async def vantage(question: Question) -> Answer:
        return await network(home(question))

    driver = AsyncioDriver(_now, vantage)
    stack.push_async_callback(driver.close)
    return driver


def _worlds(stack: AsyncExitStack, base_url: str, host: str, network: Network) -> Worlds[DnsView]:
    """Return the other worlds, none yet: each with a DNS of its own on the same host."""
    ports = Ports(
        clock=_now,
        entropy=entropy_of,
        view=lambda options: open_view(options or DnsOptions(), host, EVERYWHERE.get(host, host)),
        driver=lambda clock, view: AsyncioDriver(clock, view.vantage(network)),
    )
    worlds = Worlds(base_url, ports)
    stack.push_async_callback(worlds.close)
    return worlds


def _home(base_url: str, sockets: Sockets) -> Callable[[Question], Question]:
    """Let the bridge reach this server whatever it calls itself: the name may lead elsewhere, or nowhere, from here."""
    if base_url == f"https://{sockets.acme.address}":
        return lambda question: question

    def home(question: Question) -> Question:
        if isinstance(question, Fetch) and question.url.startswith(f"{base_url}/"):
            return attrs.evolve(question, address=sockets.acme.address)
        return question

    return home


def _names(settings: Settings, base_url: str) -> tuple[str, ...]:
    """Return all that the server's own certificate is for."""
    own = () if settings.host in EVERYWHERE else (settings.host,)
    named = urlsplit(base_url).hostname or ""
    return tuple(dict.fromkeys(("localhost", "127.0.0.1", "::1", *own, named, *settings.tls_name)))


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gravel-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="ascii")
    return str(path)


def _now() -> datetime:
    return datetime.now(UTC)
