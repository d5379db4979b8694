"""A lean ACME client (RFC 8555): from newOrder to the certificate, counting what it asks.

It never waits longer than it must: how soon a server decides is learned from
the polls before, so that polling adds neither requests nor latency.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import ssl
import time
from collections import Counter, deque
from typing import Any
from urllib.parse import urlsplit

import attrs
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from bench.connection import Connection, Reply, dump

ES256 = ec.ECDSA(hashes.SHA256())


def b64url(data: bytes) -> str:
    """Encode without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Refused(Exception):  # noqa: N818 - what the server did
    """The server answered with a problem, or with a final status that is not valid."""


class Wedged(Exception):  # noqa: N818 - the word for it
    """A request was never answered: the server hangs, and the run ends."""


class Account:
    """An ES256 account key and, once registered, its URL."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        numbers = self.key.public_key().public_numbers()
        x, y = (b64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        self.jwk = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
        canonical = json.dumps(self.jwk, sort_keys=True, separators=(",", ":")).encode()
        self.thumbprint = b64url(hashlib.sha256(canonical).digest())
        self.url: str | None = None

    def sign(self, url: str, nonce: str, payload: Any) -> bytes:
        """Return a flattened JWS; payload None is a POST-as-GET."""
        who = {"kid": self.url} if self.url else {"jwk": self.jwk}
        protected = b64url(dump({"alg": "ES256", "nonce": nonce, "url": url, **who}))
        body = "" if payload is None else b64url(dump(payload))
        r, s = decode_dss_signature(self.key.sign(f"{protected}.{body}".encode(), ES256))
        signature = b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return dump({"protected": protected, "payload": body, "signature": signature})


class Gate:
    """Lets many of one class in at a time, never two classes.

    Pebble (2.4.0 to 2.10.1) hangs for good when a newOrder, the reading of an
    authorization and any write overlap: each waits for a lock another holds.
    """

    def __init__(self) -> None:
        self._inside: str | None = None
        self._count = 0
        self._queue: deque[tuple[str, asyncio.Future[None]]] = deque()

    async def enter(self, visitor: str) -> None:
        """Wait until nobody of another class is inside or before us."""
        if self._count and (self._inside != visitor or self._queue):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append((visitor, turn))
            await turn
        else:
            self._inside = visitor
            self._count += 1

    def leave(self) -> None:
        """Go; the last one lets the next class in."""
        self._count -= 1
        if self._count == 0 and self._queue:
            self._inside = self._queue[0][0]
            while self._queue and self._queue[0][0] == self._inside:
                self._count += 1
                self._queue.popleft()[1].set_result(None)


class Patience:
    """Learns when to poll first: a little earlier after each hit, towards the observed time after a miss."""

    def __init__(self) -> None:
        self.seconds = 0.004

    def hit(self) -> None:
        """Note that the first poll came after the decision."""
        self.seconds = max(0.0005, self.seconds * 0.97)

    def miss(self, elapsed: float) -> None:
        """Note that it came too early, and when the decision was seen."""
        self.seconds = min(1.0, self.seconds + 0.2 * max(0.0, elapsed - self.seconds))


@attrs.define
class Session:
    """What all workers share: the directory, the nonces, the account and the counters.

    polls: ask for the authorization and the order even when an answer said that they are final.
    """

    url: str
    context: ssl.SSLContext | None = None
    gate: Gate | None = None
    timeout: float = 30.0
    polls: bool = False
    account: Account = attrs.field(factory=Account)
    directory: dict[str, Any] = attrs.field(factory=dict)
    nonces: deque[str] = attrs.field(factory=deque)
    requests: Counter[str] = attrs.field(factory=Counter)
    counts: Counter[str] = attrs.field(factory=Counter)
    patience: dict[str, Patience] = attrs.field(factory=lambda: {"authorization": Patience(), "order": Patience()})

    def connect(self, url: str = "") -> Connection:
        """Return a connection to the server, or to where `url` points."""
        return Connection(url or self.url, self.context, self.timeout)

    async def register(self) -> None:
        """Read the directory and make the account."""
        connection = self.connect()
        self.directory = (await self.send(connection, "directory", "GET", self.url)).json()
        terms = {"termsOfServiceAgreed": True}
        reply = await self.post(connection, "newAccount", self.directory["newAccount"], terms)
        self.account.url = reply.headers["location"]
        connection.close()

    async def send(self, connection: Connection, what: str, method: str, url: str, body: bytes = b"") -> Reply:
        """Make one request, count it, and keep the nonce of its reply."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self.requests[what] += 1
        try:
            reply = await connection.request(method, target, body, "application/jose+json")
        except TimeoutError:
            raise Wedged(what) from None
        if nonce := reply.headers.get("replay-nonce"):
            self.nonces.append(nonce)
        return reply

    async def post(self, connection: Connection, what: str, url: str, payload: Any = None) -> Reply:
        """Make a signed request; through the gate if it is of a class that may wedge the server."""
        kind = {"newOrder": "write", "authorization": "read"}.get(what.removeprefix("poll "))
        if self.gate is None or kind is None:
            return await self._post(connection, what, url, payload)
        await self.gate.enter(kind)
        try:
            return await self._post(connection, what, url, payload)
        finally:
            self.gate.leave()

    async def _post(self, connection: Connection, what: str, url: str, payload: Any) -> Reply:
        for _ in range(12):
            if not self.nonces:
                await self.send(connection, "newNonce", "HEAD", self.directory["newNonce"])
            body = self.account.sign(url, self.nonces.popleft(), payload)
            reply = await self.send(connection, what, "POST", url, body)
            if reply.status < 300:
                return reply
            if b":badNonce" not in reply.body:
                break
            self.counts["badNonce"] += 1
        raise Refused(f"{what}: {reply.status} {reply.body[:500].decode('latin-1')}")


