"""The shell around the server: HTTP in, HTTP out, with aiohttp."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from aiohttp import StreamReader, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

from acme_server.exchange import Reply, Request, json_reply
from acme_server.faults.wire import deliver
from acme_server.protocol.problem import Problem
from acme_server.server import Server

LOG = logging.getLogger(__name__)
# Seconds until a whole head has come, counted from the reply before it, and then until a whole body has.
PATIENCE = 10.0
# For web.AppRunner. Bodies stay as they were sent (a compressed one is refused, not inflated); what a client still
# sends after it was refused is thrown away for a second, not for ten; who hangs up frees what waited; no access log.
# aiohttp waits as long for the end of the headers as for a first byte: a half-sent request is an idle connection.
RUNNER_OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,
    "lingering_time": 1.0,
    "handler_cancellation": True,
    "access_log": None,
    "keepalive_timeout": PATIENCE,
}
_SERVER = ("Server", "gravel")
_NO_WORLD = json_reply(
    404, Problem("malformed", "there is no such world", 404).to_json(), content_type="application/problem+json"
)
_TOO_SLOW = Problem("malformed", "the request body took too long to arrive", 408)
_BROKEN_BODY = Problem("malformed", "the request body is not what its HTTP headers announce")
_FAILED = Problem("serverInternal", "the server failed; its log says why")
# What each reply begins with.
_STATUS_LINES: Mapping[int, str] = {each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n" for each in HTTPStatus}
# Requests that have these are not answered at once.
_SLOW = ("content-encoding", "expect")
# What answering at once leans on in aiohttp, which promises none of it: without, its task answers everything.
_KNOWN_AIOHTTP = all(
    hasattr(web.RequestHandler, name)
    for name in ("_waiter", "_messages", "_next_keepalive_close_time", "_paused", "_reading_paused", "_buffer_paused")
)

Choice: TypeAlias = Callable[[str], tuple[Server | None, str]]
"""Finds who answers for a request target, and the path as that one sees it."""
CHOICE = web.AppKey[Choice]("choice")


def create_app(
    server: Server, world: Callable[[str], Server | None] | None = None, patience: float = PATIENCE
) -> web.Application:
    """Return an application that hands every path below the base URL's own to the server.

    world: finds the server of the world ID in `/w/ID/...`, which such paths go to instead; patience: seconds for a body.
    """
    prefix = urlsplit(server.world.base_url).path
    limit = server.world.settings.max_body

    def choose(target: str) -> tuple[Server | None, str]:
        return _choose(server, world, _path(target).removeprefix(prefix))

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            body = await _read(request, limit, patience) if request.method == "POST" else b""
        except Problem as problem:
            return _last(server.refuse(problem))
        # Only now: while the body came, the world may have been brought back to what it was, or deleted.
        chosen, path = choose(request.raw_path)
        if chosen is None:
            return _response(_NO_WORLD)
        reply = chosen.handle(Request(request.method, path, _lowered(request.headers), body, request.remote or ""))
        if reply.delivery is not None:
            return await deliver(request, reply.with_headers(_SERVER), reply.delivery)
        return _response(reply)

    app = web.Application()
    app[CHOICE] = choose
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def create_runner(server: Server, app: web.Application, **options: Any) -> web.AppRunner:
    """Return what serves an application: what it cannot even read, `server` refuses; options: as for web.AppRunner."""
    runner = _Runner(app, **{**RUNNER_OPTIONS, **options})
    runner.acme = server
    return runner


class _Runner(web.AppRunner):
    """Its connections answer in problem documents what aiohttp alone would answer in words."""

    acme: Server

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Listener(self.acme, self.app.get(CHOICE), made)


class _Listener(web.Server):
    def __init__(self, server: Server, choose: Choice | None, made: web.Server) -> None:
        super().__init__(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - aiohttp has no other way to choose the class of a connection
        )
        self._acme = server
        self._choose = choose

    def __call__(self) -> web.RequestHandler:
        return _Connection(self._acme, self._choose, self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """Answers what has come whole and is plain at once, when the octets come; aiohttp's task answers all the rest.

    Its task, request, response and turns of the event loop cost about as much as what the server does.
    """

    __slots__ = ("_acme", "_choose")

    def __init__(self, server: Server, choose: Choice | None, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._acme = server
        self._choose = choose if _KNOWN_AIOHTTP else None

    def data_received(self, data: bytes) -> None:
        """Have aiohttp read, and answer; wake its task only for what is left.

        Reading a body comes here again, for octets that were held back: until the end nobody seems to wait.
        """
        waiter, self._waiter = self._waiter, None
        super().data_received(data)
        if waiter is not None and not waiter.done():
            while self._messages and self._answered_first():
                pass
            if self._messages:
                waiter.set_result(None)
        self._waiter = waiter

    def _answered_first(self) -> bool:
        """Answer the first request, if it is plain."""
        message, body = self._messages[0]
        if self._choose is None or not isinstance(message, RawRequestMessage) or not self._plain(message, body):
            return False
        headers = _lowered(message.headers)
        server, path = self._choose(message.path)
        if server is None or server.world.faults.armed or any(name in headers for name in _SLOW):
            return False
        self._messages.popleft()
        assert self._parser is not None
        assert self.transport is not None
        self._parser.message_consumed()
        peer = self.peername[0] if self.peername else ""
        try:
            octets = _octets(server.handle(Request("POST", path, headers, body.read_nowait(), str(peer))))
        except Exception:
            LOG.exception("POST %r", message.path)
            octets = _octets(server.refuse(_FAILED))
        self.transport.write(octets)
        self._next_keepalive_close_time = self._loop.time() + self.keepalive_timeout
        return True

    def _plain(self, message: RawRequestMessage, body: StreamReader) -> bool:
        """Whether a request is a whole POST, after which the connection goes on, and nothing is held up."""
        return (
            message.method == "POST"
            and message.version == HttpVersion11
            and not (message.should_close or message.upgrade)
            and body.is_eof()
            and body.exception() is None
            and body.total_bytes <= self._acme.world.settings.max_body
            and not (self._paused or self._reading_paused or self._buffer_paused)
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and our own failure; the connection is closed after it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the reply has begun already")
        if status >= 500:
            LOG.error("%s %r", request.method, request.path, exc_info=exc)
            return _last(self._acme.refuse(_FAILED))
        said = ascii((message or "").strip().partition("\n")[0][:100])[1:-1]
        return _last(self._acme.refuse(Problem("malformed", f"the request is not HTTP/1.1: {said}", status)))


def _path(target: str) -> str:
    """Return a request target's path and query; a whole URL is one too (RFC 9112 section 3.2.2)."""
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


