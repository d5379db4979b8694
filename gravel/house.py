"""The whole house, put together without a socket or a clock of its own.

Real and simulated runs are built here from the same parts; they differ in the
driver they pass in, and in what stands behind its questions to the network.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from acme_server.protocol.driver import Driver, Entropy
from acme_server.protocol.journal import Fact
from acme_server.server import Server
from acme_server.settings import Settings as ServerSettings
from acme_server.world import World, create_world
from issuer_bridge.operator import Operator, Options, WorldAddress
from issuer_bridge.store import EmbeddedStore
from solvers.dns.zone import Zone
from solvers.dns01.solver import Dns01Solver
from solvers.http01.responder import Responder
from solvers.http01.solver import Http01Solver
from solvers.timing import TIMINGS, Timing


@attrs.frozen
class HouseSettings:
    """What differs from house to house.

    base_url: what the ACME server calls itself; dns: `HOST:PORT` that
    validation and self-checks ask; nameservers: instead, all that self-checks
    of dns-01 ask; http01_port: what both dial; tls_ca: PEM that the bridge
    trusts when it speaks to this server.
    """

    base_url: str
    dns: str
    nameservers: tuple[str, ...] = ()
    http01_port: int = 5002
    tls_ca: str | None = None
    timing: Timing = TIMINGS["fast"]
    server: ServerSettings = attrs.field(factory=ServerSettings)
    bridge: Options = attrs.field(factory=Options)


@attrs.frozen
class House:
    """The parts, wired; nothing runs until `operator.start()`."""

    driver: Driver
    world: World
    server: Server
    zone: Zone
    responder: Responder
    resources: EmbeddedStore
    operator: Operator


def build(
    driver: Driver,
    settings: HouseSettings,
    entropy: Entropy,
    *,
    zone: Zone | None = None,
    responder: Responder | None = None,
) -> House:
    """Put a house together; the order of the parts fixes the order in which entropy is drawn.

    zone, responder: given when they are served already, so that their addresses could be known.
    """
    server_settings = attrs.evolve(settings.server, dns=settings.dns, http01_port=settings.http01_port)
    world = create_world(settings.base_url, server_settings, entropy, driver.now())
    zone = Zone() if zone is None else zone
    zone.clock = driver.now
    responder = Responder() if responder is None else responder
    resources = EmbeddedStore(driver.now, entropy)

    def record(house: str, facts: Sequence[Fact]) -> None:
        world.journal.append(house, facts, driver.now())

    operator = Operator(
        driver,
        resources,
        solvers={
            "http01": Http01Solver(responder, settings.http01_port, settings.timing, settings.dns),
            "dns01": Dns01Solver(zone, settings.nameservers or (settings.dns,), settings.timing),
        },
        worlds={world.id: WorldAddress(world.directory_url, settings.tls_ca)},
        entropy=entropy,
        record=record,
        options=settings.bridge,
    )
    return House(driver, world, Server(world, driver), zone, responder, resources, operator)
