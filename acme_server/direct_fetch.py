"""HTTP to an address that was given: one connection, one request, one response, goodbye.

Validations and self-checks come here. They share no connection, want no pool,
no cookies, no redirects and no decompression, and strangers write the replies;
a general client costs several times as much and reads more than is wanted.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import cast

from yarl import URL

from acme_server.http_response import Reading, Response, read_response
from acme_server.protocol.vantage import Fetch

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_ADDRESS = re.compile(r"(?:\[([^][]+)\]|([^][:]+)):([0-9]{1,5})")
# Said here, for every request alike: these frame it.
_OURS = frozenset({"connection", "content-length", "host", "transfer-encoding"})


class InvalidRequest(ValueError):  # noqa: N818 - says what happened
    """The question cannot be put into a request, or its address is none."""


async def fetch_directly(question: Fetch, url: URL, context: ssl.SSLContext | None) -> Response:
    """Ask at the question's address; `context` is None for plain HTTP.

    Raises OSError (TimeoutError too), MalformedResponse or InvalidRequest.
    """
    host, port = host_and_port(question.address or "")
    request = write_request(question, url)
    # The server's name is said without the final dot (RFC 6066 section 3).
    name = (url.host or "").removesuffix(".") if context else None
    loop = asyncio.get_running_loop()
    exchange = _Exchange(request, read_response(question.method, question.limit), loop.create_future())
    try:
        async with asyncio.timeout(question.timeout.total_seconds()):
            await loop.create_connection(lambda: exchange, host, port, ssl=context, server_hostname=name)
            return await exchange.response
    finally:
        exchange.hang_up()


def write_request(question: Fetch, url: URL) -> bytes:
    """Return the request's octets; its headers are the question's, and those that frame it."""
    if not _TOKEN.fullmatch(question.method):
        raise InvalidRequest
    lines = [f"{question.method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.host_port_subcomponent}"]
    named = []
    for name, value in question.headers:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value) or name.lower() in _OURS:
            raise InvalidRequest
        named.append(name.lower())
        lines.append(f"{name}: {value}")
    if "accept" not in named:
        lines.append("Accept: */*")
    if question.body:
        lines.append(f"Content-Length: {len(question.body)}")
    lines.append("Connection: close\r\n\r\n")
    return "\r\n".join(lines).encode("latin-1") + question.body


class _Exchange(asyncio.Protocol):
    """Says the request, feeds the reading, and holds what came of it in `response`."""

    def __init__(self, request: bytes, reading: Reading[Response], response: asyncio.Future[Response]) -> None:
        self._request = request
        self._reading = reading
        self._transport: asyncio.Transport | None = None
        self.response = response
        next(reading)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._feed(data)

    def eof_received(self) -> None:
        self._feed(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None:
            self._feed(b"")
        elif not self.response.done():
            self.response.set_exception(exc)

    def hang_up(self) -> None:
        """End the connection now; over TLS with a farewell that waits for no reply."""
        if self._transport is not None:
            self._transport.close()
            self._transport.abort()

    def _feed(self, octets: bytes) -> None:
        if self.response.done():
            return
        try:
            self._reading.send(octets)
        except StopIteration as end:
            self.response.set_result(end.value)
        except Exception as error:  # noqa: BLE001 - whoever waits is told
            self.response.set_exception(error)


def host_and_port(address: str) -> tuple[str, int]:
    """Read what a question says to dial; raise InvalidRequest when it is not `HOST:PORT`."""
    found = _ADDRESS.fullmatch(address)
    if not found or int(found[3]) > 65535:
        raise InvalidRequest
    return found[1] or found[2], int(found[3])
