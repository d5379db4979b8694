"""The bridge on a cluster that is there already: it follows the cluster, and works while it leads."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import attrs
import click

from acme_server.protocol.driver import Entropy
from acme_server.protocol.vantage import Answer, Question, Vantage, conduct
from acme_server.runner import AsyncioDriver
from gravel.house import build_operator, house_settings
from gravel.server_parts import ServerParts
from gravel.settings import Settings
from issuer_bridge.cluster.answers import ChallengeAnswers
from issuer_bridge.cluster.calls import ApiRequest, ApiWatch
from issuer_bridge.cluster.election import LEASE_NAME, Election, Terms
from issuer_bridge.cluster.resources import ClusterResources
from issuer_bridge.cluster.solver_objects import Backend
from issuer_bridge.operator import Operator
from solvers.http01.site import Site

try:
    from issuer_bridge.cluster.connection import Connection, NoCluster, Where
except ModuleNotFoundError as error:
    raise click.ClickException(f"A cluster needs {error.name}: pip install 'gravel[kubernetes]'.") from None

# The downward API puts it there.
NAMESPACE_VARIABLE = "POD_NAMESPACE"
HTTP01_SERVICE = ("gravel-http01", 80)
DEFAULT_NAMESPACE = "kube-system"
_LOOK = timedelta(milliseconds=50)
# Seconds in which the Lease is given back, or else runs out.
_FAREWELL = 2


async def reach(stack: AsyncExitStack, settings: Settings) -> Connection:
    """Return the cluster of the settings; a ClickException says why there is no way to it."""
    terms_of(settings)
    connection = Connection(Where(settings.kubeconfig, settings.context, settings.in_cluster))
    stack.push_async_callback(connection.close)
    try:
        await connection.open()
    except NoCluster as error:
        raise click.ClickException(f"{error}.") from None
    answer = await connection(ApiRequest("/version"))
    if answer.error is not None or answer.status >= 400:
        why = answer.error or f"HTTP {answer.status}"
        raise click.ClickException(f"The cluster at {connection.url} does not let us in: {why}.")
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


@attrs.define
class _Term:
    """A term of office: an operator on a driver of its own, which ends all that is under way."""

    operator: Operator
    driver: AsyncioDriver

    async def end(self) -> None:
        self.operator.stop()
        await self.driver.close()


class ClusterBridge:
    """An async context: inside, the bridge works on the cluster whenever it is its turn.

    Its time is the cluster's, which nobody freezes or moves. network: answers all
    that is not asked of the cluster.
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
        self._connection, self._settings = connection, settings
        self._parts, self._network, self._entropy = parts, network, entropy
        world = parts.world
        self._house = house_settings(settings, world.settings, world.base_url, tls_ca)
        self.resources = ClusterResources()
        site.tables.append(ChallengeAnswers(self.resources))
        self._term: _Term | None = None
        self._ends: dict[asyncio.Task[None], None] = {}

    @property
    def operator(self) -> Operator | None:
        """Who is at work; nobody, while another replica is."""
        return self._term.operator if self._term else None

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._driver = AsyncioDriver(_now, self._ask)
        namespace = settings.leader_election_namespace or os.environ.get(NAMESPACE_VARIABLE) or DEFAULT_NAMESPACE
        terms = terms_of(settings)
        # Two replicas may have one seed, but never one name.
        identity = f"{socket.gethostname()}_{secrets.token_hex(8)}"
        self._election = Election(self._driver, os.urandom, identity, namespace, LEASE_NAME, terms)
        self.resources.start(self._driver, os.urandom)
        self._begin()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._term:
            await self._term.end()
        await asyncio.gather(*self._ends)
        await self._driver.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL):
                await conduct(self._election.release(), self._ask)

    def _begin(self) -> None:
        """Stand for election, or work at once, when the caches are full."""
        if not self.resources.synced:
            self._driver.later(_LOOK, self._begin)
        elif self._settings.no_leader_elect:
            self._elected()
        else:
            self._election.start(self._elected, self._lost)

    def _elected(self) -> None:
        driver = AsyncioDriver(_now, self._ask)
        operator = build_operator(
            driver, self.resources, self._parts, self._house, self._entropy, backend_of(self._settings)
        )
        self._term = _Term(operator, driver)
        operator.start()

    def _lost(self) -> None:
        term, self._term = self._term, None
        assert term is not None
        task = asyncio.get_running_loop().create_task(term.end())
        self._ends[task] = None
        task.add_done_callback(lambda ended: self._ends.pop(ended, None))

    async def _ask(self, question: Question) -> Answer:
        if isinstance(question, ApiRequest | ApiWatch):
            return await self._connection(question)
        return await self._network(question)


def _now() -> datetime:
    return datetime.now(UTC)
