"""The bridge on a cluster that is there already: it follows the cluster, and works while it leads."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Self

import click

from acme_server.protocol.driver import Entropy
from acme_server.protocol.vantage import Vantage
from acme_server.runner import AsyncioDriver
from gravel.house import build_operator, house_settings
from gravel.server_parts import ServerParts
from gravel.settings import Settings
from issuer_bridge.cluster.answers import ChallengeAnswers
from issuer_bridge.cluster.election import LEASE_NAME, Terms
from issuer_bridge.cluster.resources import WATCHED, ClusterResources
from issuer_bridge.cluster.solver_objects import Backend
from issuer_bridge.operator import Operator
from issuer_bridge.policy.approving import watched_by
from solvers.http01.site import Site

try:
    from gravel import leading
    from gravel.leading import NAMESPACE_VARIABLE, Candidacy, Leading
    from issuer_bridge.cluster.connection import Connection, Where
except ModuleNotFoundError as error:
    raise click.ClickException(f"A cluster needs {error.name}: pip install 'gravel[kubernetes]'.") from None

HTTP01_SERVICE = ("gravel-http01", 80)
DEFAULT_NAMESPACE = "kube-system"


async def reach(stack: AsyncExitStack, settings: Settings) -> Connection:
    """Return the cluster of the settings; a ClickException says why there is no way to it."""
    terms_of(settings)
    connection = await leading.reach(Where(settings.kubeconfig, settings.context, settings.in_cluster))
    stack.push_async_callback(connection.close)
    return connection


def terms_of(settings: Settings) -> Terms:
    """Return what a leader's term is like; UsageError when its holder could not stop before others begin."""
    terms = Terms(
        timedelta(seconds=settings.leader_election_lease_duration),
        timedelta(seconds=settings.leader_election_renew_deadline),
        timedelta(seconds=settings.leader_election_retry_period),
    )
    if not terms.retry < terms.deadline < terms.duration:
        raise click.UsageError(
            "--leader-election-retry-period must be shorter than -renew-deadline, and that than -lease-duration."
        )
    return terms


def backend_of(settings: Settings) -> Backend | None:
    """Return the Service of the responder, None where none is known: then nothing is presented in the cluster."""
    namespace = os.environ.get(NAMESPACE_VARIABLE)
    if settings.http01_service is not None:
        return Backend(*settings.http01_service)
    return Backend(namespace, *HTTP01_SERVICE) if namespace else None


class ClusterBridge:
    """An async context: inside, the bridge works on the cluster whenever it is its turn.

    network: answers all that is not asked of the cluster.
    """

    def __init__(
        self,
        connection: Connection,
        settings: Settings,
        parts: ServerParts,
        site: Site,
        tls_ca: str,
        network: Vantage,
        entropy: Entropy,
    ) -> None:
        self._settings, self._parts, self._entropy = settings, parts, entropy
        world = parts.world
        self._house = house_settings(settings, world.settings, world.base_url, tls_ca)
        kinds = watched_by(self._house.bridge.approval)
        self.resources = ClusterResources({**WATCHED, **dict.fromkeys(kinds, "")})
        site.tables.append(ChallengeAnswers(self.resources))
        namespace = settings.leader_election_namespace or os.environ.get(NAMESPACE_VARIABLE) or DEFAULT_NAMESPACE
        candidacy = None if settings.no_leader_elect else Candidacy(namespace, LEASE_NAME, terms_of(settings))
        self._last: Operator | None = None
        self._leading = Leading(connection, self.resources, network, candidacy, self._begin)

    @property
    def operator(self) -> Operator | None:
        """Who is at work; nobody, while another replica is."""
        return self._last if self._leading.leads else None

    async def __aenter__(self) -> Self:
        await self._leading.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._leading.__aexit__(*error)

    def _begin(self, driver: AsyncioDriver) -> Callable[[], None]:
        self._last = operator = build_operator(
            driver, self.resources, self._parts, self._house, self._entropy, backend_of(self._settings)
        )
        operator.start()
        return operator.stop
