"""The shell on a real socket: what only HTTP can show."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager, closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509

from acme_server.exchange import Reply, Request
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.web import RUNNER_OPTIONS, create_app
from acme_server.world import create_world
from tests.acme_server.rig import BASE, JOSE, START, Client, Driver, Response
from tests.acme_server.worlds_rig import make_worlds, seeded


@asynccontextmanager
async def serving(base=BASE, mount="", options=RUNNER_OPTIONS, worlds=None):
    """A server on a free port; yields it and the URL that reaches its base URL."""
    world = create_world(base, Settings(always_valid=True), random.Random(1).randbytes, START)
    server = Server(world, Driver())
    app = create_app(server, worlds and worlds.server_of)
    if mount:
        outer = web.Application()
        outer.add_subapp(mount, app)
        app = outer
    runner = web.AppRunner(app, **options)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield server, f"http://{host}:{port}{mount}"
    finally:
        await runner.cleanup()


class WireClient(Client):
    """The same client, over HTTP; it blocks, so it lives in a thread."""

    def __init__(self, server, url):
        super().__init__(server)
        self.url = urlsplit(url)
        self.connection = HTTPConnection(self.url.hostname, self.url.port, timeout=30)

    def send(self, request: Request) -> Response:
        self.connection.request(request.method, self.url.path + request.path, request.body, dict(request.headers))
        response = self.connection.getresponse()
        return Response(Reply(response.status, tuple(response.getheaders()), response.read()))


async def exchange(session, url, request: Request) -> tuple[Reply, aiohttp.ClientResponse]:
    async with session.request(request.method, url + request.path, headers=request.headers) as response:
        return Reply(response.status, tuple(response.headers.items()), await response.read()), response


@pytest.mark.parametrize(("base", "mount"), [(BASE, ""), (f"{BASE}/w/blue", "/w/blue")])
async def test_a_certificate_is_issued_over_the_wire(base, mount):
    async with serving(base, mount) as (server, url):
        client = WireClient(server, url)

        def issue():
            with closing(client.connection):
                client.register()
                return client.post(client.issue("www.example.org").json["certificate"]), client.post(f"{base}/missing")

        chain, missing = await asyncio.to_thread(issue)
        assert chain.status == 200
        assert len(x509.load_pem_x509_certificates(chain.reply.body)) == 2
        assert chain.header("Server") == "gravel"
        assert len(chain.headers("Link")) == 1
        assert missing.outcome == (404, "malformed")
        assert client.kid.startswith(f"{base}/account/")


async def test_heads_and_empty_replies_have_no_body_and_no_made_up_type():
    async with serving() as (_, url), aiohttp.ClientSession() as session:
        for method, path, status in (("HEAD", "/nonce", 200), ("GET", "/nonce", 204), ("OPTIONS", "/dir", 204)):
            reply, response = await exchange(session, url, Request(method, path))
            assert (status, b"") == (reply.status, reply.body)
            assert "application/octet-stream" not in response.headers.get("Content-Type", "")
            assert response.headers["Server"] == "gravel"
        reply, response = await exchange(session, url, Request("HEAD", "/dir"))
        assert (reply.status, reply.body, response.headers["Content-Type"]) == (200, b"", "application/json")


async def test_headers_and_paths_reach_the_server_as_they_were_sent():
    async with serving() as (_, url):
        host, port = url.removeprefix("http://").split(":")
        targets = ((b"/acme/..%2fdir", 404), (b"/./dir", 404), (b"/dir?x=%20", 200), (b"//dir", 404))
        for target, status in (*targets, (b"http://evil.test/dir?x=%20", 200), (b"http://evil.test", 404)):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"GET " + target + b" HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n")
            reply = await reader.read()
            writer.close()
            await writer.wait_closed()
            assert reply.startswith(b"HTTP/1.1 %d " % status), target
            assert b"evil.test" not in reply


async def test_a_body_beyond_the_limit_is_refused_long_before_its_end():
    answered, sent = asyncio.Event(), []

    async def endless():
        while not answered.is_set() and len(sent) < 10_000:
            sent.append(1)
            yield b" " * 10_000

    async with serving() as (_, url), aiohttp.ClientSession() as session:
        async with session.post(f"{url}/new-order", data=endless(), headers=JOSE) as response:
            answered.set()
            assert response.status == 413
            assert (await response.json(content_type=None))["type"].endswith(":malformed")
            assert response.headers["Replay-Nonce"]
        assert len(sent) < 10_000


@pytest.mark.parametrize("options", [RUNNER_OPTIONS, {}], ids=["as recommended", "as aiohttp would"])
async def test_a_compressed_body_is_refused_unread(options):
    """To inflate it would fail: it is not even compressed."""
    headers = {**JOSE, "Content-Encoding": "gzip"}
    async with (
        serving(options=options) as (_, url),
        aiohttp.ClientSession() as session,
        session.post(f"{url}/new-order", data=b"not gzip at all", headers=headers) as response,
    ):
        assert response.status == 415
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("start", "answer"),
    [
        (b"", b""),
        (b"GET /dir HTTP/1.1\r\nHost: a.test\r\nX-Slow: ", b""),
        (b"POST /new-order HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 408 "),
    ],
    ids=["silence", "a head", "a body"],
)
async def test_who_is_too_slow_is_hung_up_on(monkeypatch, start, answer):
    monkeypatch.setattr("acme_server.web.BODY_TIMEOUT", 0.05)
    async with serving(options={**RUNNER_OPTIONS, "keepalive_timeout": 0.05}) as (_, url):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(start)
        reply = await asyncio.wait_for(reader.read(), 30)
        assert reply[:13] == answer
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("mount", ["", "/gravel"])
async def test_a_path_below_w_goes_to_its_world_and_all_others_to_the_default_one(mount):
    worlds = make_worlds()
    blue = await worlds.create("blue", seeded(always_valid=True))
    async with serving(BASE + mount, mount, worlds=worlds) as (_, url), aiohttp.ClientSession() as session:

        async def newest(path):
            reply, _ = await exchange(session, url, Request("GET", path))
            return reply.status, json.loads(reply.body).get("newOrder")

        assert await newest("/dir") == (200, f"{BASE}{mount}/new-order")
        assert await newest("/w/blue/dir") == (200, f"{BASE}/w/blue/new-order")
        for path in ("/w/green/dir", "/w//dir", "/w/", "/w/blue", "/w/blue/", "/w/blue/w/blue/dir"):
            assert await newest(path) == (404, None)
        client = WireClient(blue.server, f"{url}/w/blue")

        def issue():
            with closing(client.connection):
                client.register()
                order = client.order("www.example.org")
                client.post(client.authorizations(order)[0]["challenges"][0]["url"], {})
                return client.post(client.finalize(order, ["www.example.org"]).json["certificate"])

        chain = await asyncio.to_thread(issue)
        assert (chain.status, len(blue.world.journal)) == (200, 7)
        await worlds.delete("blue")
        async with session.post(f"{url}/w/blue/new-order", data=b"{}", headers=JOSE) as response:
            assert response.status == 404
            assert (await response.json(content_type=None))["detail"] == "there is no such world"
