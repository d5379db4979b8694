"""The shell around the server: HTTP in, HTTP out, with aiohttp."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Any
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
# Seconds until a first head has come, or a later one that has begun, and then until a whole body has.
PATIENCE = 10.0
# Longer than clients keep a connection that they do not use (Go 90 s, aiohttp 15 s): who is closed upon just when it
# sends a POST cannot know whether that was done.
IDLE = 100.0
# For web.Server. Bodies stay as they were sent (a compressed one is refused, not inflated); what a client still
# sends after it was refused is thrown away for a second, not for ten; who hangs up frees what waited; no access log.
SERVER_OPTIONS: Mapping[str, Any] = {
    "auto_decompress": False,
    "lingering_time": 1.0,
    "handler_cancellation": True,
    "access_log": None,
    "keepalive_timeout": IDLE,
}
_SERVER = ("Server", "gravel")
_STATUS_LINES: Mapping[int, str] = {each.value: f"HTTP/1.1 {each.value} {each.phrase}" for each in HTTPStatus}
_NO_WORLD = json_reply(
    404, Problem("malformed", "there is no such world", 404).to_json(), content_type="application/problem+json"
)
_TOO_SLOW = Problem("malformed", "the request body took too long to arrive", 408)
_BROKEN_BODY = Problem("malformed", "the request body is not what its HTTP headers announce")
_FAILED = Problem("serverInternal", "the server failed; its log says why")
# Requests that have these are not answered at once.
_SLOW = ("content-encoding", "expect")
# What answering at once leans on in aiohttp, which promises none of it: without, its task answers everything.
_KNOWN_AIOHTTP = all(
    hasattr(web.RequestHandler, name)
    for name in ("_waiter", "_messages", "_next_keepalive_close_time", "_paused", "_reading_paused", "_buffer_paused")
)


class Handler:
    """Hands every path below the base URL's own to the server; for web.Server.

    world: finds the server of the world ID in `/w/ID/...`, which such paths go to instead;
    patience: seconds for a head, and for a body.
    """

    def __init__(
        self, server: Server, world: Callable[[str], Server | None] | None = None, patience: float = PATIENCE
    ) -> None:
        self.server = server
        self.max_body = server.world.settings.max_body
        self._world = world
        self.patience = patience
        self._prefix = urlsplit(server.world.base_url).path

    async def __call__(self, request: web.BaseRequest) -> Any:
        """Answer a request of aiohttp's."""
        try:
            body = await _read(request, self.max_body, self.patience) if request.method == "POST" else b""
        except Problem as problem:
            return Whole(self.server.refuse(problem), last=True)
        # Only now: while the body came, the world may have been brought back to what it was, or deleted.
        chosen, path = self.choose(request.raw_path)
        if chosen is None:
            return Whole(_NO_WORLD)
        reply = _timed(chosen, Request(request.method, path, _lowered(request.headers), body, request.remote or ""))
        if reply.delivery is not None:
            return await deliver(request, reply.with_headers(_SERVER), reply.delivery)
        return Whole(reply)

    def choose(self, target: str) -> tuple[Server | None, str]:
        """Return who answers for a request target, and the path as that one sees it."""
        path = _path(target).removeprefix(self._prefix)
        if self._world is None or not path.startswith("/w/"):
            return self.server, path
        world_id, slash, rest = path[3:].partition("/")
        return self._world(world_id), slash + rest


def create_runner(
    handler: Handler, *, handle_signals: bool = False, shutdown_timeout: float = 60.0, **options: Any
) -> web.ServerRunner:
    """Return what serves a handler; what it cannot even read, its server refuses; options: beside SERVER_OPTIONS."""
    listener = _Listener(handler, **{**SERVER_OPTIONS, **options})
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
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has gone")
        self.keep_alive = request.keep_alive and not self._last
        connection = () if request.version >= HttpVersion11 else (("Connection", "keep-alive"),)
        head = _head(self._reply, *(connection if self.keep_alive else (("Connection", "close"),)))
        transport.write(head if request.method == "HEAD" else head + self._reply.body)
        await request.writer.drain()

    async def write_eof(self) -> None:
        """All has been written."""


