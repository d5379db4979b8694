"""The responder's socket: one handshake a connection, within its time, then goodbye."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from acme_server.protocol.challenge_certificate import ACME_TLS
from acme_server.protocol.host_port import join_host_port
from solvers.tls_context import server_context
from solvers.tlsalpn01.certificate import ChallengeCertificate
from solvers.tlsalpn01.client_hello import read_client_hello
from solvers.tlsalpn01.responder import Alert, Responder

HANDSHAKE_SECONDS = 10.0


class TlsServer:
    """A running server; `address` is where."""

    def __init__(self, server: asyncio.Server, connections: dict[asyncio.Transport, None], address: str) -> None:
        self._server = server
        self._connections = connections
        self.address = address

    async def close(self) -> None:
        """Stop listening, drop open connections and release the port."""
        self._server.close()
        for transport in tuple(self._connections):
            transport.abort()
        await self._server.wait_closed()


async def serve_tlsalpn01(responder: Responder, host: str, port: int) -> TlsServer:
    """Serve a responder; port 0 is any free one. OSError when the port is taken."""
    connections: dict[asyncio.Transport, None] = {}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(responder, connections), host, port)
    bound, number = server.sockets[0].getsockname()[:2]
    return TlsServer(server, connections, join_host_port(bound, number))


class _Connection(asyncio.Protocol):
    """Reads the client's hello, then lets OpenSSL shake hands with the certificate that the responder chose."""

    def __init__(self, responder: Responder, connections: dict[asyncio.Transport, None]) -> None:
        self._responder = responder
        self._connections = connections
        self._received = b""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._connections[self._transport] = None
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(HANDSHAKE_SECONDS, self._transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it was lost
        self._limit.cancel()
        self._connections.pop(self._transport, None)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._tls is None:
            self._received += data
            self._read_hello()
        else:
            self._incoming.write(data)
            self._go_on(self._tls)

    def _read_hello(self) -> None:
        try:
            hello = read_client_hello(self._received)
        except ValueError:
            self._refuse(Alert.DECODE_ERROR)
            return
        if hello is None:
            return
        answer = self._responder.handle(hello)
        if isinstance(answer, Alert):
            self._refuse(answer)
            return
        self._incoming.write(self._received)
        self._tls = _context(answer).wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._go_on(self._tls)

    def _go_on(self, tls: ssl.SSLObject) -> None:
        done = False
        try:
            tls.do_handshake()
            done = True
            # Says goodbye, and has no interest in the reply.
            tls.unwrap()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            done = True
        self._transport.write(self._outgoing.read())
        if done:
            self._transport.close()

    def _refuse(self, alert: Alert) -> None:
        """Send a fatal alert, in plain text as nothing is agreed on yet (RFC 8446 section 6)."""
        self._transport.write(bytes((21, 3, 3, 0, 2, 2, alert)))
        self._transport.close()


def _context(shown: ChallengeCertificate) -> ssl.SSLContext:
    context = server_context(ssl.DER_cert_to_PEM_cert(shown.der), shown.key_pem)
    context.set_alpn_protocols([ACME_TLS])
    return context
