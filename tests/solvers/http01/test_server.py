"""The responder on a real socket."""

import asyncio
import errno
import random
import ssl
from datetime import UTC, datetime

import aiohttp
import pytest
from yarl import URL

from acme_server.tls import create
from solvers.http01 import server as module
from solvers.http01.responder import Responder
from solvers.http01.server import serve_http01
from solvers.http01.site import AnyHost, Site, Visit
from solvers.tls_context import server_context

PATH = "/.well-known/acme-challenge/token"
HOST = {"Host": "www.example.test:5002"}


@pytest.fixture
def responder():
    responder = Responder()
    responder.add("www.example.test", "token", "token.thumbprint")
    return responder


@pytest.fixture
def site(responder):
    return Site(responder)


@pytest.fixture
async def server(site):
    running = await serve_http01(site, "127.0.0.1", 0)
    yield running
    await running.close()


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


def connect(server):
    host, _, port = server.address.rpartition(":")
    return asyncio.open_connection(host.strip("[]"), int(port))


async def test_the_key_is_the_whole_body(server, session):
    async with session.get(f"http://{server.address}{PATH}", headers=HOST) as reply:
        assert (reply.status, await reply.read()) == (200, b"token.thumbprint")
        assert reply.headers["Content-Type"].startswith("text/plain")
        assert reply.headers["Cache-Control"].startswith("no-cache")
        assert reply.headers["Connection"] == "close"


async def test_head_has_the_length_and_no_body(server, session):
    async with session.head(f"http://{server.address}{PATH}", headers=HOST) as reply:
        assert (reply.status, await reply.read()) == (200, b"")
        assert reply.headers["Content-Length"] == "16"


@pytest.mark.parametrize(
    ("status", "path"),
    [
        (200, PATH + "?query=1"),
        (404, "/"),
        (404, PATH + "x"),
        (404, "/.well-known/acme-challenge/%74oken"),
        (404, "/.well-known/acme-challenge/../acme-challenge/token"),
    ],
)
async def test_the_path_is_compared_as_it_was_sent(server, session, status, path):
    async with session.get(URL(f"http://{server.address}{path}", encoded=True), headers=HOST) as reply:
        assert status == reply.status


async def test_the_host_is_the_header_s(server, session):
    async with session.get(f"http://{server.address}{PATH}") as reply:
        assert (reply.status, await reply.read()) == (404, b"")


async def test_a_request_without_a_host_is_not_found(server):
    reader, writer = await connect(server)
    writer.write(f"GET {PATH} HTTP/1.0\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.0 404 ")
    writer.close()
    await writer.wait_closed()


async def test_what_a_request_brings_along_is_not_read(server):
    reader, writer = await connect(server)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: www.example.test\r\nContent-Length: 1000000\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 405 ")
    writer.close()
    await writer.wait_closed()


def request_bytes(path="/", host="example.test", fields=()):
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", *fields, "", ""]).encode()


@pytest.mark.parametrize(
    "request_bytes",
    [request_bytes("/" + "x" * 3000), request_bytes(host="x" * 3000), request_bytes(fields=["a: b"] * 60)],
    ids=["long line", "long field", "many fields"],
)
async def test_what_is_much_but_not_too_much_is_answered(server, request_bytes):
    reader, writer = await connect(server)
    writer.write(request_bytes)
    assert b" 404 " in (await reader.read()).split(b"\r\n")[0]
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "request_bytes",
    [
        request_bytes("/" + "x" * 5000),
        request_bytes(host="x" * 5000),
        request_bytes(fields=["a: b"] * 70),
        request_bytes(fields=["Content-Length: -1"]),
        b"nonsense\r\n\r\n",
    ],
    ids=["long line", "long field", "many fields", "bad length", "nonsense"],
)
async def test_what_is_too_much_or_no_request_is_a_bad_request_and_no_news(server, session, request_bytes, caplog):
    reader, writer = await connect(server)
    writer.write(request_bytes)
    assert b" 400 " in (await reader.read()).split(b"\r\n")[0]
    writer.close()
    await writer.wait_closed()
    async with session.get(f"http://{server.address}{PATH}", headers=HOST) as reply:
        assert reply.status == 200
    assert caplog.records == []


async def test_no_stream_stops_the_server(server, session):
    noise = random.Random(6)
    for _ in range(100):
        _, writer = await connect(server)
        writer.write(noise.randbytes(noise.randrange(300)) + b"\r\n\r\n" * noise.randrange(2))
        writer.transport.abort()
    async with session.get(f"http://{server.address}{PATH}", headers=HOST) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: www.exam"], ids=["silent", "half a request"])
async def test_a_request_that_does_not_come_in_time_ends_the_connection(responder, monkeypatch, sent):
    monkeypatch.setattr(module, "REQUEST_SECONDS", 0.01)
    server = await serve_http01(Site(responder), "127.0.0.1", 0)
    reader, writer = await connect(server)
    writer.write(sent)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await server.close()


async def test_closing_ends_open_connections_and_frees_the_port(responder):
    server = await serve_http01(Site(responder), "127.0.0.1", 0)
    reader, writer = await connect(server)
    writer.write(b"GET / HT")
    await writer.drain()
    await server.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    host, _, port = server.address.rpartition(":")
    again = await serve_http01(Site(responder), host, int(port))
    assert server.address == again.address
    await again.close()


async def test_our_own_mistakes_are_logged(server, session, responder, monkeypatch, caplog):
    monkeypatch.delattr(Responder, "handle")
    async with session.get(f"http://{server.address}/") as reply:
        assert reply.status == 500
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_a_taken_port_is_an_os_error(server, responder):
    host, _, port = server.address.rpartition(":")
    with pytest.raises(OSError, match="in use") as refused:
        await serve_http01(Site(responder), host, int(port))
    assert refused.value.errno == errno.EADDRINUSE


async def test_an_ipv6_address_is_in_brackets(responder, session):
    try:
        server = await serve_http01(Site(responder), "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert server.address.startswith("[::1]:")
    async with session.get(f"http://{server.address}{PATH}", headers=HOST) as reply:
        assert reply.status == 200
    await server.close()


async def test_over_https_the_site_is_told_so_and_which_name_was_asked_for(site, session):
    material = create(random.Random(1).randbytes, datetime.now(UTC), ("www.example.test",))
    context = server_context(material.certificate_pem, material.key_pem)
    server = await serve_http01(site, "127.0.0.1", 0, context)
    url, trust = f"https://{server.address}{PATH}?a", ssl.create_default_context(cadata=material.ca_pem)
    options = {"headers": {**HOST, "User-Agent": "test"}, "server_hostname": "www.example.test", "ssl": trust}
    async with session.get(url, **options) as reply:
        assert (reply.status, await reply.read()) == (200, b"token.thumbprint")
    visit = Visit("GET", HOST["Host"], f"{PATH}?a", "test", https=True, server_name="www.example.test")
    assert list(site.history) == [(visit, 200)]
    await server.close()


async def test_a_redirect_has_its_location_as_it_was_given(server, session, site):
    site.tables.append(AnyHost(redirects={"/from": "https://b.test/%74o?a=b&c#d"}))
    async with session.get(f"http://{server.address}/from", allow_redirects=False) as reply:
        assert (reply.status, reply.headers["Location"]) == (302, "https://b.test/%74o?a=b&c#d")