class _Listener(web.Server):
    """Its connections answer in problem documents what aiohttp alone would answer in words."""

    def __init__(self, handler: Handler, **options: Any) -> None:
        super().__init__(handler, **options)
        self._handler = handler

    def __call__(self) -> web.RequestHandler:
        return _Connection(self._handler, self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    """Answers what has come whole and is plain at once, when the octets come; aiohttp's task answers all the rest.

    Its task, request, response and turns of the event loop cost about as much as what the server does.
    """

    __slots__ = ("_awaited", "_handler")

    def __init__(self, handler: Handler, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._handler = handler
        self._awaited: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Wait for nothing any more."""
        super().connection_lost(exc)
        if self._awaited is not None:
            self._awaited.cancel()

    def data_received(self, data: bytes) -> None:
        """Have aiohttp read, and answer; wake its task only for what is left.

        Reading a body comes here again, for octets that were held back: until the end nobody seems to wait.
        """
        waiter, self._waiter = self._waiter, None
        super().data_received(data)
        if waiter is not None and not waiter.done():
            self._await_head()
            while self._messages and self._answered_first():
                pass
            if self._messages:
                waiter.set_result(None)
        self._waiter = waiter

    def _await_head(self) -> None:
        """Give a head its time; aiohttp would wait as for a connection that is idle."""
        if self._messages:
            if self._awaited is not None:
                self._awaited.cancel()
                self._awaited = None
        elif self._awaited is None:
            self._awaited = self._loop.call_later(self._handler.patience, self.force_close)

    def _answered_first(self) -> bool:
        """Answer the first request, if it is plain."""
        message, body = self._messages[0]
        if not (_KNOWN_AIOHTTP and isinstance(message, RawRequestMessage) and self._plain(message, body)):
            return False
        headers = _lowered(message.headers)
        server, path = self._handler.choose(message.path)
        if server is None or server.world.faults.armed or any(name in headers for name in _SLOW):
            return False
        self._messages.popleft()
        assert self._parser is not None
        assert self.transport is not None
        self._parser.message_consumed()
        peer = self.peername[0] if self.peername else ""
        try:
            octets = _octets(_timed(server, Request("POST", path, headers, body.read_nowait(), str(peer))))
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
            and body.total_bytes <= self._handler.max_body
            and not (self._paused or self._reading_paused or self._buffer_paused)
        )

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
            return self._last(_FAILED)
        said = ascii((message or "").strip().partition("\n")[0][:100])[1:-1]
        return self._last(Problem("malformed", f"the request is not HTTP/1.1: {said}", status))

    def _last(self, problem: Problem) -> Any:
        return Whole(self._handler.server.refuse(problem), last=True)


def _timed(server: Server, request: Request) -> Reply:
    began = perf_counter()
    reply = server.handle(request)
    server.world.served.took(perf_counter() - began)
    return reply


def _path(target: str) -> str:
    """Return a request target's path and query; a whole URL is one too (RFC 9112 section 3.2.2)."""
    return target if target.startswith("/") else "/" + target.partition("://")[2].partition("/")[2]


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _octets(reply: Reply) -> bytes:
    return _head(reply) + reply.body


def _head(reply: Reply, *more: tuple[str, str]) -> bytes:
    """Return the head of a reply with more headers, and what HTTP wants where a fault has not said it already."""
    lines = [_STATUS_LINES.get(reply.status, f"HTTP/1.1 {reply.status} ")]
    lines += [f"{name}: {value}" for name, value in (_SERVER, *reply.headers)]
    said = "\r\n".join(lines).lower()
    own = [*more, ("Date", rfc822_formatted_time())]
    if reply.status >= 200 and reply.status != 204:
        own.append(("Content-Length", str(len(reply.body))))
    lines += [f"{name}: {value}" for name, value in own if f"\n{name.lower()}:" not in said]
    head = "\r\n".join(lines)
    if head.count("\n") >= len(lines) or head.count("\r") >= len(lines):
        raise ValueError("a header has a line break")
    return f"{head}\r\n\r\n".encode()


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