class Worker:
    """One connection, issuing one certificate after another."""

    def __init__(self, session: Session, challenge: str, management: str | None = None) -> None:
        self.session = session
        self.challenge = challenge
        self.connection = session.connect()
        self.management = session.connect(management) if management else None

    async def issue(self, name: str, csr: str) -> bytes:
        """Order, answer, finalize, download; return the PEM chain."""
        session, post = self.session, self._post
        new_order = {"identifiers": [{"type": "dns", "value": name}]}
        reply = await post("newOrder", session.directory["newOrder"], new_order)
        order, order_url = reply.json(), reply.headers["location"]
        for url in order["authorizations"]:
            await self._authorize(name, url)
        order = (await post("finalize", order["finalize"], {"csr": csr})).json()
        if session.polls or order["status"] != "valid":
            order = await self._poll("order", order_url)
        return (await post("certificate", order["certificate"])).body

    async def _authorize(self, name: str, url: str) -> None:
        authorization = (await self._post("authorization", url)).json()
        if authorization["status"] == "valid":
            self.session.counts["authorizations valid already"] += 1
            return
        challenge = next(item for item in authorization["challenges"] if item["type"] == self.challenge)
        host = f"_acme-challenge.{name}."
        if self.management:
            key = f"{challenge['token']}.{self.session.account.thumbprint}"
            await self._manage("/set-txt", {"host": host, "value": b64url(hashlib.sha256(key.encode()).digest())})
        reply = await self._post("challenge", challenge["url"], {})
        if self.session.polls or reply.json()["status"] != "valid":
            await self._poll("authorization", url)
        if self.management:
            await self._manage("/clear-txt", {"host": host})

    async def _poll(self, what: str, url: str) -> dict[str, Any]:
        patience, start = self.session.patience[what], time.perf_counter()
        delay, early = patience.seconds, 0
        while True:
            await asyncio.sleep(delay)
            document: dict[str, Any] = (await self._post(f"poll {what}", url)).json()
            if document["status"] not in ("pending", "ready", "processing"):
                break
            if time.perf_counter() - start > self.session.timeout:
                raise Refused(f"{what} is still {document['status']} after {self.session.timeout:.0f} s")
            early += 1
            delay = min(2.0, max(0.004, delay * (0.5 if early == 1 else 1.5)))
        patience.miss(time.perf_counter() - start) if early else patience.hit()
        if document["status"] != "valid":
            raise Refused(f"{what} is {document['status']}: {json.dumps(document)[:1000]}")
        return document

    async def _post(self, what: str, url: str, payload: Any = None) -> Reply:
        return await self.session.post(self.connection, what, url, payload)

    async def _manage(self, path: str, document: dict[str, str]) -> None:
        assert self.management
        reply = await self.management.request("POST", path, dump(document), "application/json")
        if reply.status != 200:
            raise Refused(f"management {path}: {reply.status} {reply.body[:200].decode('latin-1')}")

    def close(self) -> None:
        """Close the connections."""
        self.connection.close()
        if self.management:
            self.management.close()
