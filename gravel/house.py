"""The whole house: the server's parts with the bridge on top, without a socket or a clock of its own.

Real and simulated runs are built here from the same parts; they differ in the
driver they pass in, and in what stands behind its questions to the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import attrs
from cryptography.hazmat.primitives.asymmetric import rsa

from acme_server.protocol.driver import Clock, Driver, Entropy
from acme_server.protocol.host_port import split_host_port
from acme_server.protocol.journal import Fact
from acme_server.settings import Settings as ServerSettings
from gravel.chaos.bridge_faults import BridgeFaults
from gravel.chaos.partition import PartitionedResources
from gravel.chaos.secret_deleter import SecretDeleter
from gravel.server_parts import ServerParts, build_server
from gravel.settings import Settings
from issuer_bridge.acme_issuer.parameters import Parameters
from issuer_bridge.cert_manager.certificates.renewal import Backoff
from issuer_bridge.cluster.http01 import ClusterHttp01
from issuer_bridge.cluster.solver_objects import Backend
from issuer_bridge.durations import parse_duration
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.operator import Operator, Options, WorldAddress
from issuer_bridge.policy.access import access_of
from issuer_bridge.policy.approval import Approval
from issuer_bridge.policy.review import Reading
from issuer_bridge.resources import Resources
from issuer_bridge.shims.ingress_certificates import ShimOptions
from scheduler.settings import CLUSTER
from scheduler.settings import Settings as SchedulerSettings
from solvers.dns.zone import Zone
from solvers.dns01.authorities import Authorities
from solvers.dns01.propagation import Propagation
from solvers.dns01.provider import ZoneProvider
from solvers.dns01.solver import Dns01Solver
from solvers.http01.solver import Http01Solver
from solvers.solver import Solver
from solvers.timing import TIMINGS, Timing


@attrs.frozen
class SelfChecks:
    """Where self-checks look, by cert-manager's flags; all of it has a default.

    http01_nameservers, dns01_nameservers: `HOST:PORT`, none for the house's
    `dns`; recursive_only: ask those alone, and not the zone's own nameservers;
    authoritative_port: of the latter, None for that of the house's `dns`.
    """

    http01_nameservers: tuple[str, ...] = ()
    dns01_nameservers: tuple[str, ...] = ()
    recursive_only: bool = False
    authoritative_port: int | None = None


@attrs.frozen
class HouseSettings:
    """What differs from house to house.

    base_url: what the ACME server calls itself; server: its settings, `dns`
    among them; tls_ca: PEM that the bridge trusts when it speaks to this server;
    self_checks: where else than the server self-checks look.
    """

    base_url: str
    server: ServerSettings
    tls_ca: str | None = None
    timing: Timing = TIMINGS["fast"]
    self_checks: SelfChecks = SelfChecks()
    bridge: Options = attrs.field(factory=Options)

    @property
    def dns(self) -> str:
        """`HOST:PORT` that validation asks, and self-checks unless told otherwise."""
        assert self.server.dns is not None
        return self.server.dns

    @property
    def http01_port(self) -> int:
        """What validation and self-checks dial."""
        return self.server.http01_port


@attrs.frozen
class House(ServerParts):
    """All parts, wired; the bridge rests until `operator.start()`."""

    resources: EmbeddedStore
    operator: Operator


def house_settings(settings: Settings, server: ServerSettings, base_url: str, tls_ca: str) -> HouseSettings:
    """Return what the options say of a house whose server has settings already, `dns` among them."""
    pace = CLUSTER if settings.timing == "cert-manager" else SchedulerSettings()
    scheduler = attrs.evolve(
        pace,
        max_concurrent=settings.max_concurrent_challenges,
        retry_period=timedelta(seconds=settings.retry_period),
        workers=settings.concurrent_workers or pace.workers,
    )
    return HouseSettings(
        base_url=base_url,
        server=server,
        tls_ca=tls_ca,
        timing=TIMINGS[settings.timing],
        self_checks=SelfChecks(
            http01_nameservers=settings.acme_http01_solver_nameservers,
            dns01_nameservers=settings.dns01_recursive_nameservers,
            recursive_only=settings.dns01_recursive_nameservers_only,
            authoritative_port=settings.dns01_authoritative_port,
        ),
        bridge=Options(
            approver=not settings.no_approver,
            approval=Approval(
                settings.approver,
                Reading(settings.policy_mode, settings.policy_on_no_match),
                settings.ticket_url or "",
                summaries=settings.policy_summaries,
            ),
            # Where nobody looks, and where upstream is to be as it is, they go when the Order is complete.
            keep_challenges=not settings.on_cluster and settings.compat != "cert-manager",
            scheduler=scheduler,
            cluster_resource_namespace=settings.cluster_resource_namespace,
            rsa_keys=partial(rsa.generate_private_key, 65537),
            certificate_backoff=Backoff(
                parse_duration(settings.certificate_request_minimum_backoff_duration),
                parse_duration(settings.certificate_request_maximum_backoff_duration),
            ),
            certificate_owner_reference=settings.enable_certificate_owner_ref,
            shim=ShimOptions(
                settings.default_issuer_name or "",
                settings.default_issuer_kind,
                settings.default_issuer_group,
                settings.auto_certificate_annotations,
                settings.extra_certificate_annotations,
            ),
            errors=settings.errors,
            upstream_accounts=settings.compat == "cert-manager",
            acme_issuers=None if settings.on_cluster else Parameters(),
            acme_use_ari=settings.acme_use_ari,
            ca_rotation=not settings.on_cluster,
        ),
    )


def build(driver: Driver, settings: HouseSettings, entropy: Entropy, zone: Zone | None = None) -> House:
    """Put a house together; the order of the parts fixes the order in which entropy is drawn."""
    return add_bridge(build_server(driver, settings.base_url, settings.server, entropy, zone=zone), settings, entropy)


def add_bridge(
    parts: ServerParts, settings: HouseSettings, entropy: Entropy, resources: EmbeddedStore | None = None
) -> House:
    """Build the bridge onto a server that is there already; resources: those of an earlier run."""
    driver, world = parts.driver, parts.world
    if resources is None:
        resources = EmbeddedStore(driver.now, entropy, [settings.bridge.cluster_resource_namespace])
    operator = build_operator(driver, resources, parts, settings, entropy)
    return House(driver, world, parts.server, parts.zone, parts.responder, resources, operator)


def build_operator(
    driver: Driver,
    resources: Resources,
    parts: ServerParts,
    settings: HouseSettings,
    entropy: Entropy,
    backend: Backend | None = None,
) -> Operator:
    """Build an operator on resources, wherever they live; `driver` is its time, the journal has the world's.

    backend: of the Ingresses and routes by which it presents http-01; None where the responder is reached without.
    """
    world, solvers = parts.world, _solvers(settings, parts, driver.now)
    if backend is not None:
        solvers["http01"] = ClusterHttp01(resources, backend, solvers["http01"])

    def record(house: str, facts: Sequence[Fact]) -> None:
        world.journal.append(house, facts, parts.driver.now())

    faults = BridgeFaults(world, parts.driver.now)
    SecretDeleter(driver, resources, faults).start()
    approval = attrs.evolve(settings.bridge.approval, access=access_of(resources))
    return Operator(
        driver,
        PartitionedResources(resources, faults, driver),
        solvers=solvers,
        worlds={world.id: WorldAddress(world.directory_url, settings.tls_ca)},
        entropy=entropy,
        record=record,
        options=attrs.evolve(settings.bridge, disturbances=faults.disturbances, approval=approval),
    )


def _solvers(settings: HouseSettings, parts: ServerParts, clock: Clock) -> dict[str, Solver]:
    checks = settings.self_checks
    propagation = Propagation(
        checks.dns01_nameservers or (settings.dns,),
        Authorities(clock),
        authoritative=not checks.recursive_only,
        port=checks.authoritative_port or split_host_port(settings.dns)[1],
    )
    nameservers = checks.http01_nameservers or (settings.dns,)
    return {
        "http01": Http01Solver(parts.responder, settings.http01_port, settings.timing, clock, nameservers),
        "dns01": Dns01Solver(ZoneProvider(parts.zone), propagation, settings.timing),
    }
