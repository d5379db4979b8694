"""Handshakes with real TLS servers on loopback."""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from datetime import UTC, datetime, timedelta

import pytest

from acme_server import tls
from acme_server.network import Network
from acme_server.protocol.vantage import Handshake, TlsAnswer

TLS = tls.create(random.Random(3).randbytes, datetime.now(UTC), ("gravel.example",))
DER = ssl.PEM_cert_to_DER_cert(TLS.certificate_pem)
NAME, PROTOCOL = "gravel.example", "acme-tls/1"
SHORT, LONG = timedelta(milliseconds=60), timedelta(seconds=20)


@pytest.fixture
def context(tmp_path):
    (tmp_path / "certificate.pem").write_text(TLS.certificate_pem)
    (tmp_path / "key.pem").write_text(TLS.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context.sni_callback = lambda sock, name, _: setattr(context, "seen", name)
    return context


@contextlib.asynccontextmanager
async def server(converse=None, context=None):
    """A server that converses, or listens to the end; `heard` is what clients said after the handshake."""

    async def connected(reader, writer):
        conversations.append(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                if converse:
                    await converse(reader, writer)
                heard.put_nowait(await reader.read())
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    heard, conversations = asyncio.Queue(), []
    running = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    host, port = running.sockets[0].getsockname()[:2]
    yield f"{host}:{port}", heard
    running.close()
    await asyncio.gather(*conversations)


async def shake(address, protocols=(PROTOCOL,), name=NAME, patience=LONG):
    return await Network()(Handshake(address, name, protocols, patience))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_certificate_and_protocol_are_brought_back_whoever_signed(context, version):
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2", PROTOCOL])
    async with server(context=context) as (address, _):
        assert await shake(address) == TlsAnswer(DER, PROTOCOL, address=address)
    assert context.seen == NAME


async def test_not_a_word_is_said_after_the_handshake(context):
    context.set_alpn_protocols([PROTOCOL])
    async with server(context=context) as (address, heard):
        await shake(address)
        assert await heard.get() == b""


@pytest.mark.parametrize("spoken", [[], ["h2"]])
async def test_a_server_that_agrees_on_nothing_is_told_apart(context, spoken):
    if spoken:
        context.set_alpn_protocols(spoken)
    async with server(context=context) as (address, _):
        assert await shake(address) == TlsAnswer(DER, None, address=address)


async def silence(reader, writer):
    await reader.read()


async def reset(reader, writer):
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def farewell(reader, writer):
    await reader.read(1)
    writer.write_eof()


def saying(octets):
    async def converse(reader, writer):
        await reader.read(1)
        writer.write(octets)

    return converse


# TLS 1.1, from a server that was offered later versions only.
OLD_HELLO = b"\x03\x02" + bytes(32) + b"\x00\xc0\x13\x00"
OLD = b"\x16\x03\x02\x00" + bytes((len(OLD_HELLO) + 4, 2, 0, 0, len(OLD_HELLO))) + OLD_HELLO

FAILURES = {
    "silence": (silence, SHORT, "timeout"),
    "a reset": (reset, LONG, "connection reset"),
    "an end": (farewell, LONG, "connection reset"),
    "no TLS": (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), LONG, "TLS: wrong version number"),
    "a version before 1.2": (saying(OLD), LONG, "TLS: unsupported protocol"),
    "an alert": (saying(bytes((21, 3, 3, 0, 2, 2, 112))), LONG, "TLS: tlsv1 unrecognized name"),
    "an alert that Python has no name for": (
        saying(bytes((21, 3, 3, 0, 2, 2, 120))),
        LONG,
        "TLS: tlsv1 alert no application protocol",
    ),
}


@pytest.mark.parametrize("fault", FAILURES)
async def test_what_goes_wrong_has_one_short_text(fault):
    converse, patience, text = FAILURES[fault]
    async with server(converse) as (address, _):
        assert await shake(address, patience=patience) == TlsAnswer(error=text, address=address)


async def test_nobody_there_is_a_refused_connection():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        assert await shake(address) == TlsAnswer(error="connection refused", address=address)


@pytest.mark.parametrize("address", ["", "localhost", "127.0.0.1:99999", "127.0.0.1:x", "http://a:1"])
async def test_what_is_no_address_is_not_dialled(address):
    assert await shake(address) == TlsAnswer(error="invalid request", address=address)


@pytest.mark.parametrize(("name", "protocols"), [(".a", (PROTOCOL,)), ("a..b", (PROTOCOL,)), (NAME, ("ü",))])
async def test_what_a_hello_cannot_say_is_not_said(name, protocols):
    async with server() as (address, _):
        assert await shake(address, protocols, name) == TlsAnswer(error="invalid name", address=address)
