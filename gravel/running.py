"""A house on real sockets: opened in one go, closed without a trace."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs
import click

from acme_server import tls
from acme_server.faults.rule import Rule
from acme_server.network import Network
from acme_server.protocol.driver import Entropy
from acme_server.protocol.vantage import Vantage
from acme_server.runner import AsyncioDriver
from acme_server.tls import TlsMaterial
from acme_server.web import Handler, create_runner
from acme_server.world import World
from acme_server.worlds import HostedWorld, Ports, Worlds
from gravel.announced import Addresses
from gravel.authority_options import design_of, tls_ca_of
from gravel.dns_view import DnsOptions, DnsView, open_view
from gravel.entropy import entropy_of
from gravel.explaining.story import bridge_of
from gravel.homeward import homeward
from gravel.listening import serve
from gravel.logs.opening import open_log
from gravel.management.api import Access
from gravel.management.api import create_app as create_management_app
from gravel.management.guard import is_loopback
from gravel.management.page_endpoints import Page
from gravel.metrics.gathering import Metrics
from gravel.metrics.serving import serve_bridge
from gravel.rate_limit_options import rates_of
from gravel.responders import Responders
from gravel.served_settings import served_settings
from gravel.server_parts import ServerParts, build_server
from gravel.settings import Settings
from gravel.sockets import EVERYWHERE, Bound, Sockets, names_of, open_https01, open_sockets
from solvers.tls_context import server_context

if TYPE_CHECKING:
    from gravel.state import State
    from issuer_bridge.cluster.connection import Connection
    from issuer_bridge.kube_api.store import EmbeddedStore
    from issuer_bridge.resources import Resources


class Running:
    """An async context: inside, the house runs and `addresses` says where.

    parts: what is at /dir, which is also the world `default`; worlds: all others;
    bridge: with the operator, its Kubernetes-style API and the http-01 responder
    (what is not started is not even imported); resources: what the operator works on;
    metrics, page: what can be told of it; exposed: whether other machines can reach it; token: what the management API
    wants, None on loopback unless one was given, nor where it is not guarded.
    changes: of the server's settings that no option makes; material: the certificate
    to show, instead of a new one.
    """

    parts: ServerParts
    worlds: Worlds[DnsView]
    default: HostedWorld[DnsView]
    metrics: Metrics
    page: Page
    addresses: Addresses
    resources: Resources | None = None

    def __init__(
        self,
        settings: Settings,
        *,
        bridge: bool,
        changes: Mapping[str, Any] = MappingProxyType({}),
        material: TlsMaterial | None = None,
        guarded: bool = True,
    ) -> None:
        if settings.host in EVERYWHERE and not settings.base_url:
            raise click.UsageError(f"--host {settings.host} needs --base-url, a URL that clients can reach.")
        self.settings, self.bridge = settings, bridge
        self._faults = _faults(settings)
        self._rates = rates_of(settings)
        self._design = design_of(settings, _now())
        self._tls_ca = tls_ca_of(settings)
        self.exposed = not is_loopback(settings.host)
        self.token = settings.management_token or (secrets.token_urlsafe(24) if self.exposed and guarded else None)
        self._changes, self._material = changes, material
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._log = open_log(stack, self.settings.log_format, self.settings.log_level)
            await self._open(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _open(self, stack: AsyncExitStack) -> None:
        settings = self.settings
        state = _state(stack, settings)
        sockets = await open_sockets(stack, settings, bridge=self.bridge)
        base_url = settings.base_url or f"https://{sockets.acme.address}"
        names = names_of(settings, base_url)
        entropy = state.entropy(settings.seed) if state else entropy_of(settings.seed)
        tls_ca = self._tls_ca or (state.tls_ca(entropy, _now()) if state else None)
        material = self._material or tls.create(entropy, _now(), names, tls_ca)
        responders = await open_https01(stack, settings, sockets.responders, material)
        dns = self._changes.get("dns", settings.dns or sockets.dns)
        network = Network(dns)
        stack.push_async_callback(network.close)
        vantage = homeward(network, base_url, sockets.acme.address)
        driver = AsyncioDriver(_now, vantage)
        stack.push_async_callback(driver.close)
        cluster = await self._cluster(stack)
        server = served_settings(
            settings, sockets, responders, dns=dns, rate_limits=self._rates, authority=self._design
        )
        server = attrs.evolve(server, **self._changes)
        parts = build_server(
            driver,
            base_url,
            server,
            entropy,
            zone=sockets.zone,
            responder=responders.site.responder,
            store=state.store if state else None,
            authority=state.authority(server, base_url, entropy, driver.now()) if state else None,
        )
        self.worlds = _worlds(stack, base_url, settings.host, network, responders, self._log)
        self._host(parts, driver, sockets, responders, state)
        if sockets.kubernetes:
            namespaces = [settings.cluster_resource_namespace]
            resources = state.resources(driver.now, entropy, namespaces) if state else None
            await self._start_bridge(stack, parts, responders, sockets.kubernetes, material, entropy, resources)
        # After the bridge, so that validations which go on find what was shown for them.
        parts.server.resume()
        await self._serve(stack, parts, sockets, names, material)
        folder = state.folder if state else _temporary(stack)
        scheme = "https" if settings.kubernetes_token else "http"
        embedded = f"{scheme}://{sockets.kubernetes.address}" if sockets.kubernetes else None
        self.addresses = Addresses(
            directory=parts.world.directory_url,
            management=f"https://{sockets.management.address}",
            dns=sockets.dns,
            http01=responders.http01,
            https01=responders.https01,
            tls_alpn=responders.tls_alpn,
            kubernetes=cluster.url if cluster else embedded,
            metrics=await serve_bridge(stack, self.metrics, sockets.metrics, self.token),
            tls_ca=_write(folder / "tls_ca.pem", material.ca_pem),
            issuing_roots=_write(folder / "issuing_roots.pem", parts.world.authority.roots_pem),
            state=str(state.folder) if state else None,
            seed=settings.seed,
        )
        if cluster:
            await self._work_on(cluster, stack, responders, vantage, material.ca_pem, entropy)

    async def _work_on(
        self,
        cluster: Connection,
        stack: AsyncExitStack,
        responders: Responders,
        network: Vantage,
        tls_ca: str,
        entropy: Entropy,
    ) -> None:
        from gravel.cluster_bridge import ClusterBridge

        bridge = ClusterBridge(cluster, self.settings, self.parts, responders.site, tls_ca, network, entropy)
        self.resources = (await stack.enter_async_context(bridge)).resources
        self.page.operator = lambda: bridge.operator
        self.metrics.watch(self.resources, self.page.operator, self.settings.max_concurrent_challenges, _now)

    async def _cluster(self, stack: AsyncExitStack) -> Connection | None:
        """Reach the cluster on which the bridge is to work, if there is one."""
        if not (self.bridge and self.settings.on_cluster):
            return None
        from gravel.cluster_bridge import reach

        return await reach(stack, self.settings)

    def _host(
        self, parts: ServerParts, driver: AsyncioDriver, sockets: Sockets, responders: Responders, state: State | None
    ) -> None:
        """Make the parts the default world, as an earlier run left it."""
        self._log(parts.world)
        for rule in self._faults:
            parts.world.faults.arm(rule, driver.now())
        view = DnsView(parts.zone, sockets.nameservers, sockets.faults, responders.exhibit())
        view.follow(parts.world, driver)
        self.parts, self.default = parts, HostedWorld(parts.server, driver, view)
        self.page = Page(lambda: (self.default, *self.worlds), self.settings.max_concurrent_challenges)
        self.metrics = Metrics(self.page.worlds)
        if state:
            state.last(self.default)

    async def _start_bridge(
        self,
        stack: AsyncExitStack,
        parts: ServerParts,
        responders: Responders,
        kubernetes: Bound,
        material: TlsMaterial,
        entropy: Entropy,
        resources: EmbeddedStore | None,
    ) -> None:
        from gravel.house import add_bridge, house_settings
        from gravel.resource_api import serve_resources
        from issuer_bridge.cert_manager.acmesolver import AcmeSolvers

        world = parts.world
        settings = house_settings(self.settings, world.settings, world.base_url, material.ca_pem)
        house = add_bridge(parts, settings, entropy, resources)
        await serve_resources(stack, house, kubernetes, self.settings.kubernetes_token, material)
        self.resources = house.resources
        self.page.operator = lambda: house.operator
        self.metrics.watch(house.resources, self.page.operator, self.page.maximum, parts.driver.now)
        if self.settings.no_controllers:
            responders.site.tables.append(AcmeSolvers(house.resources))
        else:
            house.operator.start()

    async def _serve(
        self, stack: AsyncExitStack, parts: ServerParts, sockets: Sockets, names: tuple[str, ...], material: TlsMaterial
    ) -> None:
        tls_context = server_context(material.certificate_pem, material.key_pem)
        await serve(stack, Handler(parts.server, self.worlds.server_of), sockets.acme.sock, tls_context, create_runner)
        settings = self.settings
        access = Access(self.token, names, settings.webhook_open, settings.acme_dns_domain)
        page = None if settings.no_page else self.page
        bridge = partial(bridge_of, lambda: self.resources, settings)
        management = create_management_app(
            self.default, self.worlds, material.ca_pem, access, self.metrics, page, bridge
        )
        await serve(stack, management, sockets.management.sock, tls_context)


def _worlds(
    stack: AsyncExitStack,
    base_url: str,
    host: str,
    network: Network,
    responders: Responders,
    log: Callable[[World], None],
) -> Worlds[DnsView]:
    """Return the other worlds, none yet: each with a DNS of its own on the same host."""
    ports = Ports(
        clock=_now,
        entropy=entropy_of,
        view=lambda options: open_view(options or DnsOptions(), host, EVERYWHERE.get(host, host), responders),
        driver=lambda clock, view: AsyncioDriver(clock, view.vantage(network)),
        begun=log,
    )
    worlds = Worlds(base_url, ports)
    stack.push_async_callback(worlds.close)
    return worlds


def _state(stack: AsyncExitStack, settings: Settings) -> State | None:
    """Open the folder of --state, before anything else that could fail half way."""
    if settings.state is None:
        return None
    from gravel.state import opened

    return stack.enter_context(opened(Path(settings.state).resolve(), settings.state_sync, settings.journal_limit))


def _faults(settings: Settings) -> tuple[Rule, ...]:
    """Read the files of --faults; what reads YAML is the bridge's."""
    if not settings.faults:
        return ()
    from gravel.fault_files import rules_of

    return rules_of(settings.faults)


def _temporary(stack: AsyncExitStack) -> Path:
    return Path(stack.enter_context(TemporaryDirectory(prefix="gravel-", ignore_cleanup_errors=True)))


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="ascii")
    return str(path)


def _now() -> datetime:
    return datetime.now(UTC)
