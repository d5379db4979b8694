"""The shell that performs a delivery on a socket: late, in part, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
from datetime import timedelta

from aiohttp import web

from acme_server.delivery import Delivery
from acme_server.exchange import Reply

# How often it is looked whether a reply has left.
_MOMENT = 0.01
_LINGER = struct.pack("ii", 1, 0)


async def deliver(request: web.BaseRequest, reply: Reply, delivery: Delivery) -> web.StreamResponse:
    """Send a reply as its delivery says."""
    if delivery.lost:
        return _hang_up(request, web.StreamResponse(), reset=delivery.reset)
    await _wait(delivery.before)
    response = web.StreamResponse(status=reply.status, headers=reply.headers)
    if request.method != "HEAD" and reply.status != 204:
        response.content_length = len(reply.body)
    await response.prepare(request)
    await _wait(delivery.between)
    whole = b"" if request.method == "HEAD" else reply.body
    body = whole[: delivery.keep]
    for start in range(0, len(body), size := delivery.chunk or len(body) or 1):
        await _wait(delivery.pace if start else timedelta(0))
        await response.write(body[start : start + size])
    if delivery.half_closed:
        await _half_close(request)
    return response if len(body) == len(whole) else _hang_up(request, response)


def _hang_up(request: web.BaseRequest, response: web.StreamResponse, *, reset: bool = False) -> web.StreamResponse:
    """End the connection; a reset (RST) is a close of a socket that does not linger."""
    transport = request.transport
    if transport is not None:
        if reset:
            sock: socket.socket = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            transport.abort()
        else:
            transport.close()
    return response


async def _half_close(request: web.BaseRequest) -> None:
    """Send a FIN once all has left, then wait until the client ends its side, which cancels the handler."""
    transport = request.transport
    if transport is None:
        return
    while transport.get_write_buffer_size():  # noqa: ASYNC110 - a transport tells nobody that it is empty
        await asyncio.sleep(_MOMENT)
    connection: socket.socket = transport.get_extra_info("socket")
    # TLS has no half-close in asyncio, and uvloop's sockets no shutdown: a second descriptor has both.
    with socket.fromfd(connection.fileno(), connection.family, connection.type) as twin:
        twin.shutdown(socket.SHUT_WR)
    await _wait(None)


async def _wait(duration: timedelta | None) -> None:
    """Let time pass; for ever is until the client gives up, which cancels the handler."""
    if duration is None:
        await asyncio.get_running_loop().create_future()
    elif duration:
        await asyncio.sleep(duration.total_seconds())
