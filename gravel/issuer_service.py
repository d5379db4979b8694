"""An author's issuer at work on a cluster: the frame behind leader election, the author's coroutines, and its health."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Self

from aiohttp import web

from acme_server.protocol.vantage import Answer, Question
from acme_server.runner import AsyncioDriver
from gravel.issuer_metrics import Metrics
from gravel.leading import Candidacy, Leading
from gravel.listening import Door, bind, serve
from issuer_bridge.cluster.connection import Connection
from issuer_bridge.cluster.resources import ClusterResources
from issuer_bridge.context import Context
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.consulting import Author, Consult, Said
from issuer_bridge.issuer_lib.forms import Form
from issuer_bridge.issuer_lib.frame import Frame
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import SECRET


async def call(question: Question) -> Answer:
    """Call an author's coroutine; what it raises, and that it takes too long, is an answer too."""
    assert isinstance(question, Consult), f"nobody answers {question}"
    seconds = question.timeout.total_seconds()
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return Said(result=await question.call())
    except Exception as error:  # noqa: BLE001 - an author may raise anything
        return Said(raised=TimeoutError(f"no answer within {seconds:g} s") if limit.expired() else error)


class IssuerService:
    """An async context: inside, the author's issuers and their requests are served whenever it is this process's turn.

    health: where /healthz, /readyz and /metrics are; None for nowhere.
    """

    def __init__(
        self,
        connection: Connection,
        author: Author,
        options: Options,
        forms: Sequence[Form],
        candidacy: Candidacy | None,
        health: Door | None = None,
    ) -> None:
        self._author, self._options, self._forms, self._health = author, options, forms, health
        kinds = [*author.kinds, SECRET, *(form.kind for form in forms)]
        self.resources = ClusterResources(dict.fromkeys(kinds, ""))
        self._leading = Leading(connection, self.resources, call, candidacy, self._begin)
        self._metrics = Metrics(self.resources, author.kinds, forms, lambda: self.leads)
        self._stack = AsyncExitStack()
        self.health: str | None = None

    @property
    def leads(self) -> bool:
        """Whether it is at work."""
        return self._leading.leads

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if self._health is not None:
                sock = bind(self._health)
                host = f"[{self._health.host}]" if ":" in self._health.host else self._health.host
                self.health = f"http://{host}:{sock.getsockname()[1]}"
                await serve(stack, health_app(lambda: self.resources.synced, self._metrics), sock)
            await stack.enter_async_context(self._leading)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def _begin(self, driver: AsyncioDriver) -> Callable[[], None]:
        recorder = Recorder(self.resources, driver.now, os.urandom, self._options.field_owner)
        context = Context(self.resources, driver.now, os.urandom, recorder, self._metrics.record)
        frame = Frame(driver, context, self._author, self._options, self._forms)
        frame.start()
        return frame.stop


def health_app(is_ready: Callable[[], bool], metrics: Metrics) -> web.Application:
    """Return what answers probes and Prometheus."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        ready = is_ready()
        return web.Response(status=200 if ready else 503, text="ok\n" if ready else "the cluster is not listed yet\n")

    async def show(_: web.Request) -> web.Response:
        text = metrics.text()
        if text is None:
            return web.Response(status=501, text="metrics need prometheus-client: pip install 'gravel[metrics]'\n")
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", show)])
    return app
