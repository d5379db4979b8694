"""What a client sees of each fault, on a real socket."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected

import pytest
from aiohttp import web

from acme_server.delivery import Delivery
from acme_server.exchange import Reply, Request
from acme_server.faults.rule import read_rule
from acme_server.protocol.encoding import b64url
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.web import Handler, create_runner
from acme_server.world import create_world
from tests.acme_server.rig import BASE, START, Client, Driver, Response, csr


class SocketClient(Client):
    """An ACME client with a new connection per request, so that none is mended behind the test's back."""

    def __init__(self, server: Server, port: int) -> None:
        super().__init__(server)
        self.port, self.timeout = port, 20.0

    def send(self, request: Request) -> Response:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)) as connection:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            got = connection.getresponse()
            return Response(Reply(got.status, tuple(got.getheaders()), got.read()))


@asynccontextmanager
async def serving():
    world = create_world(BASE, Settings(always_valid=True), random.Random(1).randbytes, START)
    server = Server(world, Driver())
    runner = create_runner(Handler(server), shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield SocketClient(server, runner.addresses[0][1])
    finally:
        await runner.cleanup()


def arm(client, action, match=None, **when):
    document = {"id": "it", "action": action, "match": match or {}, "when": when}
    client.server.world.faults.arm(read_rule(document), START)


async def on_the_wire(work):
    async with serving() as client:
        return await asyncio.to_thread(work, client)


def retry_after(response):
    return response.status, response.type, response.header("Retry-After")


# What newOrder is answered with, for rules in its place.
INSTEAD = [
    ("badNonce", lambda r: r.outcome, (400, "badNonce")),
    ({"kind": "badNonce", "status": 403}, lambda r: r.outcome, (403, "badNonce")),
    ({"kind": "rateLimited", "retry_after": 2}, retry_after, (429, "rateLimited", "2")),
    ({"kind": "rateLimited", "retry_after": -1}, retry_after, (429, "rateLimited", "-1")),
    ({"kind": "rateLimited", "retry_after": "in a while"}, retry_after, (429, "rateLimited", "in a while")),
    ({"kind": "rateLimited", "retry_after": 10**18}, retry_after, (429, "rateLimited", "1" + "0" * 18)),
    (
        {"kind": "rateLimited", "retry_after_date": 30},
        retry_after,
        (429, "rateLimited", "Sun, 22 Nov 2026 12:00:30 GMT"),
    ),
    ({"kind": "problem", "status": 503, "retry_after": 1}, retry_after, (503, "serverInternal", "1")),
    ("serverInternal", lambda r: r.outcome, (500, "serverInternal")),
    ({"kind": "problem", "type": "urn:example:new"}, lambda r: r.json["type"], "urn:example:new"),
    ("userActionRequired", lambda r: r.outcome, (403, "userActionRequired")),
    ("page", lambda r: (r.status, r.header("Content-Type"), r.reply.body[:9]), (502, "text/html", b"<!DOCTYPE")),
    ({"kind": "page", "status": 503, "retry_after": 5}, lambda r: (r.status, r.header("Retry-After")), (503, "5")),
    ({"kind": "page", "status": 200, "body": ""}, lambda r: (r.status, r.reply.body), (200, b"")),
]


@pytest.mark.parametrize(("action", "look", "expected"), INSTEAD, ids=[str(row[0]) for row in INSTEAD])
async def test_another_reply_takes_the_orders_place_and_nothing_is_committed(action, look, expected):
    def work(client):
        client.register()
        arm(client, action, {"endpoint": "newOrder"})
        response = client.order("www.example.org")
        facts = [entry for entry in client.server.world.journal if entry.kind in ("FaultInjected", "OrderCreated")]
        return look(response), response.header("Replay-Nonce") is not None, [fact.kind for fact in facts]

    assert await on_the_wire(work) == (expected, True, ["FaultInjected"])


async def test_an_error_after_commit_leaves_the_order_behind():
    def work(client):
        client.register()
        arm(client, "serverInternal", {"endpoint": "newOrder"}, stage="after")
        response = client.order("www.example.org")
        return response.outcome, len(response.header("Replay-Nonce")), "OrderCreated" in kinds(client)

    assert await on_the_wire(work) == ((500, "serverInternal"), 22, True)


def kinds(client):
    return [entry.kind for entry in client.server.world.journal]


# What newOrder's own reply looks like, for rules that edit it.
CHANGES = [
    ({"kind": "omit", "headers": "replay-nonce"}, lambda r: (r.status, r.header("Replay-Nonce")), (201, None)),
    ({"kind": "omit", "headers": ["Location", "Link"]}, lambda r: r.headers("Location") + r.headers("Link"), []),
    (
        {"kind": "header", "name": "content-type", "value": "text/plain"},
        lambda r: r.header("Content-Type"),
        "text/plain",
    ),
    ({"kind": "header", "name": "Date", "value": "yesterday"}, lambda r: r.header("Date"), "yesterday"),
    ({"kind": "skew", "seconds": -90}, lambda r: r.headers("Date"), ["Sun, 22 Nov 2026 11:58:30 GMT"]),
    ("truncate", lambda r: (r.status, r.reply.body), (201, b"")),
    ({"kind": "truncate", "keep": 9}, lambda r: (r.reply.body, r.header("Content-Length")), (b'{"status"', "9")),
    ({"kind": "pad", "size": 100_000}, lambda r: (len(r.reply.body), r.json["status"]), (100_000, "pending")),
    (
        {"kind": "substitute", "old": "https://", "new": "http://"},
        lambda r: (r.json["finalize"][:8], r.header("Location")[:8]),
        ("http://a", "http://a"),
    ),
    ({"kind": "substitute", "old": BASE}, lambda r: r.json["finalize"][:7], "/order/"),
    ({"kind": "rewrite", "members": {"expires": None}}, lambda r: "expires" in r.json, False),
    ({"kind": "rewrite", "status": 200, "members": {"x": 1}}, lambda r: (r.status, r.json["x"]), (200, 1)),
    ({"kind": "unwrap", "name": "identifiers"}, lambda r: r.json[0]["type"], "dns"),
    ({"kind": "unwrap", "name": "nothing"}, lambda r: r.json["status"], "pending"),
]


@pytest.mark.parametrize(("action", "look", "expected"), CHANGES, ids=[str(row[0]) for row in CHANGES])
async def test_a_reply_is_edited(action, look, expected):
    def work(client):
        client.register()
        arm(client, action, {"endpoint": "newOrder"})
        return look(client.order("www.example.org"))

    assert await on_the_wire(work) == expected


async def test_a_problem_that_is_rewritten_says_its_new_status():
    def work(client):
        client.register()
        match = {"problem": "malformed"}
        arm(client, {"kind": "rewrite", "status": 418}, match)
        response = client.post(f"{BASE}/new-order", {})
        return response.status, response.json["status"]

    assert await on_the_wire(work) == (418, 418)


@pytest.mark.parametrize(
    ("action", "stage", "error", "committed"),
    [
        ("lose", "before", ConnectionResetError, False),
        ("lose", "after", ConnectionResetError, True),
        ({"kind": "lose", "reset": False}, "after", RemoteDisconnected, True),
        ({"kind": "cut", "keep": 5}, "after", IncompleteRead, True),
        ("stall", "after", TimeoutError, True),
        ({"kind": "stall", "at": "body"}, "after", TimeoutError, True),
    ],
)
async def test_a_reply_is_lost_or_left_half_way(action, stage, error, committed):
    def work(client):
        client.register()
        request = client.signed(f"{BASE}/new-order", {"identifiers": [{"type": "dns", "value": "a.example"}]})
        arm(client, action, {"endpoint": "newOrder"}, stage=stage)
        client.timeout = 0.3 if error is TimeoutError else 20.0
        with pytest.raises(error) as lost:
            client.send(request)
        # RemoteDisconnected is a ConnectionResetError to http.client: a close in order, not a reset.
        assert type(lost.value) is error
        return "OrderCreated" in kinds(client), kinds(client).count("FaultInjected")

    assert await on_the_wire(work) == (committed, 1)


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        ({"kind": "latency", "seconds": 0.05}, 0.05),
        ({"kind": "latency", "seconds": 0.05, "until": 0.06}, 0.05),
        ({"kind": "lognormal-latency", "median": 0.05, "sigma": 0}, 0.05),
        ({"kind": "stall", "seconds": 0.05}, 0.05),
        ({"kind": "stall", "at": "body", "seconds": 0.05}, 0.05),
        ({"kind": "drip", "bytes": 100, "seconds": 0.02}, 0.02),
    ],
)
async def test_a_late_reply_is_whole_and_late(action, seconds):
    """Only the lower bound is asked for: a reply in time would break it, a slow machine cannot."""

    def work(client):
        client.register()
        request = client.signed(f"{BASE}/new-order", {"identifiers": [{"type": "dns", "value": "a.example"}]})
        arm(client, action, {"endpoint": "newOrder"})
        begun = time.monotonic()
        response = client.send(request)
        return time.monotonic() - begun >= seconds, response.status, response.json["status"]

    assert await on_the_wire(work) == (True, 201, "pending")


