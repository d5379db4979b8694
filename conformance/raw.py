"""HTTP by hand: octets that no HTTP library would send, each conversation over a connection of its own."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from conformance.verdict import Failed, NotReachable
from conformance.wire import MAX_REPLY, USER_AGENT, Exchange, Reply, Wire

TIMEOUT = 15.0
# Octets of each conversation that the report has: some are megabytes.
LOGGED = 4096
# Seconds until a server has hung up on whoever is slow, and between two of the octets that come slowly.
SLOW_LIMIT, SLOW_PAUSE = 30.0, 0.2


@contextmanager
def dialled(url: str, tls: ssl.SSLContext) -> Iterator[socket.socket]:
    """Connect to where a URL leads."""
    parts = urlsplit(url)
    host, port = str(parts.hostname), parts.port or (443 if parts.scheme == "https" else 80)
    try:
        line: socket.socket = socket.create_connection((host, port), TIMEOUT)
        if parts.scheme == "https":
            line = tls.wrap_socket(line, server_hostname=host)
    except OSError as error:
        raise NotReachable(f"{host}:{port} cannot be reached: {error}") from None
    with line:
        yield line


def head(method: str, url: str, *fields: str, host: bool = True) -> bytes:
    """Return the head of a request; fields: lines that are added to it, as they are."""
    parts = urlsplit(url)
    own = [f"Host: {parts.netloc}"] if host else []
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{method} {target} HTTP/1.1", *own, f"User-Agent: {USER_AGENT}", *fields, "", ""]
    return "\r\n".join(lines).encode()


def converse(
    wire: Wire, tls: ssl.SSLContext, url: str, octets: bytes, *, most: int = 1, end: bool = False
) -> list[Reply]:
    """Send octets and return the replies that come until the server hangs up, `most` of them at most.

    end: says that nothing more is sent (a half-closed connection). A server that does neither is a failure.
    """
    replies: list[Reply] = []
    method = octets.partition(b" ")[0].decode()
    try:
        with dialled(url, tls) as line:
            _say(line, octets)
            if end:
                # An SSLSocket's own shutdown() would forget the keys; what is shut here is TCP.
                socket.socket.shutdown(line, socket.SHUT_WR)
            stream = _Stream(line)
            while len(replies) < most and (reply := _hear(stream, method)) is not None:
                replies.append(reply)
                if reply.header("Connection").lower() == "close":
                    break
    except TimeoutError:
        raise Failed("a reply, or the end of the connection", f"neither within {TIMEOUT:g} s") from None
    finally:
        wire.log.append(Exchange(method, url, {}, octets[:LOGGED], replies[-1] if replies else None))
    return replies


def _say(line: socket.socket, octets: bytes) -> None:
    # Who hangs up before the end may have answered before that.
    with suppress(ConnectionError, ssl.SSLError):
        line.sendall(octets)


class _Stream:
    """What http.client reads one reply after the other from; its end of a reply is not the connection's."""

    def __init__(self, line: socket.socket) -> None:
        self._file = line.makefile("rb")

    def makefile(self, mode: str) -> _Stream:
        del mode
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Keep what was read ahead."""


def _hear(stream: Any, method: str) -> Reply | None:
    answer = http.client.HTTPResponse(stream, method=method)
    try:
        answer.begin()
        body = answer.read(MAX_REPLY)
    except (ConnectionError, ssl.SSLError, http.client.HTTPException):
        return None
    return Reply(answer.status, tuple((name.lower(), value) for name, value in answer.getheaders()), body)


def patience(tls: ssl.SSLContext, url: str, starts: Mapping[str, bytes]) -> Mapping[str, float | None]:
    """Begin requests at the same time, go on with each slowly, and return when the server had enough of it.

    starts: what each sends first; the octet that follows again and again is its last. Seconds until the server
    answered or hung up, None for one that still waited after SLOW_LIMIT.
    """
    with ThreadPoolExecutor(len(starts)) as threads:
        ends = threads.map(lambda start: _patience(tls, url, start), starts.values())
        return dict(zip(starts, ends, strict=True))


def _patience(tls: ssl.SSLContext, url: str, start: bytes) -> float | None:
    began = time.monotonic()
    with dialled(url, tls) as line:
        line.settimeout(SLOW_PAUSE)
        _say(line, start)
        while time.monotonic() < began + SLOW_LIMIT:
            try:
                line.recv(1)
            except TimeoutError:
                _say(line, start[-1:])
            except OSError:
                return time.monotonic() - began
            else:
                return time.monotonic() - began
    return None


def statuses(replies: Sequence[Reply]) -> str:
    """Say which replies came."""
    return ", ".join(map(str, replies)) or "no reply"
