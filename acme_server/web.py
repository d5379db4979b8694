"""The shell around the server: HTTP in, HTTP out, with aiohttp."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from aiohttp import StreamReader, web
from aiohttp.http_exceptions import HttpProcessingError

from acme_server.exchange import Reply, Request, json_reply
from acme_server.faults.wire import deliver
from acme_server.protocol.problem import Problem
from acme_server.server import Server

LOG = logging.getLogger(__name__)
# Seconds until a whole head has come, counted from the reply before it, and then until a whole body has.
PATIENCE = 10.0
# For web.Server. Bodies stay as they were sent (a compressed one is refused, not inflated); what a client still
# sends after it was refused is thrown away for a second, not for ten; who hangs up frees what waited; no access log.
# aiohttp waits as long for the end of the headers as for a first byte: a half-sent request is an idle connection.
SERVER_OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,
    "lingering_time": 1.0,
    "handler_cancellation": True,
    "access_log": None,
    "keepalive_timeout": PATIENCE,
}
_SERVER = ("Server", "gravel")
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_NO_WORLD = json_reply(
    404, Problem("malformed", "there is no such world", 404).to_json(), content_type="application/problem+json"
)
_TOO_SLOW = Problem("malformed", "the request body took too long to arrive", 408)
_BROKEN_BODY = Problem("malformed", "the request body is not what its HTTP headers announce")


def create_handler(
    server: Server, world: Callable[[str], Server | None] | None = None, patience: float = PATIENCE
) -> Handler:
    """Return what hands every path below the base URL's own to the server.

    world: finds the server of the world ID in `/w/ID/...`, which such paths go to instead; patience: seconds for a body.
    """
    prefix = urlsplit(server.world.base_url).path
    limit = server.world.settings.max_body

    async def answer(request: web.BaseRequest) -> web.StreamResponse | Whole:
        try:
            body = await _read(request, limit, patience) if request.method == "POST" else b""
        except Problem as problem:
            return Whole(server.refuse(problem), last=True)
        # Only now: while the body came, the world may have been brought back to what it was, or deleted.
        chosen, path = _choose(server, world, _path(request.raw_path).removeprefix(prefix))
        if chosen is None:
            return Whole(_NO_WORLD)
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = chosen.handle(Request(request.method, path, headers, body, request.remote or ""))
        if reply.delivery is not None:
            return await deliver(request, reply.with_headers(_SERVER), reply.delivery)
        return Whole(reply)

    return answer


def create_runner(
    server: Server, handler: Handler, *, handle_signals: bool = False, shutdown_timeout: float = 60.0, **options: Any
) -> web.ServerRunner:
    """Return what serves a handler; what it cannot even read, `server` refuses; options: beside SERVER_OPTIONS."""
    listener = _Listener(server, handler, **{**SERVER_OPTIONS, **options})
    return web.ServerRunner(listener, handle_signals=handle_signals, shutdown_timeout=shutdown_timeout)


class Whole:
    """A reply that leaves in one write; web.Response would look for what a reply of ours never has."""

    __slots__ = ("_last", "_reply", "keep_alive")

    def __init__(self, reply: Reply, *, last: bool = False) -> None:
        """last: the connection is closed after it, since where the next request would begin is not known."""
        self._reply, self._last = reply, last
        self.keep_alive = False

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write head and body."""
        reply, transport = self._reply, request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self.keep_alive = request.keep_alive and not self._last
        lines = [f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, '')}"]
        lines += [f"{name}: {value}" for name, value in (_SERVER, *reply.headers)]
        own = {"Date": _date(int(time.time())), "Content-Length": str(len(reply.body))}
        if reply.status < 200 or reply.status == 204:
            del own["Content-Length"]
        if not self.keep_alive:
            own["Connection"] = "close"
        elif request.version < (1, 1):
            own["Connection"] = "keep-alive"
        said = "\r\n".join(lines).lower()
        lines += [f"{name}: {value}" for name, value in own.items() if f"\n{name.lower()}:" not in said]
        head = "\r\n".join(lines)
        if head.count("\n") >= len(lines) or head.count("\r") >= len(lines):
            raise ValueError("a line break in a header")
        body = b"" if request.method == "HEAD" else reply.body
        transport.write(head.encode() + b"\r\n\r\n" + body)
        await request.writer.drain()

    async def write_eof(self) -> None:
        """All has been written."""


Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[Any]]
"""Answers a request of aiohttp's."""


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


class _Listener(web.Server):
    """Its connections answer in problem documents what aiohttp alone would answer in words."""

    def __init__(self, server: Server, handler: Handler, **options: Any) -> None:
        super().__init__(handler, **options)
        self._acme = server

    def __call__(self) -> web.RequestHandler:
        return _Connection(self._acme, self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ("_acme",)

    def __init__(self, server: Server, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._acme = server

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> Any:
        """Answer what is no HTTP, and our own failure; the connection is closed after it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the reply has begun already")
        if status >= 500:
            LOG.error("%s %r", request.method, request.path, exc_info=exc)
            return self._last(Problem("serverInternal", "the server failed; its log says why"))
        said = ascii((message or "").strip().partition("\n")[0][:100])[1:-1]
        return self._last(Problem("malformed", f"the request is not HTTP/1.1: {said}", status))

    def _last(self, problem: Problem) -> Any:
        return Whole(self._acme.refuse(problem), last=True)


def _path(target: str) -> str:
    """Return a request target's path and query; a whole URL is one too (RFC 9112 section 3.2.2)."""
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


def _choose(server: Server, world: Callable[[str], Server | None] | None, path: str) -> tuple[Server | None, str]:
    """Return who answers for a path, and the path as that one sees it."""
    if world is None or not path.startswith("/w/"):
        return server, path
    world_id, slash, rest = path[3:].partition("/")
    return world(world_id), slash + rest


async def _read(request: web.BaseRequest, limit: int, patience: float) -> bytes:
    """Read a body, but not much more than the limit: the server refuses it then. Problem: no whole body came."""
    if "Content-Encoding" in request.headers:
        return b""
    try:
        # Most bodies come with their headers, and need neither a timer nor a task.
        if request.content.is_eof():
            return request.content.read_nowait()[: limit + 1]
        return await asyncio.wait_for(_received(request.content, limit), patience)
    except TimeoutError:
        raise _TOO_SLOW from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise _BROKEN_BODY from None


async def _received(content: StreamReader, limit: int) -> bytes:
    body = b""
    while len(body) <= limit and (chunk := await content.readany()):
        body += chunk
    return body[: limit + 1]
