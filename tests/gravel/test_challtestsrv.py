"""Side by side with pebble-challtestsrv: the same requests to both, and what each answers, shows and remembers."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import attrs
import pytest

from acme_server.network import Network
from acme_server.protocol.challenge_certificate import ACME_TLS, read
from acme_server.protocol.vantage import Handshake
from gravel.free_port import free_port

pytestmark = pytest.mark.client("pebble-challtestsrv")

NAME, CHALLENGE = "www.example.test", "/.well-known/acme-challenge/"
# What is posted where, one after the other.
POSTS = [
    ("/add-http01", {"token": "t", "content": "t.key"}),
    ("/add-http01", {"token": "gone", "content": "gone.key"}),
    ("/del-http01", {"token": "gone"}),
    ("/del-http01", {"token": "never"}),
    ("/add-redirect", {"path": "/from", "targetURL": "https://b.test/to?a=b"}),
    ("/add-redirect", {"path": CHALLENGE + "r", "targetURL": "/relative"}),
    ("/del-redirect", {"path": "/never"}),
    ("/add-tlsalpn01", {"host": NAME, "content": "t.key"}),
    ("/add-tlsalpn01", {"host": "gone.test", "content": "gone.key"}),
    ("/del-tlsalpn01", {"host": "gone.test"}),
    ("/clear-request-history", {"host": NAME, "type": "http"}),
    ("/clear-request-history", {"host": NAME, "type": "dns"}),
    ("/clear-request-history", {"host": NAME, "type": "tlsalpn"}),
    # And what is refused.
    ("/add-http01", {"token": "t"}),
    ("/add-http01", {"token": "", "content": "t.key"}),
    ("/add-http01", {"token": 1, "content": "t.key"}),
    ("/add-http01", []),
    ("/del-http01", {}),
    ("/add-redirect", {"path": "/from"}),
    ("/del-redirect", {"path": ""}),
    ("/add-tlsalpn01", {"host": NAME}),
    ("/del-tlsalpn01", {}),
    ("/clear-request-history", {"host": NAME, "type": "tcp"}),
    ("/clear-request-history", {"host": "", "type": "http"}),
    ("/http-request-history", {}),
    ("/tlsalpn01-request-history", {"host": ""}),
    ("/no-such-path", {}),
]
# What is asked of the responders then: scheme, method, host, path; server name, protocols.
VISITS = [
    ("http", "GET", NAME, CHALLENGE + "t"),
    ("http", "GET", f"{NAME}:5002", CHALLENGE + "t?query=1"),
    ("http", "HEAD", "b.test", CHALLENGE + "t"),
    ("http", "GET", NAME, "/from?query"),
    ("http", "POST", NAME, "/from"),
    ("http", "GET", NAME, CHALLENGE + "r"),
    ("https", "GET", NAME, CHALLENGE + "t"),
    ("https", "GET", f"{NAME}:5003", CHALLENGE + "t"),
]
GREETINGS = [(NAME, (ACME_TLS,)), ("gone.test", (ACME_TLS,)), (NAME, ("h2",)), (NAME, ())]
HISTORIES = [("/http-request-history", NAME), ("/http-request-history", "b.test"), ("/http-request-history", "c.test")]
HISTORIES += [("/tlsalpn01-request-history", NAME), ("/tlsalpn01-request-history", "gone.test")]


@attrs.frozen
class Peer:
    """Where one of the two is."""

    session: aiohttp.ClientSession
    management: str
    http01: str
    https01: str
    tls_alpn: str

    async def post(self, path, members):
        """Return the status, and the body of a success."""
        async with self.session.post(self.management + path, json=members) as answer:
            text = await answer.text()
            return answer.status, text if answer.status == 200 else ""

    async def visit(self, scheme, method, host, path):
        """Return status, body and Location; Go has a page for those who do not follow."""
        url = f"{scheme}://{self.https01 if scheme == 'https' else self.http01}{path}"
        options = {"allow_redirects": False, "ssl": False, "server_hostname": NAME}
        async with self.session.request(method, url, headers={"Host": host}, **options) as answer:
            body = await answer.text()
            return answer.status, body if answer.status == 200 else "", answer.headers.get("Location")

    async def greet(self, name, protocols):
        """Return whether there was a handshake, the protocol, and what the certificate shows."""
        answer = await Network()(Handshake(self.tls_alpn, name, protocols))
        return answer.error is None, answer.protocol, read(answer.certificate) if answer.certificate else None


@pytest.fixture
async def gravel(manage):
    listening = {f"{challenge}_listen": "127.0.0.1:0" for challenge in ("http01", "https01", "tls_alpn")}
    management = await manage(**listening)
    addresses = management.running.addresses
    return Peer(management.session, addresses.management, addresses.http01, addresses.https01, addresses.tls_alpn)


async def when_ready(peer):
    """Wait until a server that says nothing when it is ready answers."""
    while True:
        try:
            return await peer.post("/http-request-history", {"host": "a.test"})
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.01)


@pytest.fixture
async def challtestsrv():
    at = {name: f"127.0.0.1:{free_port()}" for name in ("management", "http01", "https01", "tlsalpn01")}
    words = [word for name, address in at.items() for word in (f"-{name}", address)]
    null = asyncio.subprocess.DEVNULL
    # No -dns01: it would take a port over UDP and TCP for nothing.
    process = await asyncio.create_subprocess_exec(
        "pebble-challtestsrv", *words, "-dns01", "", stdin=null, stdout=null, stderr=null
    )
    async with aiohttp.ClientSession() as session:
        peer = Peer(session, f"http://{at['management']}", at["http01"], at["https01"], at["tlsalpn01"])
        try:
            async with asyncio.timeout(30):
                await when_ready(peer)
            yield peer
        finally:
            process.terminate()
            await process.wait()


def common(ours, theirs):
    """Return of our events, as JSON, the members that theirs have."""
    known = {name: None for event in json.loads(theirs) for name in event}
    return [{name: event[name] for name in known if name in event} for event in json.loads(ours)]


async def test_both_answer_show_and_remember_the_same(gravel, challtestsrv):
    for path, members in POSTS:
        assert await gravel.post(path, members) == await challtestsrv.post(path, members), (path, members)
    for visit in VISITS:
        assert await gravel.visit(*visit) == await challtestsrv.visit(*visit), visit
    for greeting in GREETINGS:
        assert await gravel.greet(*greeting) == await challtestsrv.greet(*greeting), greeting
    for path, host in HISTORIES:
        (_, ours), (_, theirs) = [await peer.post(path, {"host": host}) for peer in (gravel, challtestsrv)]
        assert common(ours, theirs) == json.loads(theirs), (path, host)


async def test_only_gravel_says_that_there_is_nothing(gravel, challtestsrv):
    visit = "http", "GET", NAME, CHALLENGE + "nothing"
    assert await challtestsrv.visit(*visit) == (200, "", None)
    assert await gravel.visit(*visit) == (404, "", None)
