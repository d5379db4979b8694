"""Asks another server what is not served here: over UDP, and what was cut there over TCP (RFC 7766)."""

from __future__ import annotations

import asyncio
import secrets

from solvers.dns.query import HEADER, QR, QUESTION, skip_name

# Seconds until nobody waits any more; a datagram may be lost, so it is sent again in between.
PATIENCE, RESENT_AFTER = 5.0, 1.5
MAX_UNDER_WAY = 100
_TRUNCATED = 0x0200


class Forwarder:
    """Passes queries on to one server; so many at once, and each only so long."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._under_way = 0

    async def ask(self, query: bytes) -> bytes | None:
        """Return the reply to a well-formed query, or None when none comes in time, or too many are under way."""
        if self._under_way >= MAX_UNDER_WAY:
            return None
        self._under_way += 1
        try:
            async with asyncio.timeout(PATIENCE):
                # A number of its own, or who knows the client's could answer in the server's place (RFC 5452).
                reply = await self._ask(secrets.token_bytes(2) + query[2:])
                return query[:2] + reply[2:]
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return None
        finally:
            self._under_way -= 1

    async def _ask(self, query: bytes) -> bytes:
        reply = await self._over_udp(query)
        return await self._over_tcp(query) if HEADER.unpack_from(reply)[1] & _TRUNCATED else reply

    async def _over_udp(self, query: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        remote = (self._host, self._port)
        transport, listener = await loop.create_datagram_endpoint(lambda: _Listener(query), remote_addr=remote)
        try:
            while True:
                transport.sendto(query)
                if (await asyncio.wait([listener.reply], timeout=RESENT_AFTER))[0]:
                    return listener.reply.result()
        finally:
            transport.close()

    async def _over_tcp(self, query: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(len(query).to_bytes(2, "big") + query)
            reply = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
        finally:
            writer.transport.abort()
        if not _answers(query, reply):
            raise ConnectionResetError
        return reply


class _Listener(asyncio.DatagramProtocol):
    """Waits for the datagram that answers a query; others are strays, or forged."""

    def __init__(self, query: bytes) -> None:
        self._query = query
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        if _answers(self._query, data) and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


def _answers(query: bytes, reply: bytes) -> bool:
    """Whether a message has the query's number and question."""
    question = query[HEADER.size : skip_name(query, HEADER.size) + QUESTION.size]
    echoed = reply[HEADER.size : HEADER.size + len(question)]
    is_reply = len(reply) > HEADER.size and HEADER.unpack_from(reply)[1] & QR
    return bool(is_reply) and reply[:2] == query[:2] and echoed.lower() == question.lower()
