"""What the server's tests stand on: a signing client, a driver that waits to be run, a network in a dict."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.exchange import Reply, Request
from acme_server.protocol.encoding import b64url
from acme_server.protocol.jose import sign
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.key_authorization import KeyAuthorization, dns01_name, http01_url
from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Fetch, HttpAnswer, Resolve
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.world import create_world

BASE = "https://acme.test:14000"
START = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
JOSE = {"content-type": "application/jose+json"}
ERROR = "urn:ietf:params:acme:error:"


def key(number: int) -> ec.EllipticCurvePrivateKey:
    """A P-256 key that is the same in every run."""
    return ec.derive_private_key(1000 + number, ec.SECP256R1())


def csr(names, private_key=None, extensions=()) -> bytes:
    """A DER CSR with the names as SANs, and further extensions."""
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(sans, critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    private_key = private_key or key(900)
    return builder.sign(private_key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)


@attrs.define
class Driver:
    """Time stands still, and inquiries wait, until a test says otherwise."""

    moment: datetime = START
    http: dict[str, bytes] = attrs.field(factory=dict)
    txt: dict[str, list[str]] = attrs.field(factory=dict)
    waiting: list = attrs.field(factory=list)
    timers: list = attrs.field(factory=list)
    turns: Iterator[int] = attrs.field(factory=count)

    def now(self) -> datetime:
        return self.moment

    def pass_time(self, **units) -> None:
        until = self.moment + timedelta(**units)
        while self.timers and self.timers[0][0] <= until:
            self.moment, _, callback = heapq.heappop(self.timers)
            callback()
        self.moment = until

    def later(self, delay, callback):
        heapq.heappush(self.timers, (self.moment + delay, next(self.turns), callback))

    def spawn(self, inquiry: Generator, done, failed=None) -> None:
        self.waiting.append((inquiry, done, failed))

    def run(self) -> int:
        """Run what waits to its end; return how many inquiries there were."""
        waiting, self.waiting = self.waiting, []
        for inquiry, done, failed in waiting:
            try:
                question = next(inquiry)
                while True:
                    question = inquiry.send(self.answer(question))
            except StopIteration as stop:
                done(stop.value)
            except Exception as error:  # noqa: BLE001 - as a driver must
                failed(error)
        return len(waiting)

    def answer(self, question):
        if isinstance(question, Fetch):
            body = self.http.get(question.url)
            return HttpAnswer(404) if body is None else HttpAnswer(200, body=body, address=question.address)
        assert isinstance(question, Resolve)
        if question.rtype == "A":
            return DnsAnswer(records=(DnsRecord(question.name, "A", "127.0.0.1"),))
        values = self.txt.get(question.name, []) if question.rtype == "TXT" else []
        return DnsAnswer(records=tuple(DnsRecord(question.name, "TXT", value) for value in values))


def make_server(settings: Settings | None = None, seed: int = 1) -> Server:
    """A server whose every random choice follows from the seed."""
    entropy = random.Random(seed).randbytes
    return Server(create_world(BASE, settings or Settings(), entropy, START), Driver())


@attrs.frozen
class Response:
    """A reply as a client sees it."""

    reply: Reply

    @property
    def status(self) -> int:
        return self.reply.status

    @property
    def json(self):
        return json.loads(self.reply.body)

    @property
    def type(self) -> str:
        assert self.header("Content-Type") == "application/problem+json"
        return self.json["type"].removeprefix(ERROR)

    def header(self, name: str) -> str | None:
        values = self.headers(name)
        assert len(values) <= 1 or name == "Link", f"{name} is there {len(values)} times"
        return values[0] if values else None

    def headers(self, name: str) -> list[str]:
        return [value for key, value in self.reply.headers if key.lower() == name.lower()]

    @property
    def outcome(self):
        """Status and problem type, for tables."""
        return self.status, self.type


class Client:
    """An ACME client that can also be told to misbehave."""

    def __init__(self, server: Server, private_key=None) -> None:
        self.server = server
        self.base = server.world.base_url
        self.key = private_key or key(1)
        self.kid = None
        self.history: list[Request] = []

    @property
    def driver(self) -> Driver:
        return self.server._driver

    @property
    def thumbprint(self) -> str:
        return jwk_of(self.key.public_key()).thumbprint

    def send(self, request: Request) -> Response:
        return Response(self.server.handle(request))

    def get(self, path: str, method: str = "GET") -> Response:
        return self.send(Request(method, path))

    def nonce(self) -> str:
        return self.get("/nonce", "HEAD").header("Replay-Nonce")

    def header(self, url: str, **changes):
        """The protected header of a proper request, with changes; None takes a member away."""
        identity = {"kid": self.kid} if self.kid else {"jwk": dict(jwk_of(self.key.public_key()).members)}
        header = {"nonce": changes.pop("nonce", None) or self.nonce(), "url": url, **identity, **changes}
        return {name: value for name, value in header.items() if value is not None}

    def signed(self, url: str, payload, **changes) -> Request:
        """A signed POST; payload None is POST-as-GET, bytes go as they are."""
        text = payload if isinstance(payload, bytes) else b"" if payload is None else json.dumps(payload).encode()
        body = sign(self.key, self.header(url, **changes), text)
        return Request("POST", url.removeprefix(self.base), JOSE, json.dumps(body).encode())

    def post(self, url: str, payload=None, **changes) -> Response:
        request = self.signed(url, payload, **changes)
        self.history.append(request)
        return self.send(request)

    def register(self, **payload) -> Response:
        self.kid = None
        response = self.post(f"{self.base}/new-account", {"termsOfServiceAgreed": True, **payload})
        self.kid = response.header("Location")
        return response

    def order(self, *names: str, **payload) -> Response:
        identifiers = [{"type": "dns", "value": name} for name in names]
        return self.post(f"{self.base}/new-order", {"identifiers": identifiers, **payload})

    def authorizations(self, order: Response):
        return [self.post(url).json for url in order.json["authorizations"]]

    def show(self, authorization, kind: str) -> str:
        """Put a challenge's right answer on the network; return the challenge's URL."""
        challenge = next(item for item in authorization["challenges"] if item["type"] == kind)
        name = authorization["identifier"]["value"]
        answer = KeyAuthorization(challenge["token"], self.thumbprint)
        if kind == "http-01":
            self.driver.http[http01_url(name, challenge["token"])] = answer.http_body.encode()
        else:
            self.driver.txt.setdefault(dns01_name(name), []).append(answer.dns_value)
        return challenge["url"]

    def authorize(self, order: Response, kind: str = "dns-01") -> None:
        for authorization in self.authorizations(order):
            assert self.post(self.show(authorization, kind), {}).status == 200
        self.driver.run()

    def finalize(self, order: Response, names, private_key=None) -> Response:
        return self.post(order.json["finalize"], {"csr": b64url(csr(names, private_key))})

    def issue(self, *names: str, kind: str = "dns-01", private_key=None) -> Response:
        """Order, authorize, finalize; return the finalized order."""
        order = self.order(*names)
        self.authorize(order, kind)
        return self.finalize(order, names, private_key)

    def revoke(self, chain: bytes, **payload) -> Response:
        der = leaf_of(chain).public_bytes(Encoding.DER)
        return self.post(f"{self.base}/revoke-cert", {"certificate": b64url(der), **payload})


def registered(settings: Settings | None = None, seed: int = 1) -> Client:
    """A client with an account on a new server."""
    client = Client(make_server(settings, seed))
    client.register()
    return client


def leaf_of(chain: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificates(chain)[0]