async def test_heads_and_empty_replies_travel_late_too():
    def work(client):
        arm(client, {"kind": "latency", "seconds": 0.01})
        replies = [client.get("/nonce", "HEAD"), client.get("/nonce"), client.get("/dir", "HEAD")]
        return [(response.status, response.reply.body) for response in replies]

    assert await on_the_wire(work) == [(200, b""), (204, b""), (200, b"")]


async def test_the_dropped_finalize_has_issued_and_the_order_says_so():
    def work(client):
        client.register()
        order = client.order("www.example.org")
        client.authorize(order)
        arm(client, "lose", {"endpoint": "finalize"}, stage="after", count=1)
        with pytest.raises(ConnectionResetError):
            client.finalize(order, ["www.example.org"])
        found = client.post(order.header("Location"))
        again = client.post(order.json["finalize"], {"csr": b64url(csr(["www.example.org"]))})
        return found.json["status"], again.outcome, kinds(client).count("CertificateIssued")

    assert await on_the_wire(work) == ("valid", (403, "orderNotReady"), 1)


async def test_finalize_without_location():
    def work(client):
        client.register()
        arm(client, {"kind": "omit", "headers": "Location"}, {"endpoint": "finalize"})
        response = client.issue("www.example.org")
        return response.status, response.header("Location"), response.json["status"]

    assert await on_the_wire(work) == (200, None, "valid")


