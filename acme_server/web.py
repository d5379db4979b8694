"""The shell around the server: HTTP in, HTTP out, with aiohttp."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from acme_server.exchange import Request
from acme_server.faults.wire import deliver
from acme_server.server import Server

# For web.AppRunner. Bodies stay as they were sent (a compressed one is refused, not inflated); what a client still
# sends after it was refused is thrown away for a second, not for ten; who hangs up frees what waited; no access log.
RUNNER_OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,
    "lingering_time": 1.0,
    "handler_cancellation": True,
    "access_log": None,
}
_SERVER = ("Server", "gravel")


def create_app(server: Server) -> web.Application:
    """Return an application that hands every path below the base URL's own to the server."""
    prefix = urlsplit(server.world.base_url).path
    limit = server.world.settings.max_body

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await _read(request, limit) if request.method == "POST" else b""
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = server.handle(Request(request.method, request.raw_path.removeprefix(prefix), headers, body))
        if reply.delivery is not None:
            return await deliver(request, reply.with_headers(_SERVER), reply.delivery)
        return web.Response(status=reply.status, headers=[_SERVER, *reply.headers], body=reply.body or None)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def _read(request: web.Request, limit: int) -> bytes:
    """Read a body, but not much more than the limit: the server refuses it then."""
    if "Content-Encoding" in request.headers:
        return b""
    body = b""
    while len(body) <= limit and (chunk := await request.content.readany()):
        body += chunk
    return body[: limit + 1]
