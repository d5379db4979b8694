"""Addresses, and what the system says about them."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import click
import pytest
from aiohttp import web

from acme_server import tls
from gravel import listening
from gravel.listening import Door, bind, opening, serve
from solvers.tls_context import server_context

DOOR = Door("ACME", "--acme-port", "127.0.0.1", 443)
COMPLAINTS = [
    (
        OSError(errno.EADDRINUSE, "Address already in use"),
        "port 443 on 127.0.0.1 is taken (ACME); stop what uses it or choose another with --acme-port",
    ),
    (
        PermissionError(errno.EACCES, "Permission denied"),
        "port 443 on 127.0.0.1 may be opened by root only (ACME); choose one from 1024 up with --acme-port",
    ),
    (
        OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"),
        "cannot listen on port 443 on 127.0.0.1 (ACME): Cannot assign requested address",
    ),
    (
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        "cannot listen on port 443 on 127.0.0.1 (ACME): Name or service not known",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), COMPLAINTS)
def test_what_the_system_says_becomes_a_sentence(error, sentence):
    with pytest.raises(click.ClickException) as caught, opening(DOOR):
        raise error
    assert sentence == caught.value.message


def test_a_port_is_bound_or_taken():
    with bind(Door("ACME", "--acme-port", "127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(click.ClickException, match=f"port {port} on 127.0.0.1 is taken"):
            bind(Door("management", "--management-port", "127.0.0.1", port))


async def test_who_begins_no_tls_handshake_is_sent_away(monkeypatch):
    """Reading to the end returns only because the server closes."""
    monkeypatch.setattr(listening, "HANDSHAKE", 0.2)
    material = tls.create(os.urandom, datetime(2026, 11, 25, tzinfo=UTC), ("127.0.0.1",))
    async with AsyncExitStack() as stack:
        sock = bind(Door("ACME", "--acme-port", "127.0.0.1", 0))
        port = sock.getsockname()[1]
        await serve(stack, web.Application(), sock, server_context(material.certificate_pem, material.key_pem))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.read() == b""
        writer.close()
