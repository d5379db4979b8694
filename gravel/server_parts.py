"""The ACME server and what its validations look at, put together without a socket or a clock of its own."""

from __future__ import annotations

import attrs

from acme_server.certificate_authority import CertificateAuthority
from acme_server.protocol.driver import Driver, Entropy
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.store import Store
from acme_server.world import World, create_world
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder


@attrs.frozen
class ServerParts:
    """The parts, wired: what `gravel serve` is made of, and the ground floor of a house."""

    driver: Driver
    world: World
    server: Server
    zone: Zone
    responder: Responder


def build_server(
    driver: Driver,
    base_url: str,
    settings: Settings,
    entropy: Entropy,
    *,
    zone: Zone | None = None,
    responder: Responder | None = None,
    store: Store | None = None,
    authority: CertificateAuthority | None = None,
) -> ServerParts:
    """Put the server together; zone, responder: given when they are served already, so that addresses could be known.

    base_url: what the server calls itself; store, authority: those of an earlier run.
    """
    world = create_world(base_url, settings, entropy, driver.now(), store=store, authority=authority)
    zone = Zone() if zone is None else zone
    zone.clock = driver.now
    return ServerParts(driver, world, Server(world, driver), zone, Responder() if responder is None else responder)
