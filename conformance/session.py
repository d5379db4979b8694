"""One run against one server: its directory, fresh clients, and the ways to what a check is about.

Every way here (an account, an order, a certificate) ends in NotReachable when the
server does not let us go it: that is another check's failure, not this one's.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from conformance.answering import Answers
from conformance.client import JOSE, Client
from conformance.jws import Envelope, sign
from conformance.keys import Key, b64url, new_key, unb64url
from conformance.objects import AUTHORIZATION, CHALLENGE, ORDER, shaped
from conformance.options import Options
from conformance.raw import converse, head, patience
from conformance.verdict import Failed, Malformed, NotOffered, NotReachable
from conformance.wire import Reply, Wire

FIRST_PAUSE, LAST_PAUSE = 0.02, 1.0
# Seconds until what is polled has settled; a server that retries validations (section 8.2) may take longer.
PATIENCE = 20.0
# What becomes something else by itself.
OPEN = ("pending", "processing")


@attrs.frozen
class Placed:
    """An order as its newOrder reply had it."""

    url: str
    document: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The values of its identifiers."""
        return [identifier["value"] for identifier in self.document["identifiers"]]


@attrs.frozen
class Issued:
    """A certificate: who ordered it, its URL, its PEM chain as it was sent, and its own key."""

    client: Client
    order: Placed
    url: str
    chain: Reply
    key: Key

    @property
    def leaf(self) -> x509.Certificate:
        """The end-entity certificate, which comes first (section 7.4.2)."""
        try:
            return x509.load_pem_x509_certificate(self.chain.body)
        except ValueError as error:
            raise Failed("a certificate in PEM", f"{error}: {self.chain.body[:80]!r}") from None

    @property
    def names(self) -> list[str]:
        """The DNS names of the end-entity certificate, sorted; empty where it has none."""
        try:
            names = self.leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return []
        return sorted(str(name.value) for name in names)

    @property
    def der(self) -> bytes:
        """The end-entity certificate, as revokeCert wants it."""
        return self.leaf.public_bytes(Encoding.DER)


