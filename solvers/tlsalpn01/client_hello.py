"""What a TLS client says first: which name it wants, and which protocols it speaks (RFC 8446 section 4.1.2).

It is read before OpenSSL reads it, because Python's TLS can neither refuse a
client that offers no protocol of ours, nor say which protocols it offered.
"""

from __future__ import annotations

import attrs

# More than any client says, post-quantum key shares included.
LIMIT = 16384
MAX_RECORDS = 16
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ALPN = 0, 16
_HOST_NAME = 0


@attrs.frozen
class ClientHello:
    """server_name: of SNI (RFC 6066 section 3), empty without it; protocols: of ALPN (RFC 7301 section 3.1)."""

    server_name: str = ""
    protocols: tuple[str, ...] = ()


class _Cursor:
    """Reads octets from first to last; ValueError when there are too few."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._octets)

    def take(self, count: int) -> bytes:
        taken = self._octets[self._at : self._at + count]
        if len(taken) < count:
            raise ValueError("ends too early")
        self._at += count
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> _Cursor:
        """Return what is behind a length of so many octets."""
        return _Cursor(self.take(self.number(size)))

    def rest(self) -> bytes:
        return self.take(len(self._octets) - self._at)


def read_client_hello(octets: bytes) -> ClientHello | None:
    """Read the octets of a connection so far; None when there must be more, ValueError when it is no ClientHello."""
    if octets[:1] not in (b"", bytes((_HANDSHAKE,))):
        raise ValueError("is not TLS")
    message, records = b"", _Cursor(octets)
    for _ in range(MAX_RECORDS):
        try:
            kind, _version, fragment = records.number(1), records.take(2), records.vector(2).rest()
        except ValueError:
            if len(octets) > LIMIT:
                raise ValueError("is too long") from None
            return None
        message += fragment
        if kind != _HANDSHAKE or message[:1] != bytes((_CLIENT_HELLO,)):
            raise ValueError("is no ClientHello")
        if len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big"):
            return _read_message(_Cursor(message))
    raise ValueError("is in too many pieces")


def _read_message(message: _Cursor) -> ClientHello:
    message.take(1)  # its kind
    body = message.vector(3)
    body.take(2 + 32)  # version, random
    for size in (1, 2, 1):  # session ID, cipher suites, compression methods
        body.vector(size)
    found = ClientHello()
    extensions = body.vector(2) if body else body
    while extensions:
        kind, data = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            found = attrs.evolve(found, server_name=_host_name(data.vector(2)))
        elif kind == _ALPN:
            found = attrs.evolve(found, protocols=_protocols(data.vector(2)))
    return found


def _host_name(names: _Cursor) -> str:
    while names:
        kind, name = names.number(1), names.vector(2).rest()
        if kind == _HOST_NAME:
            return name.decode("latin-1")
    return ""


def _protocols(names: _Cursor) -> tuple[str, ...]:
    protocols = []
    while names:
        protocols.append(names.vector(1).rest().decode("latin-1"))
    return tuple(protocols)
