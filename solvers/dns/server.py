"""The zone's sockets: UDP, and TCP with its length prefix, on one port (RFC 7766)."""

from __future__ import annotations

import asyncio
import functools
import socket
import struct
from typing import Protocol, cast

import attrs

from acme_server.protocol.host_port import join_host_port
from solvers.dns.answer import Answered, Forward, Late, answer
from solvers.dns.disturbance import NEVER, Disturb
from solvers.dns.forwarder import Forwarder
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone

IDLE_SECONDS = 10.0
MAX_CONNECTIONS = 100
_ATTEMPTS = 20


class ReplyTo(Protocol):
    """Returns the reply to a message that came to an address, or None when it gets none."""

    def __call__(self, message: bytes, *, udp: bool, server: str, client: str) -> Answered:
        """Answer."""
        ...


@attrs.frozen
class _Replies:
    """How replies are made: now, or after a while, and by whom where that is somebody else."""

    now: ReplyTo
    forwarder: Forwarder | None = None

    async def later(self, answered: Late | Forward) -> bytes:
        await asyncio.sleep(answered.delay.total_seconds())
        if isinstance(answered, Late):
            return answered.reply
        return answered.finish(await self.forwarder.ask(answered.message) if self.forwarder else None)


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


async def serve_dns(
    zone: Zone,
    host: str,
    port: int,
    writers: Writers = NOBODY,
    disturb: Disturb | None = None,
    forwarder: Forwarder | None = None,
) -> DnsServer:
    """Serve a zone, and let `writers` update it; port 0 is any free one. OSError when the port is taken.

    disturb: asked what goes wrong with each query; forwarder: asked what the
    zone does not cover.
    """
    replies = _Replies(functools.partial(answer, zone, writers=writers, disturb=disturb), forwarder)
    for _ in range(_ATTEMPTS if port == 0 else 1):
        udp = await _Datagrams.open(replies, host, port)
        streams = _Streams(replies, udp.address)
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

    def __init__(self, replies: _Replies) -> None:
        self._replies = replies
        self._later: dict[asyncio.Task[None], None] = {}
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, replies: _Replies, host: str, port: int) -> _Datagrams:
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
        _, datagrams = await loop.create_datagram_endpoint(lambda: cls(replies), sock=bound)
        return datagrams

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.host, self.port = transport.get_extra_info("sockname")[:2]
        # HOST:PORT, an IPv6 host in brackets.
        self.address = join_host_port(self.host, self.port)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = self._replies.now(data, udp=True, server=self.address, client=addr[0])
        if isinstance(reply, Late | Forward):
            if reply.delay < NEVER:
                task = asyncio.get_running_loop().create_task(self._send_later(reply, addr))
                self._later[task] = None
                task.add_done_callback(lambda sent: self._later.pop(sent, None))
        elif reply is not None:
            self._transport.sendto(reply, addr)

    async def _send_later(self, answered: Late | Forward, addr: tuple[str, int]) -> None:
        reply = await self._replies.later(answered)
        if not self._transport.is_closing():
            self._transport.sendto(reply, addr)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._closed.set_result(None)

    async def close(self) -> None:
        """Close the socket, and wait until it is; nobody waits for what is not sent yet."""
        late = tuple(self._later)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._transport.close()
        await self._closed


class _Streams:
    """The TCP half: several queries per connection, one after the other."""

    def __init__(self, replies: _Replies, address: str) -> None:
        self._replies, self._address = replies, address
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
            message = await reader.readexactly(length)
        client = (writer.get_extra_info("peername") or ("",))[0]
        reply = self._replies.now(message, udp=False, server=self._address, client=client)
        if isinstance(reply, Late | Forward):
            if reply.delay == NEVER:
                return True
            reply = await self._replies.later(reply)
        if reply is None:
            return False
        async with asyncio.timeout(IDLE_SECONDS):
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
        return True

    async def close(self) -> None:
        """End all connections, and those that were accepted but are not yet served."""
        self._closing = True
        tasks = tuple(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
