"""The responder on a real socket."""

import asyncio
import contextlib
import errno
import random
import ssl
from datetime import UTC, datetime

import pytest

from solvers.tlsalpn01 import server as module
from solvers.tlsalpn01.certificate import create
from solvers.tlsalpn01.responder import Responder
from solvers.tlsalpn01.server import serve_tlsalpn01

NAME, KEY, PROTOCOL = "www.gravel.example", "token.thumbprint", "acme-tls/1"
SHOWN = create(random.Random(1).randbytes, datetime.now(UTC), NAME, KEY)


@pytest.fixture
def responder():
    responder = Responder()
    responder.add(NAME, KEY, SHOWN)
    return responder


@pytest.fixture
async def server(responder):
    running = await serve_tlsalpn01(responder, "127.0.0.1", 0)
    yield running
    await running.close()


def connect(server, **options):
    host, _, port = server.address.rpartition(":")
    return asyncio.open_connection(host.strip("[]"), int(port), **options)


async def shake(server, name=NAME, protocols=(PROTOCOL,), version=ssl.TLSVersion.TLSv1_3):
    """Return the certificate, the protocol, and all that is said after the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(list(protocols))
    reader, writer = await connect(server, ssl=context, server_hostname=name)
    connection = writer.get_extra_info("ssl_object")
    seen = connection.getpeercert(binary_form=True), connection.selected_alpn_protocol(), await reader.read()
    writer.close()
    return seen


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_validator_is_shown_the_certificate_and_the_connection_ends(server, version):
    assert await shake(server, version=version) == (SHOWN.der, PROTOCOL, b"")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.client("openssl")
async def test_openssl_is_shown_the_certificate(server, version):
    words = ["openssl", "s_client", "-connect", server.address, "-servername", NAME, "-alpn", PROTOCOL, version]
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdin=null, stdout=pipe, stderr=null)
    out = (await process.communicate())[0].decode()
    assert process.returncode == 0
    assert f"ALPN protocol: {PROTOCOL}\n" in out
    assert ssl.DER_cert_to_PEM_cert(SHOWN.der) in out


@pytest.mark.parametrize(
    ("words", "alert"),
    [
        (["-servername", "a.test", "-alpn", PROTOCOL], "unrecognized name"),
        (["-noservername", "-alpn", PROTOCOL], "unrecognized name"),
        (["-servername", NAME, "-alpn", "h2"], "no application protocol"),
        (["-servername", NAME], "no application protocol"),
    ],
)
@pytest.mark.client("openssl")
async def test_openssl_is_told_by_an_alert_why_there_is_none(server, words, alert):
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        "openssl", "s_client", "-connect", server.address, *words, stdin=null, stdout=pipe, stderr=pipe
    )
    out, err = (text.decode() for text in await process.communicate())
    assert process.returncode == 1
    assert alert in err
    assert "BEGIN CERTIFICATE" not in out


async def test_a_new_certificate_is_shown_at_once_and_a_removed_one_no_more(server, responder):
    other = create(random.Random(2).randbytes, datetime.now(UTC), NAME, "other")
    responder.add(NAME, "other", other)
    assert (await shake(server))[0] == other.der
    responder.remove(NAME, "other")
    responder.remove(NAME, KEY)
    with pytest.raises(ssl.SSLError):
        await shake(server)


async def test_only_tls_1_2_and_later_are_spoken(server):
    hello = b"\x03\x02" + bytes(32) + b"\x00" + b"\x00\x02\xc0\x09" + b"\x01\x00"
    names = b"\x00\x00" + bytes((0, len(NAME) + 5, 0, len(NAME) + 3, 0, 0, len(NAME))) + NAME.encode()
    protocols = b"\x00\x10\x00\x0d\x00\x0b\x0a" + PROTOCOL.encode()
    body = hello + (len(names) + len(protocols)).to_bytes(2, "big") + names + protocols
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    reader, writer = await connect(server)
    writer.write(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
    assert (await reader.read())[-2:] == bytes((2, 70))  # protocol_version
    writer.close()


async def test_a_hello_may_come_octet_by_octet(server, responder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([PROTOCOL])
    outgoing = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=NAME)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    reader, writer = await connect(server)
    for octet in outgoing.read():
        writer.write(bytes((octet,)))
        await asyncio.sleep(0)
    assert (await reader.readexactly(3))[:1] == b"\x16"
    writer.close()
    assert [greeted.alert for greeted in responder.history] == [None]


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"])
async def test_what_is_no_hello_is_answered_by_an_alert(server, sent):
    reader, writer = await connect(server)
    writer.write(sent)
    assert await reader.read() == bytes((21, 3, 3, 0, 2, 2, 50))  # decode_error
    writer.close()


async def test_no_stream_stops_the_server(server, caplog):
    noise = random.Random(6)
    for _ in range(100):
        _, writer = await connect(server)
        writer.write(b"\x16" * noise.randrange(2) + noise.randbytes(noise.randrange(300)))
        writer.transport.abort()
    assert (await shake(server))[0] == SHOWN.der
    assert caplog.records == []


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01"], ids=["silent", "half a hello"])
async def test_a_handshake_that_does_not_end_in_time_ends_the_connection(responder, monkeypatch, sent):
    monkeypatch.setattr(module, "HANDSHAKE_SECONDS", 0.01)
    server = await serve_tlsalpn01(responder, "127.0.0.1", 0)
    reader, writer = await connect(server)
    writer.write(sent)
    assert await reader.read() == b""
    writer.close()
    await server.close()


async def test_closing_ends_open_connections_and_frees_the_port(responder):
    server = await serve_tlsalpn01(responder, "127.0.0.1", 0)
    reader, writer = await connect(server)
    writer.write(b"\x16\x03")
    await writer.drain()
    await server.close()
    with contextlib.suppress(ConnectionResetError):  # when what was sent was not read yet
        assert await reader.read() == b""
    writer.close()
    host, _, port = server.address.rpartition(":")
    again = await serve_tlsalpn01(responder, host, int(port))
    assert server.address == again.address
    await again.close()


async def test_a_taken_port_is_an_os_error(server, responder):
    host, _, port = server.address.rpartition(":")
    with pytest.raises(OSError, match="in use") as refused:
        await serve_tlsalpn01(responder, host, int(port))
    assert refused.value.errno == errno.EADDRINUSE


async def test_an_ipv6_address_is_in_brackets(responder):
    try:
        server = await serve_tlsalpn01(responder, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert server.address.startswith("[::1]:")
    assert (await shake(server))[0] == SHOWN.der
    await server.close()