class Session:
    """What a check is given."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.wire = Wire(options.tls(), options.rate)
        self.answers = Answers(self.wire, options)
        self._deadline = time.monotonic() + options.time_limit

    def at_once(self, url: str, bodies: Sequence[bytes]) -> list[Reply]:
        """Post signed requests at the same time, each over a connection of its own."""

        def post(wire: Wire, body: bytes) -> Reply:
            with closing(wire):
                return wire.send("POST", url, {"Content-Type": JOSE}, body)

        wires = [Wire(self.options.tls()) for _ in bodies]
        with ThreadPoolExecutor(len(bodies)) as threads:
            replies = list(threads.map(post, wires, bodies))
        self.wire.log.extend(exchange for wire in wires for exchange in wire.log)
        return replies

    def raw(self, url: str, octets: bytes, **more: Any) -> list[Reply]:
        """Send octets as they are, over a connection of their own; more: as for raw.converse."""
        return converse(self.wire, self.options.tls(), url, octets, **more)

    @cached_property
    def patience(self) -> Mapping[str, float | None]:
        """Seconds that the server waited for each of the slow: all at the same time, for they take long."""
        url = self.url("newNonce")
        starts = {
            "silence": b"",
            "a head": head("POST", url).removesuffix(b"\r\n") + b"X-Slow: x",
            "a body": head("POST", url, f"Content-Type: {JOSE}", "Content-Length: 9000") + b"{",
        }
        return patience(self.options.tls(), url, starts)

    def close(self) -> None:
        """Hang up, and stop answering."""
        self.answers.close()
        self.wire.close()

    @property
    def late(self) -> bool:
        """Whether the run's time is over."""
        return time.monotonic() >= self._deadline

    @cached_property
    def directory(self) -> Mapping[str, Any]:
        """The directory (section 7.1.1)."""
        reply = self.wire.send("GET", self.options.directory, {})
        if reply.status != 200:
            raise NotReachable(f"GET {self.options.directory} answers {reply}")
        return reply.json()

    def url(self, member: str) -> str:
        """Return a URL of the directory."""
        if not isinstance(url := self.directory.get(member), str):
            raise NotOffered(f"the directory has no {member}")
        return url

    def meta(self, member: str) -> Any:
        """Return a member of the directory's meta, or None."""
        meta = self.directory.get("meta")
        return meta.get(member) if isinstance(meta, dict) else None

    def stranger(self, alg: str = "ES256") -> Client:
        """Return a client with a new key, which no account has."""
        return Client(self.wire, lambda: self.url("newNonce"), new_key(alg))

    def registration(self, client: Client, **members: Any) -> Mapping[str, Any]:
        """Return the payload of a newAccount that the server has every reason to accept."""
        payload = {"termsOfServiceAgreed": True, **members}
        if self.options.eab is not None:
            payload["externalAccountBinding"] = self.binding(client)
        elif self.meta("externalAccountRequired") is True:
            raise NotReachable("the server wants an external account; give one with --eab")
        return payload

    def binding(
        self,
        client: Client,
        header: Mapping[str, Any] | None = None,
        key: Mapping[str, str] | None = None,
        signer: Callable[[bytes], bytes] | None = None,
    ) -> Envelope:
        """Bind a client's key to the external account (section 7.3.4); header, key, signer: what is wrong with that."""
        if self.options.eab is None:
            raise NotReachable("no external account was given; give one with --eab")
        kid, secret = self.options.eab
        own = {"alg": "HS256", "kid": kid, "url": self.url("newAccount"), **(header or {})}
        mac = signer or (lambda data: hmac.digest(unb64url(secret), data, "sha256"))
        return sign(own, key or client.key.jwk, client.key, mac)

    def new_account(self, alg: str = "ES256", **members: Any) -> Client:
        """Return a client with an account of its own."""
        client = self.stranger(alg)
        reply = client.post(self.url("newAccount"), self.registration(client, **members))
        client.kid = self._reached(reply, 201, "newAccount").header("Location")
        return client

    @cached_property
    def account(self) -> Client:
        """The account that all checks share which leave it as it is."""
        return self.new_account()

    def name(self) -> str:
        """Return a DNS name that was never asked for."""
        return f"c{secrets.token_hex(6)}.{self.options.domain}"

    def tried(
        self, kind: str, show: Callable[[str, Mapping[str, Any], str], None], *names: str
    ) -> tuple[Placed, dict[str, Any]]:
        """Answer a challenge of a new order as `show(name, challenge, key authorization)` does it.

        Return the order, and the challenge as it then became.
        """
        client = self.account
        order = self.order(client, *names)
        _, authorization = self.authorization(client, order)
        challenge = self.answers.choose(authorization, kind)
        token = str(challenge.get("token"))
        show(str(authorization["identifier"].get("value")), challenge, f"{token}.{client.key.thumbprint}")
        self._reached(client.post(challenge["url"], {}), 200, "the response to a challenge")
        return order, self.settled(client, challenge["url"])

    def identifiers(self, *names: str) -> dict[str, Any]:
        """Return the payload of a newOrder."""
        return {"identifiers": [{"type": "dns", "value": name} for name in names or (self.name(),)]}

    def order(self, client: Client, *names: str) -> Placed:
        """Place an order, for a new name if none is given."""
        reply = client.post(self.url("newOrder"), self.identifiers(*names))
        document = shaped(self._reached(reply, 201, "newOrder").json(), ORDER, "7.1.3", "7.4")
        if not (url := reply.header("Location")) or not document["authorizations"]:
            raise Malformed(("7.4",), "a Location and authorizations in newOrder's reply", "none")
        return Placed(url, document)

    def authorization(self, client: Client, order: Placed) -> tuple[str, dict[str, Any]]:
        """Return an order's first authorization: its URL, and what it says."""
        url = order.document["authorizations"][0]
        return url, self.read_authorization(client, url)

    def read_authorization(self, client: Client, url: str) -> dict[str, Any]:
        """Return what an authorization says, with the members that it must have."""
        document = self._reached(client.read(url), 200, "the authorization").json()
        for challenge in shaped(document, AUTHORIZATION, "7.1.4", "7.5.1")["challenges"]:
            shaped(challenge, CHALLENGE, "7.1.4", "8")
        return document

    def authorize(self, client: Client, order: Placed) -> None:
        """Answer a challenge of each authorization, and wait until the order is ready."""
        for url in order.document["authorizations"]:
            authorization = self.read_authorization(client, url)
            if authorization["status"] == "pending":
                challenge = self.answers.choose(authorization)
                self.answers.answer(authorization["identifier"]["value"], challenge, client.key)
                self._reached(client.post(challenge["url"], {}), 200, "the challenge")
                self.until(client, url, "valid")
        self.until(client, order.url, "ready")

    def ready_order(self, client: Client, *names: str) -> Placed:
        """Return an order that waits for its CSR."""
        order = self.order(client, *names)
        self.authorize(client, order)
        return order

    def issue(self, client: Client, *names: str) -> Issued:
        """Return a new certificate."""
        order, key = self.ready_order(client, *names), new_key()
        reply = client.post(order.document["finalize"], {"csr": csr(key, *order.names)})
        self._reached(reply, 200, "finalize")
        url = self.until(client, order.url, "valid").get("certificate")
        if not isinstance(url, str):
            raise NotReachable("the valid order has no certificate")
        return Issued(client, order, url, self._reached(client.read(url), 200, "the certificate"), key)

    @cached_property
    def issued(self) -> Issued:
        """The certificate that all checks share which only look at it."""
        return self.issue(self.account)

    def settled(
        self, client: Client, url: str, *, left: Callable[[str], bool] = lambda status: status in OPEN
    ) -> dict[str, Any]:
        """Poll a resource until its status is one that is not to be left: by default, until it is decided."""
        pause, deadline = FIRST_PAUSE, time.monotonic() + PATIENCE
        while True:
            document = self._reached(client.read(url), 200, url).json()
            if not left(str(document.get("status"))):
                return document
            if self.late or time.monotonic() >= deadline:
                raise NotReachable(f"{url} is still {document.get('status')!r}")
            time.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)

    def until(self, client: Client, url: str, status: str) -> dict[str, Any]:
        """Poll a resource until it has a status; any other final one ends the way."""
        document = self.settled(client, url, left=lambda found: found in OPEN and found != status)
        if document["status"] != status:
            raise NotReachable(f"{url} became {document['status']!r}, not {status!r}: {document.get('error')}")
        return document

    def _reached(self, reply: Reply, status: int, what: str) -> Reply:
        if reply.status != status:
            why = (reply.problem or {}).get("detail")
            raise NotReachable(f"{what} answers {reply} where {status} was expected: {why}")
        return reply


def csr(key: Key, *names: str) -> str:
    """Return a CSR with names as SANs, base64url of its DER (section 7.4)."""
    sans = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(sans, critical=False)
    return b64url(builder.sign(key.private, hashes.SHA256()).public_bytes(Encoding.DER))