@pytest.mark.parametrize(("members", "sent"), [({}, None), ({"keep": 9}, 9), ({"keep": 0}, 0)])
async def test_the_server_ends_its_side_and_still_listens(members, sent):
    def work(client):
        arm(client, {"kind": "half-close", **members})
        with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
            connection.sendall(b"GET /dir HTTP/1.1\r\nHost: x\r\n\r\n")
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
            # What had been closed whole would answer the first of these with a reset, and the second not at all.
            for _ in range(2):
                connection.sendall(b"GET /dir HTTP/1.1\r\nHost: x\r\n\r\n")
            error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            return reply.partition(b"\r\n\r\n")[2], error, connection.recv(1)

    async with serving() as client:
        body = (await asyncio.to_thread(client.get, "/dir")).reply.body
        assert await asyncio.to_thread(work, client) == (body[:sent], 0, b"")
        for _ in range(1000):
            if asyncio.all_tasks() == {asyncio.current_task()}:
                return
            await asyncio.sleep(0)
        pytest.fail("the client hung up, and something waits for it still")


async def test_a_client_that_hangs_up_frees_what_waited():
    async with serving() as client:
        arm(client, "stall")
        client.timeout = 0.2
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(client.get, "/dir")
        for _ in range(100):
            await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_what_is_armed_is_journalled_when_it_fires():
    def work(client):
        client.register()
        arm(client, {"kind": "rateLimited", "retry_after": 2}, {"endpoint": "newOrder", "nth": 2})
        statuses = [client.order("www.example.org").status for _ in range(3)]
        fact = next(entry for entry in client.server.world.journal if entry.kind == "FaultInjected")
        return statuses, fact.subject, fact.data

    statuses, subject, data = await on_the_wire(work)
    assert statuses == [201, 429, 201]
    assert list(subject) == ["account"]
    action = {"kind": "problem", "type": "rateLimited", "retry_after": 2}
    names = ["www.example.org"]
    assert data == {"rule": "it", "action": action, "endpoint": "newOrder", "identifiers": names}


async def test_every_third_nonce_is_bad():
    def work(client):
        arm(client, "badNonce", {"every": 3})
        client.register()
        return [client.order("www.example.org").status for _ in range(6)]

    assert await on_the_wire(work) == [201, 400, 201, 201, 400, 201]


def test_a_delivery_knows_how_long_it_takes():
    second = timedelta(seconds=1)
    assert Delivery(before=second, between=second, chunk=10, pace=second).duration(25) == 4 * second
    assert Delivery(before=None).duration(0) is None
    assert Delivery(between=None).duration(0) is None
