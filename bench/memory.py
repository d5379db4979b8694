"""Say what the server holds after many orders and nonces, and whether the last certificate costs what the first did.

In one process, without sockets: every order goes all the way to its certificate
and its chain; CPU is that of the server alone. Resident memory is the whole
process's, this client included, which keeps nothing.
"""

from __future__ import annotations

import gc
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.exchange import Reply, Request
from acme_server.runner import AsyncioDriver
from acme_server.server import Server
from acme_server.settings import Settings
from acme_server.sqlite_store import SqliteStore
from acme_server.world import create_world
from bench.acme_client import Account, b64url
from bench.process import sample

BASE = "https://127.0.0.1:14000"
JOSE = {"content-type": "application/jose+json"}


class Driver(AsyncioDriver):
    """Only its clock is asked for: always-valid leaves nothing to look at."""

    def __init__(self) -> None:
        super().__init__(lambda: datetime.now(UTC), None)


class Client:
    """Sends signed requests into a server, adds up its CPU seconds, and remembers the longest."""

    def __init__(self, server: Server) -> None:
        self.server, self.account, self.cpu, self.longest = server, Account(), 0.0, 0.0
        self.nonce = self.send("HEAD", f"{BASE}/nonce").headers_of["Replay-Nonce"]
        self.account.url = self.post(f"{BASE}/new-account", {"termsOfServiceAgreed": True}).headers_of["Location"]

    def send(self, method: str, url: str, body: bytes = b"") -> Any:
        """Return the reply."""
        request, start = Request(method, url.removeprefix(BASE), JOSE, body), time.process_time()
        reply = self.server.handle(request)
        spent = time.process_time() - start
        self.cpu += spent
        self.longest = max(self.longest, spent)
        return Answer(reply)

    def post(self, url: str, payload: Any = None) -> Any:
        """Return the reply to a signed request."""
        answer = self.send("POST", url, self.account.sign(url, self.nonce, payload))
        self.nonce = answer.headers_of["Replay-Nonce"]
        return answer

    def issue(self, name: str, csr: str) -> None:
        """Order, respond, finalize and fetch."""
        order = self.post(f"{BASE}/new-order", {"identifiers": [{"type": "dns", "value": name}]}).json
        challenge = self.post(order["authorizations"][0]).json["challenges"][0]
        self.post(challenge["url"], {})
        order = self.post(order["finalize"], {"csr": csr}).json
        assert order["status"] == "valid", order
        self.post(order["certificate"])


class Answer:
    """A reply with its headers in a dict."""

    def __init__(self, reply: Reply) -> None:
        self.headers_of, self._body = dict(reply.headers), reply.body

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self._body)


def make_csr(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=False)
    return b64url(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))


def resident_mb() -> float:
    gc.collect()
    return sample(os.getpid()).resident / 1024


@click.command(help=__doc__)
@click.option("--orders", default=100_000, show_default=True)
@click.option("--nonces", default=1_000_000, show_default=True)
@click.option("--state", type=click.Choice(("memory", "normal", "full")), default="memory", show_default=True)
def main(orders: int, nonces: int, state: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = None if state == "memory" else SqliteStore(Path(folder) / "state.db", sync=state)
        world = create_world(BASE, Settings(always_valid=True), os.urandom, datetime.now(UTC), store=store)
        client, key = Client(Server(world, Driver())), ec.generate_private_key(ec.SECP256R1())
        start = before = resident_mb()
        click.echo(f"{state}: {start:.0f} MB at the start")
        done, last = 0, client.cpu
        for mark in sorted({orders // 100, orders // 10, orders // 2, orders}):
            for number in range(done, mark):
                client.issue(name := f"n{number}.test", make_csr(key, name))
            now = resident_mb()
            each = (mark - done) or 1
            cpu, growth = 1000 * (client.cpu - last) / each, 1024 * (now - before) / each
            click.echo(
                f"{mark:>9} orders: {now:6.0f} MB, {growth:5.1f} KB and {cpu:5.2f} ms of CPU each since the last line"
            )
            done, last, before = mark, client.cpu, now
        click.echo(f"the longest request took {1000 * client.longest:.1f} ms of CPU")
        for _ in range(nonces):
            client.send("HEAD", f"{BASE}/nonce")
        click.echo(f"{nonces:>9} nonces: {resident_mb():6.0f} MB, {resident_mb() - before:+.1f} MB")
        if store:
            store.close()
            begun = time.process_time()
            SqliteStore(Path(folder) / "state.db").close()
            click.echo(f"opened again: {1000 * (time.process_time() - begun) / orders:.3f} s of CPU per 1,000 orders")


if __name__ == "__main__":
    main()
