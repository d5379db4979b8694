"""Work on a cluster, whenever it is this process's turn: it follows the cluster always, and works while it leads."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import attrs
import click

from acme_server.protocol.vantage import Answer, Question, Vantage, conduct
from acme_server.runner import AsyncioDriver
from issuer_bridge.cluster.calls import ApiRequest, ApiWatch
from issuer_bridge.cluster.connection import Connection, NoCluster, Where
from issuer_bridge.cluster.election import Election, Terms
from issuer_bridge.cluster.resources import ClusterResources

# The downward API puts it there.
NAMESPACE_VARIABLE = "POD_NAMESPACE"
_LOOK = timedelta(milliseconds=50)
# Seconds in which the Lease is given back, or else runs out.
_FAREWELL = 2


async def reach(where: Where) -> Connection:
    """Return a connection to a cluster, to be closed; a ClickException says why there is no way to it."""
    connection = Connection(where)
    try:
        await connection.open()
    except NoCluster as error:
        raise click.ClickException(f"{error}.") from None
    answer = await connection(ApiRequest("/version"))
    if answer.error is not None or answer.status >= 400:
        await connection.close()
        why = answer.error or f"HTTP {answer.status}"
        raise click.ClickException(f"The cluster at {connection.url} does not let us in: {why}.")
    return connection


@attrs.frozen
class Candidacy:
    """The Lease that one of several holds, and its terms."""

    namespace: str
    lease: str
    terms: Terms


@attrs.define
class _Term:
    """A term of office: work on a driver of its own, which ends all that is under way."""

    stop: Callable[[], None]
    driver: AsyncioDriver

    async def end(self) -> None:
        self.stop()
        await self.driver.close()


class Leading:
    """An async context: inside, `begin` is called with a driver for each term; what it returns stops the work.

    Its time is the cluster's, which nobody freezes or moves. network: answers all that is not asked of the cluster;
    candidacy: None works at once, beside whoever else does.
    """

    def __init__(
        self,
        connection: Connection,
        resources: ClusterResources,
        network: Vantage,
        candidacy: Candidacy | None,
        begin: Callable[[AsyncioDriver], Callable[[], None]],
    ) -> None:
        self._connection, self.resources, self._network = connection, resources, network
        self._candidacy, self._work = candidacy, begin
        self._election: Election | None = None
        self._term: _Term | None = None
        self._ends: dict[asyncio.Task[None], None] = {}

    @property
    def leads(self) -> bool:
        """Whether it is at work."""
        return self._term is not None

    async def __aenter__(self) -> Self:
        self._driver = AsyncioDriver(_now, self._ask)
        if self._candidacy is not None:
            # Two replicas may have one seed, but never one name.
            identity = f"{socket.gethostname()}_{secrets.token_hex(8)}"
            named = (self._candidacy.namespace, self._candidacy.lease, self._candidacy.terms)
            self._election = Election(self._driver, os.urandom, identity, *named)
        self.resources.start(self._driver, os.urandom)
        self._begin()
        return self

    async def __aexit__(self, *error: object) -> None:
        if self._term:
            await self._term.end()
        await asyncio.gather(*self._ends)
        await self._driver.close()
        if self._election is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await conduct(self._election.release(), self._ask)

    def _begin(self) -> None:
        """Stand for election, or work at once, when the caches are full."""
        if not self.resources.synced:
            self._driver.later(_LOOK, self._begin)
        elif self._election is None:
            self._elected()
        else:
            self._election.start(self._elected, self._lost)

    def _elected(self) -> None:
        driver = AsyncioDriver(_now, self._ask)
        self._term = _Term(self._work(driver), driver)

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
