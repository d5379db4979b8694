"""The page that Prometheus reads: at the management API, and of the bridge at a port of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click
from aiohttp import web

from gravel.listening import serve
from gravel.management.guard import guard
from gravel.management.operation import PLAIN, STRING, described, members
from gravel.metrics.gathering import Metrics
from gravel.sockets import Bound

if TYPE_CHECKING:
    from gravel.metrics.family import Family, Samples

PATH = "/metrics"
_MISSING = "metrics need prometheus_client: pip install 'gravel[metrics]'"


def page(gather: Callable[[], Awaitable[Mapping[Family, Samples]]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return what answers with all that is gathered; 501 without the library that writes it."""

    @described("What Prometheus reads.", answers={200: PLAIN, 501: members({"error": STRING})})
    async def show(_: web.Request) -> web.Response:
        if find_spec("prometheus_client") is None:
            return web.json_response({"error": _MISSING}, status=501)
        from gravel.metrics.exposition import CONTENT_TYPE, text_of

        return web.Response(body=text_of(await gather()), headers={"Content-Type": CONTENT_TYPE})

    return show


async def serve_bridge(stack: AsyncExitStack, metrics: Metrics, bound: Bound | None, token: str | None) -> str | None:
    """Serve what the bridge has to tell on a socket, in plain HTTP, and return its URL; token: as the management API's."""
    if bound is None:
        return None
    if find_spec("prometheus_client") is None:
        raise click.ClickException(f"--metrics-port: {_MISSING}.")
    app = web.Application(middlewares=[guard(token)])
    app.router.add_get(PATH, page(metrics.of_bridge))
    await serve(stack, app, bound.sock)
    return f"http://{bound.address}{PATH}"
