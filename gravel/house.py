"""The whole house: the server's parts with the bridge on top, without a socket or a clock of its own.

Real and simulated runs are built here from the same parts; they differ in the
driver they pass in, and in what stands behind its questions to the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import attrs

from acme_server.protocol.driver import Driver, Entropy
from acme_server.protocol.journal import Fact
from acme_server.settings import Settings as ServerSettings
from gravel.configuration import Settings
from gravel.server_parts import ServerParts, build_server
from issuer_bridge.operator import Operator, Options, WorldAddress
from issuer_bridge.store import EmbeddedStore
from scheduler.settings import Settings as SchedulerSettings
from solvers.dns01.solver import Dns01Solver
from solvers.http01.solver import Http01Solver
from solvers.timing import TIMINGS, Timing


@attrs.frozen
class HouseSettings:
    """What differs from house to house.

    base_url: what the ACME server calls itself; dns: `HOST:PORT` that
    validation and self-checks ask; http01_port: what both dial; tls_ca: PEM
    that the bridge trusts when it speaks to this server.
    """

    base_url: str
    dns: str
    http01_port: int = 5002
    tls_ca: str | None = None
    timing: Timing = TIMINGS["fast"]
    server: ServerSettings = attrs.field(factory=ServerSettings)
    bridge: Options = attrs.field(factory=Options)


@attrs.frozen
class House(ServerParts):
    """All parts, wired; the bridge rests until `operator.start()`."""

    resources: EmbeddedStore
    operator: Operator


def house_settings(settings: Settings, server: ServerSettings, base_url: str, tls_ca: str) -> HouseSettings:
    """Return what the options say of a house whose server has settings already, `dns` among them."""
    assert server.dns is not None
    scheduler = SchedulerSettings(
        max_concurrent=settings.max_concurrent_challenges, retry_period=timedelta(seconds=settings.retry_period)
    )
    return HouseSettings(
        base_url=base_url,
        dns=server.dns,
        http01_port=server.http01_port,
        tls_ca=tls_ca,
        timing=TIMINGS[settings.timing],
        server=server,
        bridge=Options(approver=not settings.no_approver, scheduler=scheduler),
    )


def build(driver: Driver, settings: HouseSettings, entropy: Entropy) -> House:
    """Put a house together; the order of the parts fixes the order in which entropy is drawn."""
    server = attrs.evolve(settings.server, dns=settings.dns, http01_port=settings.http01_port)
    return add_bridge(build_server(driver, settings.base_url, server, entropy), settings, entropy)


def add_bridge(parts: ServerParts, settings: HouseSettings, entropy: Entropy) -> House:
    """Build the bridge onto a server that is there already."""
    driver, world = parts.driver, parts.world
    resources = EmbeddedStore(driver.now, entropy)

    def record(house: str, facts: Sequence[Fact]) -> None:
        world.journal.append(house, facts, driver.now())

    operator = Operator(
        driver,
        resources,
        solvers={
            "http01": Http01Solver(parts.responder, settings.http01_port, settings.timing, settings.dns),
            "dns01": Dns01Solver(parts.zone, (settings.dns,), settings.timing),
        },
        worlds={world.id: WorldAddress(world.directory_url, settings.tls_ca)},
        entropy=entropy,
        record=record,
        options=settings.bridge,
    )
    return House(driver, world, parts.server, parts.zone, parts.responder, resources, operator)
