"""`kill -9` under load: what a client was told holds after the restart, and nothing is issued twice.

GRAVEL_KILLS says how often (default 3; `make kill` does it 25 times), GRAVEL_SEED when.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import ssl
from collections import Counter
from types import SimpleNamespace

import aiohttp
import attrs
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.encoding import b64url
from acme_server.protocol.jwk import jwk_of
from tests.acme_server.rig import csr, key
from tests.gravel.acme_on_wire import WireClient

KILLS = int(os.environ.get("GRAVEL_KILLS", "3"))
SEED = int(os.environ.get("GRAVEL_SEED", "1"))
WORKERS = 6
RANK = ("pending", "ready", "processing", "valid")


@attrs.define
class Ledger:
    """What the server acknowledged, by path: accounts by key, orders with the status last seen, chains, revocations."""

    accounts: dict[int, str] = attrs.field(factory=dict)
    orders: dict[str, tuple[int, str]] = attrs.field(factory=dict)
    chains: dict[str, tuple[int, bytes]] = attrs.field(factory=dict)
    revoked: list[str] = attrs.field(factory=list)


class Worker:
    """A client with a key of its own, which writes down each answer when it has it."""

    def __init__(self, session, base, number, ledger):
        self.base, self.number, self.ledger = base, number, ledger
        world = SimpleNamespace(base_url=base)
        management = SimpleNamespace(session=session, running=SimpleNamespace(parts=SimpleNamespace(world=world)))
        self.wire = WireClient(management, private_key=key(number))
        if number in ledger.accounts:
            self.wire.signer.kid = base + ledger.accounts[number]

    def path(self, url):
        return url.removeprefix(self.base)

    async def register(self):
        await self.wire.register()
        self.ledger.accounts[self.number] = self.path(self.wire.signer.kid)

    def saw(self, url, order):
        self.ledger.orders[self.path(url)] = self.number, order["status"]
        return order

    async def until(self, url, *statuses):
        while True:
            found = await self.wire.get(url)
            if found["status"] in statuses:
                return found
            await asyncio.sleep(0.002)

    async def issue(self, name, *, revoke):
        url, order = await self.wire.order(name)
        self.saw(url, order)
        authorization = await self.wire.get(order["authorizations"][0])
        challenge = next(item for item in authorization["challenges"] if item["type"] == "http-01")
        await self.wire.post(challenge["url"], {})
        self.saw(url, await self.until(url, "ready"))
        _, _, body = await self.wire.post(order["finalize"], {"csr": b64url(csr([name]))})
        self.saw(url, json.loads(body))
        order = self.saw(url, await self.until(url, "valid"))
        _, _, chain = await self.wire.post(order["certificate"])
        self.ledger.chains[self.path(order["certificate"])] = self.number, chain
        if revoke:
            leaf = x509.load_pem_x509_certificate(chain)
            certificate = {"certificate": b64url(leaf.public_bytes(Encoding.DER))}
            assert (await self.wire.post(f"{self.base}/revoke-cert", certificate))[0] == 200
            self.ledger.revoked.append(f"{leaf.serial_number:x}")

    async def work(self):
        """Go on until the server dies."""
        try:
            await self.register()
            for count in range(10_000):
                await self.issue(f"n{count}-{self.number}.test", revoke=count % 3 == 0)
        except (aiohttp.ClientError, ConnectionError):
            return


async def answering():
    """Answer http-01 for every token: the name says whose."""

    async def answer(request):
        number = int(request.host.partition(".")[0].partition("-")[2])
        thumbprint = jwk_of(key(number).public_key()).thumbprint
        return web.Response(text=f"{request.match_info['token']}.{thumbprint}")

    app = web.Application()
    app.router.add_get("/.well-known/acme-challenge/{token}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


def session_of(ready):
    trust = ssl.create_default_context(cafile=ready["tls_ca"])
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust, limit=0))


async def check(ready, ledger):
    """Compare what the server says now with all that it ever acknowledged."""
    async with session_of(ready) as session:
        base = ready["directory"].removesuffix("/dir")
        workers = {number: Worker(session, base, number, ledger) for number in ledger.accounts}
        for number, path in ledger.accounts.items():
            assert (await workers[number].wire.get(base + path))["status"] == "valid"
        for path, (number, seen) in ledger.orders.items():
            # What was under way is finished by itself.
            now = await workers[number].until(base + path, "pending", "ready", "valid", "invalid")
            assert now["status"] != "invalid", now
            assert RANK.index(now["status"]) >= RANK.index(seen), (path, seen, now)
        for path, (number, chain) in ledger.chains.items():
            assert chain == (await workers[number].wire.post(base + path))[2]
        async with session.get(f"{ready['management']}/journal") as answer:
            entries = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    for kind, name in (
        ("CertificateIssued", "order"),
        ("OrderCreated", "order"),
        ("CertificateRevoked", "certificate"),
    ):
        times = Counter(entry["subject"][name] for entry in entries if entry["kind"] == kind)
        assert times
        assert set(times.values()) == {1}, kind
    issued = {entry["data"]["serial"]: entry for entry in entries if entry["kind"] == "CertificateIssued"}
    assert len(issued) == sum(entry["kind"] == "CertificateIssued" for entry in entries)
    revoked = {entry["subject"]["certificate"] for entry in entries if entry["kind"] == "CertificateRevoked"}
    assert all(issued[serial]["subject"]["certificate"] in revoked for serial in ledger.revoked)


@pytest.mark.timeout(60 + 20 * KILLS)
async def test_nothing_acknowledged_is_lost_and_nothing_issued_twice(launch, tmp_path):
    moments, ledger = random.Random(SEED), Ledger()
    responder = await answering()
    port = responder.addresses[0][1]
    arguments = ("--state", str(tmp_path / "state"), "--http01-port", str(port), "--seed", str(SEED))
    for life in range(KILLS):
        server = await asyncio.to_thread(launch, "serve", *arguments)
        async with session_of(server.ready) as session:
            base = server.ready["directory"].removesuffix("/dir")
            numbers = range(WORKERS * life, WORKERS * (life + 1))
            load = asyncio.gather(*(Worker(session, base, number, ledger).work() for number in numbers))
            await asyncio.sleep(moments.uniform(0.2, 1.0))
            server.process.send_signal(signal.SIGKILL)
            await load
        await asyncio.to_thread(server.end)
    assert len(ledger.chains) > KILLS
    server = await asyncio.to_thread(launch, "serve", *arguments)
    await check(server.ready, ledger)
    await responder.cleanup()
