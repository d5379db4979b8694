"""The shell on a real socket: what only HTTP can show."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509

from acme_server.exchange import Reply, Request
from acme_server.web import create_runner
from tests.acme_server.rig import BASE, JOSE
from tests.acme_server.wire_rig import WireClient, serving
from tests.acme_server.worlds_rig import make_worlds, seeded


async def exchange(session, url, request: Request) -> tuple[Reply, aiohttp.ClientResponse]:
    async with session.request(request.method, url + request.path, headers=request.headers) as response:
        return Reply(response.status, tuple(response.headers.items()), await response.read()), response


@pytest.mark.parametrize("base", [BASE, f"{BASE}/w/blue"])
async def test_a_certificate_is_issued_over_the_wire(base):
    async with serving(base) as (server, url):
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


@pytest.mark.parametrize(
    "make_runner",
    [create_runner, lambda handler, **__: web.ServerRunner(web.Server(handler))],
    ids=["as recommended", "as aiohttp would"],
)
async def test_a_compressed_body_is_refused_unread(make_runner):
    """To inflate it would fail: it is not even compressed."""
    headers = {**JOSE, "Content-Encoding": "gzip"}
    async with (
        serving(make_runner=make_runner) as (_, url),
        aiohttp.ClientSession() as session,
        session.post(f"{url}/new-order", data=b"not gzip at all", headers=headers) as response,
    ):
        assert response.status == 415
        assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("mount", ["", "/gravel"])
async def test_a_path_below_w_goes_to_its_world_and_all_others_to_the_default_one(mount):
    worlds = make_worlds()
    blue = await worlds.create("blue", seeded(always_valid=True))
    async with serving(BASE + mount, worlds=worlds) as (_, url), aiohttp.ClientSession() as session:

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


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"", b""),
        (b"GET /dir HTTP/1.1\r\nHost: acme.test\r\nX-Sl", b""),
        (b"POST /new-order HTTP/1.1\r\nHost: acme.test\r\nContent-Length: 9\r\n\r\n{", b"HTTP/1.1 408 "),
        (b"POST /new-order HTTP/1.1\r\nHost: acme.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{", b"HTTP/1.1 408 "),
    ],
    ids=["silence", "headers without an end", "body without an end", "chunks without an end"],
)
async def test_a_slow_client_is_sent_away(sent, reply):
    """Reading to the end returns only because the server closes; pytest's own limit is what a hang would meet."""
    async with serving(patience=0.2) as (_, url):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        answer = await reader.read()
        writer.close()
        assert answer.startswith(reply)
        assert bool(answer) == bool(reply)
        if reply:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert json.loads(body)["type"].endswith(":malformed")
            assert b"Replay-Nonce: " in head


async def test_a_connection_may_be_idle_for_longer_than_a_head_may_take():
    async with serving(patience=0.05) as (_, url):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        for part in (b"HEAD /nonce HTTP/1.1\r\n", b"Host: acme.test\r\n\r\n"):
            writer.write(part)
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.write(b"HEAD /nonce HTTP/1.1\r\nHost: acme.test\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        writer.close()
