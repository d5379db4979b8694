"""Sockets for the door: a taken port is one clear line."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Any

import attrs
import click
from aiohttp import web

# Seconds that a client may take for the TLS handshake.
HANDSHAKE = 10.0
_plain = partial(web.AppRunner, access_log=None)


@attrs.frozen
class Door:
    """What listens where: its purpose, the flag that moves it, and the address."""

    purpose: str
    flag: str
    host: str
    port: int


@contextmanager
def opening(door: Door) -> Iterator[None]:
    """Turn what the system says about an address into a sentence."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(_complaint(door, error)) from None


def _complaint(door: Door, error: OSError) -> str:
    where = f"port {door.port} on {door.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is taken ({door.purpose}); stop what uses it or choose another with {door.flag}"
    if error.errno == errno.EACCES:
        return f"{where} may be opened by root only ({door.purpose}); choose one from 1024 up with {door.flag}"
    return f"cannot listen on {where} ({door.purpose}): {error.strerror or error}"


def bind(door: Door) -> socket.socket:
    """Return a listening TCP socket."""
    with opening(door):
        family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
        return socket.create_server((door.host, door.port), family=family, backlog=1024)


async def serve(
    stack: AsyncExitStack,
    app: Any,
    sock: socket.socket,
    tls: ssl.SSLContext | None = None,
    runner: Callable[..., web.BaseRunner] = _plain,
) -> None:
    """Serve an application on a socket until the stack closes; runner: makes a runner of it."""
    running = runner(app, handle_signals=False, shutdown_timeout=1.0)
    await running.setup()
    stack.push_async_callback(running.cleanup)
    assert running.server is not None
    # web.SockSite would leave a handshake a minute.
    server = await asyncio.get_running_loop().create_server(
        running.server, sock=sock, ssl=tls, backlog=1024, ssl_handshake_timeout=HANDSHAKE if tls else None
    )
    stack.callback(server.close)
