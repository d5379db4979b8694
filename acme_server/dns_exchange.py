"""DNS messages to a server and back: over UDP, asked again when a datagram may be lost, and over TCP (RFC 1035 section 4.2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TypeAlias

Answers: TypeAlias = Callable[[bytes], bool]
"""Whether a message that came is the answer: anybody may send one."""

_UDP_TRIES = 3


class _Listener(asyncio.DatagramProtocol):
    """Waits for the one datagram that answers; any other is ignored."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self.reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        if self._answers(data) and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.reply.done():
            self.reply.set_exception(exc)


async def over_udp(message: bytes, answers: Answers, server: tuple[str, int], patience: float) -> bytes:
    """Ask from a port of its own, and again when a datagram may have been lost; OSError, TimeoutError after `patience` seconds."""
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_datagram_endpoint(lambda: _Listener(answers), remote_addr=server)
    try:
        for _ in range(_UDP_TRIES):
            transport.sendto(message)
            done, _ = await asyncio.wait([listener.reply], timeout=patience / _UDP_TRIES)
            if done:
                return listener.reply.result()
        raise TimeoutError
    finally:
        transport.close()


async def over_tcp(message: bytes, answers: Answers, server: tuple[str, int]) -> bytes:
    """Ask over a connection, each message behind its length; OSError, or ValueError when something else is answered."""
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(len(message).to_bytes(2, "big") + message)
        length = int.from_bytes(await reader.readexactly(2), "big")
        reply = await reader.readexactly(length)
    except asyncio.IncompleteReadError:
        raise ConnectionResetError from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    if not answers(reply):
        raise ValueError("malformed reply")
    return reply
