"""One HTTP/1.1 response, read from octets as they arrive (RFC 9112), for whoever asks a stranger once and hangs up.

Pure: a reading is a generator that asks for more octets and is sent them, b"" at
the end of the connection. It takes no more than its limits, whatever is sent.
Lines of the head may end in a bare LF (RFC 9112 section 2.2); framing that two
readers could take differently is refused (section 11.2).
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import TypeAlias, TypeVar

import attrs

from acme_server.protocol.vantage import Headers

T = TypeVar("T")

HEAD_LIMIT = 32768
"""Octets of the status line and headers, interim responses included; also of a chunked body's trailers."""
CHUNK_LINE_LIMIT = 4096

_HTTP_1 = b"HTTP/1."
_STATUS_LINE = re.compile(rb"HTTP/1\.\d ([1-9]\d\d)(?: [^\r\0]*)?")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_END_OF_LINE = re.compile(rb"\r\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_LENGTH = re.compile(r"[0-9]{1,18}")
# A chunk's size, then maybe extensions, which say nothing to us (RFC 9112 section 7.1.1).
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n\0]*)?")
_BODILESS = (204, 304)


class MalformedResponse(Exception):  # noqa: N818 - says what happened
    """What was sent is no HTTP/1.1 response, or one too long to read."""


@attrs.frozen
class Response:
    """A response; of its body as much as was wanted."""

    status: int
    headers: Headers
    body: bytes


Reading: TypeAlias = Generator[None, bytes, T]


def read_response(method: str, limit: int) -> Reading[Response]:
    """Read the response to a request, and at most `limit` octets of its body.

    ConnectionResetError: the connection ended before the response did.
    """
    arrived = _Arrived()
    status, headers = yield from _read_head(arrived)
    lengths = _values(headers, "content-length")
    codings = _values(headers, "transfer-encoding")
    if method == "HEAD" or status in _BODILESS:
        body = b""
    elif codings:
        if lengths or [coding.lower() for coding in codings] != ["chunked"]:
            raise MalformedResponse
        body = yield from _read_chunks(arrived, limit)
    elif lengths:
        if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
            raise MalformedResponse
        body = yield from arrived.take(min(int(lengths[0]), limit))
    else:
        body = yield from arrived.take_all(limit)
    return Response(status, headers, body)


class _Arrived:
    """The octets that arrived and were not taken yet."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def take(self, count: int) -> Reading[bytes]:
        """Take so many."""
        while len(self._octets) < count:
            yield from self._more()
        return self._cut(count)

    def take_all(self, limit: int) -> Reading[bytes]:
        """Take what comes until the connection ends, which is where such a body ends (RFC 9112 section 6.3)."""
        while len(self._octets) < limit and (octets := (yield)):
            self._octets += octets
        return self._cut(limit)

    def take_through(self, end: re.Pattern[bytes], limit: int, start: bytes = b"") -> Reading[tuple[bytes, int]]:
        """Take up to an end mark; return what is before it, and how many were taken. Another start is refused at once."""
        seen = 0
        while not (found := end.search(self._octets, seen)):
            self._check(len(self._octets), limit, start)
            # A mark may straddle two arrivals.
            seen = max(0, len(self._octets) - 2)
            yield from self._more()
        self._check(found.end(), limit, start)
        return self._cut(found.end())[: found.start()], found.end()

    def _check(self, count: int, limit: int, start: bytes) -> None:
        if count > limit or self._octets[: len(start)] != start[: len(self._octets)]:
            raise MalformedResponse

    def _more(self) -> Reading[None]:
        octets = yield
        if not octets:
            raise ConnectionResetError
        self._octets += octets

    def _cut(self, count: int) -> bytes:
        taken = bytes(self._octets[:count])
        del self._octets[:count]
        return taken


def _read_head(arrived: _Arrived) -> Reading[tuple[int, Headers]]:
    """Read a final response's head; interim ones are passed over (RFC 9110 section 15.2)."""
    allowance = HEAD_LIMIT
    while True:
        head, size = yield from arrived.take_through(_END_OF_HEAD, allowance, _HTTP_1)
        allowance -= size
        status, headers = _parse_head(head)
        # Nobody asked for another protocol, and after 101 it would be one.
        if status == 101:
            raise MalformedResponse
        if status >= 200:
            return status, headers


def _parse_head(head: bytes) -> tuple[int, Headers]:
    start, _, fields = head.partition(b"\n")
    found = _STATUS_LINE.fullmatch(start.removesuffix(b"\r"))
    if not found or fields.startswith((b" ", b"\t")):
        raise MalformedResponse
    if b"\n " in fields or b"\n\t" in fields:
        fields = _FOLD.sub(b" ", fields)
    lines = fields.split(b"\n") if fields else []
    return int(found[1]), tuple(_parse_field(line.removesuffix(b"\r")) for line in lines)


def _parse_field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not colon or not _NAME.fullmatch(name) or b"\r" in value or b"\0" in value:
        raise MalformedResponse
    return name.decode("ascii"), value.strip(b" \t").decode("utf-8", "surrogateescape")


def _values(headers: Headers, name: str) -> list[str]:
    return [value for each, value in headers if each.lower() == name]


def _read_chunks(arrived: _Arrived, limit: int) -> Reading[bytes]:
    """Read a chunked body; its trailers are thrown away (RFC 9112 section 7.1)."""
    body = bytearray()
    while len(body) < limit:
        line, _ = yield from arrived.take_through(_END_OF_LINE, CHUNK_LINE_LIMIT)
        found = _CHUNK.fullmatch(line)
        if not found:
            raise MalformedResponse
        size = int(found[1], 16)
        if size == 0:
            yield from _pass_trailers(arrived)
            break
        body += yield from arrived.take(min(size, limit - len(body)))
        if len(body) < limit and (yield from arrived.take(2)) != b"\r\n":
            raise MalformedResponse
    return bytes(body)


def _pass_trailers(arrived: _Arrived) -> Reading[None]:
    allowance = HEAD_LIMIT
    line, size = yield from arrived.take_through(_END_OF_LINE, allowance)
    while line:
        _parse_field(line)
        allowance -= size
        line, size = yield from arrived.take_through(_END_OF_LINE, allowance)