def _choose(server: Server, world: Callable[[str], Server | None] | None, path: str) -> tuple[Server | None, str]:
    """Return who answers for a path, and the path as that one sees it."""
    if world is None or not path.startswith("/w/"):
        return server, path
    world_id, slash, rest = path[3:].partition("/")
    return world(world_id), slash + rest


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _octets(reply: Reply) -> bytes:
    """Return a reply as aiohttp would send it, in one piece."""
    fields = (
        _SERVER,
        *reply.headers,
        ("Content-Length", str(len(reply.body))),
        ("Date", rfc822_formatted_time()),
    )
    head = "".join([f"{name}: {value}\r\n" for name, value in fields])
    if head.count("\n") != len(fields) or head.count("\r") != len(fields):
        raise ValueError("a header has a line break")
    return f"{_STATUS_LINES[reply.status]}{head}\r\n".encode() + reply.body


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, headers=[_SERVER, *reply.headers], body=reply.body or None)


def _last(reply: Reply) -> web.Response:
    """Answer, and close the connection: where the next request would begin is not known."""
    response = _response(reply)
    response.force_close()
    return response


async def _read(request: web.Request, limit: int, patience: float) -> bytes:
    """Read a body, but not much more than the limit: the server refuses it then. Problem: no whole body came."""
    if "Content-Encoding" in request.headers:
        return b""
    body = _received(request.content, limit)
    try:
        # Most bodies come with their headers, and need no timer.
        return await (body if request.content.is_eof() else asyncio.wait_for(body, patience))
    except TimeoutError:
        raise _TOO_SLOW from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise _BROKEN_BODY from None


async def _received(content: StreamReader, limit: int) -> bytes:
    body = b""
    while len(body) <= limit and (chunk := await content.readany()):
        body += chunk
    return body[: limit + 1]
