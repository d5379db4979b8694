"""The zone's sockets: UDP, and TCP with its length prefix, on one port (RFC 7766)."""

from __future__ import annotations

import asyncio
import functools
import socket
import struct
from typing import Protocol, cast

from solvers.dns.answer import answer
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone

IDLE_SECONDS = 10.0
MAX_CONNECTIONS = 100
_ATTEMPTS = 20


class ReplyTo(Protocol):
    """Returns the reply to a message, or None when it gets none."""

    def __call__(self, message: bytes, *, udp: bool) -> bytes | None:
        """Answer."""
        ...


class DnsServer:
    """A running server; `address` is where."""

    def __init__(self, udp: _Datagrams, tcp: asyncio.Server, streams: _Streams) -> None:
        self._udp, self._tcp, self._streams = udp, tcp, streams
        self.address = udp.address

    async def close(self) -> None:
        """Stop listening, drop open connections and release the port."""
        self._tcp.close()
        await self._streams.close()
        await self._tcp.wait_closed()
        await self._udp.close()


async def serve_dns(zone: Zone, host: str, port: int, writers: Writers = NOBODY) -> DnsServer:
    """Serve a zone, and let `writers` update it; port 0 is any free one. OSError when the port is taken."""
    reply_to = functools.partial(answer, zone, writers=writers)
    for _ in range(_ATTEMPTS if port == 0 else 1):
        udp = await _Datagrams.open(reply_to, host, port)
        streams = _Streams(reply_to)
        try:
            tcp = await asyncio.start_server(streams.serve, udp.host, udp.port)
        except OSError as error:
            await udp.close()
            taken = error
            continue
        return DnsServer(udp, tcp, streams)
    raise taken


class _Datagrams(asyncio.DatagramProtocol):
    """The UDP half."""

    def __init__(self, reply_to: ReplyTo) -> None:
        self._reply_to = reply_to
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, reply_to: ReplyTo, host: str, port: int) -> _Datagrams:
        """Bind a socket, by hand: uvloop's error would not say that the port is taken."""
        loop = asyncio.get_running_loop()
        family, kind, protocol, _, address = (await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM))[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setblocking(False)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
        _, datagrams = await loop.create_datagram_endpoint(lambda: cls(reply_to), sock=bound)
        return datagrams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]

    @property
    def address(self) -> str:
        """`HOST:PORT`, an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._reply_to(data, udp=True)
        if reply is not None:
            self._transport.sendto(reply, addr)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._closed.set_result(None)

    async def close(self) -> None:
        """Close the socket, and wait until it is."""
        self._transport.close()
        await self._closed


class _Streams:
    """The TCP half: several queries per connection, one after the other."""

    def __init__(self, reply_to: ReplyTo) -> None:
        self._reply_to = reply_to
        self._open: list[asyncio.Task[None]] = []
        self._closing = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends, idles or sends what is no query."""
        if self._closing or len(self._open) >= MAX_CONNECTIONS:
            writer.close()
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._open.append(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except asyncio.IncompleteReadError:
            pass  # the client has no more to ask; what it asked is still being sent
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._open.remove(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        async with asyncio.timeout(IDLE_SECONDS):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = self._reply_to(await reader.readexactly(length), udp=False)
            if reply is not None:
                writer.write(struct.pack("!H", len(reply)) + reply)
                await writer.drain()
        return reply is not None

    async def close(self) -> None:
        """End all connections, and those that were accepted but are not yet served."""
        self._closing = True
        tasks = tuple(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
