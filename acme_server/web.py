"""The shell around the server: HTTP in, HTTP out, with aiohttp."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from acme_server.exchange import Reply, Request, json_reply
from acme_server.faults.wire import deliver
from acme_server.protocol.problem import Problem
from acme_server.server import Server

# Seconds until a whole head has come, counted from the reply before it, and then until a whole body has.
_HEAD_TIMEOUT = BODY_TIMEOUT = 10.0
# For web.AppRunner. Bodies stay as they were sent (a compressed one is refused, not inflated); what a client still
# sends after it was refused is thrown away for a second, not for ten; who hangs up frees what waited; no access log.
RUNNER_OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,
    "keepalive_timeout": _HEAD_TIMEOUT,
    "lingering_time": 1.0,
    "handler_cancellation": True,
    "access_log": None,
}
_SERVER = ("Server", "gravel")


def _problem(status: int, detail: str) -> Reply:
    problem = Problem("malformed", detail, status)
    return json_reply(status, problem.to_json(), content_type="application/problem+json")


_NO_WORLD = _problem(404, "there is no such world")
_TOO_SLOW = _problem(408, "the request body did not come in time")


def create_app(server: Server, world: Callable[[str], Server | None] | None = None) -> web.Application:
    """Return an application that hands every path below the base URL's own to the server.

    world: finds the server of the world ID in `/w/ID/...`, which such paths go to instead.
    """
    prefix = urlsplit(server.world.base_url).path
    limit = server.world.settings.max_body

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            body = await _body(request, limit) if request.method == "POST" else b""
        except TimeoutError:
            return _response(_TOO_SLOW)
        # Only now: while the body came, the world may have been brought back to what it was, or deleted.
        chosen, path = _choose(server, world, _path(request.raw_path).removeprefix(prefix))
        if chosen is None:
            return _response(_NO_WORLD)
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = chosen.handle(Request(request.method, path, headers, body))
        if reply.delivery is not None:
            return await deliver(request, reply.with_headers(_SERVER), reply.delivery)
        return _response(reply)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def _path(target: str) -> str:
    """Return a request target's path and query; a whole URL is one too (RFC 9112 section 3.2.2)."""
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


def _choose(server: Server, world: Callable[[str], Server | None] | None, path: str) -> tuple[Server | None, str]:
    """Return who answers for a path, and the path as that one sees it."""
    if world is None or not path.startswith("/w/"):
        return server, path
    world_id, slash, rest = path[3:].partition("/")
    return world(world_id), slash + rest


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, headers=[_SERVER, *reply.headers], body=reply.body or None)


async def _body(request: web.Request, limit: int) -> bytes:
    """Read a body; one that is not here yet has BODY_TIMEOUT, then TimeoutError is raised."""
    if request.content.is_eof():
        return await _read(request, limit)
    async with asyncio.timeout(BODY_TIMEOUT):
        return await _read(request, limit)


async def _read(request: web.Request, limit: int) -> bytes:
    """Read a body, but not much more than the limit: the server refuses it then."""
    if "Content-Encoding" in request.headers:
        return b""
    body = b""
    while len(body) <= limit and (chunk := await request.content.readany()):
        body += chunk
    return body[: limit + 1]
