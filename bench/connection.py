"""HTTP/1.1 over one kept-alive connection, with little CPU of its own.

About a third of what a general HTTP client costs, so that on a small machine
the load client does not become what is measured. Loopback addresses only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

try:
    import orjson
except ImportError:
    orjson = None


def dump(document: Any) -> bytes:
    """Write compact JSON."""
    return orjson.dumps(document) if orjson else json.dumps(document, separators=(",", ":")).encode()


class ConnectionLost(OSError):  # noqa: N818 - says what happened
    """The server closed the connection before its reply was complete."""


@attrs.frozen
class Reply:
    """Status, headers (names in lower case) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body."""
        return orjson.loads(self.body) if orjson else json.loads(self.body)


def take_reply(buffer: bytearray, *, bodiless: bool = False) -> Reply | None:
    """Take one complete reply out of the buffer, or nothing while it is still arriving."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *lines = buffer[:end].decode("latin-1").split("\r\n")
    status = int(first[9:12])
    if status < 200:
        del buffer[: end + 4]
        return take_reply(buffer, bodiless=bodiless)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    found = (b"", end + 4)
    if not (bodiless or status in (204, 304)):
        found = _chunks(buffer, end + 4) if "transfer-encoding" in headers else _counted(buffer, end + 4, headers)
    body, stop = found
    if stop < 0:
        return None
    del buffer[:stop]
    return Reply(status, headers, body)


def _counted(buffer: bytearray, start: int, headers: Mapping[str, str]) -> tuple[bytes, int]:
    stop = start + int(headers["content-length"])
    return (bytes(buffer[start:stop]), stop) if len(buffer) >= stop else (b"", -1)


def _chunks(buffer: bytearray, start: int) -> tuple[bytes, int]:
    parts = []
    while (line := buffer.find(b"\r\n", start)) >= 0:
        size = int(buffer[start:line].split(b";")[0], 16)
        stop = line + 2 + size
        if len(buffer) < stop + 2:
            break
        if size == 0:
            return b"".join(parts), stop + 2
        parts.append(bytes(buffer[line + 2 : stop]))
        start = stop + 2
    return b"", -1


class _Wire(asyncio.Protocol):
    """At most one request under way."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.waiting: asyncio.Future[Reply] | None = None
        self.bodiless = False
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self.waiting and not self.waiting.done():
            self.waiting.set_exception(ConnectionLost(str(exc or "connection closed")))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.waiting and not self.waiting.done():
            reply = take_reply(self.buffer, bodiless=self.bodiless)
            if reply:
                self.closed = self.closed or reply.headers.get("connection", "").lower() == "close"
                self.waiting.set_result(reply)

    def send(self, data: bytes, *, bodiless: bool) -> asyncio.Future[Reply]:
        self.waiting = asyncio.get_running_loop().create_future()
        self.bodiless = bodiless
        self.transport.write(data)
        return self.waiting


class Connection:
    """One connection to one origin, opened again when the server has closed it."""

    def __init__(self, url: str, context: ssl.SSLContext | None, timeout: float) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.netloc = parts.netloc
        self.context = context if parts.scheme == "https" else None
        self.port = parts.port or (443 if self.context else 80)
        self.address = loopback(self.host, self.port)
        self.timeout = timeout
        self.opened = 0
        self._wire: _Wire | None = None

    async def request(self, method: str, target: str, body: bytes = b"", content_type: str = "") -> Reply:
        """Make one request; TimeoutError when the reply does not come."""
        async with asyncio.timeout(self.timeout):
            wire = await self._open()
            lines = [f"{method} {target} HTTP/1.1", f"Host: {self.netloc}", "User-Agent: gravel-bench"]
            if method == "POST":
                lines += [f"Content-Type: {content_type}", f"Content-Length: {len(body)}"]
            head = "\r\n".join([*lines, "", ""]).encode()
            return await wire.send(head + body, bodiless=method == "HEAD")

    async def _open(self) -> _Wire:
        if self._wire is None or self._wire.closed:
            self.close()
            secure = {"ssl": self.context, "server_hostname": self.host} if self.context else {}
            loop = asyncio.get_running_loop()
            _, self._wire = await loop.create_connection(_Wire, self.address, self.port, **secure)
            self.opened += 1
        return self._wire

    def close(self) -> None:
        """Close it; the next request would open it again."""
        if self._wire:
            self._wire.closed = True
            self._wire.transport.close()


def loopback(host: str, port: int) -> str:
    """Resolve a host, refusing what is not this machine: this client makes load."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = sorted({str(info[4][0]) for info in found}, key=lambda address: (":" in address, address))
    if not all(ipaddress.ip_address(address).is_loopback for address in addresses):
        raise SystemExit(f"{host} is not a loopback address; this client puts load on test servers only")
    return addresses[0]
