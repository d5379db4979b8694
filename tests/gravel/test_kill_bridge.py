"""`kill -9` under the bridge: every request is issued in the end, with one Order and one certificate.

GRAVEL_KILLS says how often (default 3) and GRAVEL_REQUESTS under how many requests (default 20; `make kill-bridge`
does it 20 times under 1,000), GRAVEL_SEED when.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import signal
import ssl
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

from gravel.free_port import free_port
from gravel.kube_client import KubeClient
from issuer_bridge.conditions import READY, condition
from issuer_bridge.references import controller_of
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, ORDER
from tests.issuer_bridge.bridge_resources import csr_of, issuer

KILLS = int(os.environ.get("GRAVEL_KILLS", "3"))
REQUESTS = int(os.environ.get("GRAVEL_REQUESTS", "20"))
SEED = int(os.environ.get("GRAVEL_SEED", "1"))


def request(number):
    # Every second one over dns-01: see the issuer.
    name = f"n{number}.{('http', 'dns')[number % 2]}.test"
    spec = {"request": csr_of(name), "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"}}
    return {"metadata": {"name": f"n{number}", "namespace": "default"}, "spec": spec}


async def apply(kubernetes, **acme):
    """Apply the issuer and all requests; what was answered is kept."""
    applied = issuer(**acme)
    async with KubeClient(kubernetes) as client:
        await client.create(CLUSTER_ISSUER, {"metadata": {"name": "gravel"}, "spec": applied["spec"]})
        for first in range(0, REQUESTS, 50):
            batch = range(first, min(first + 50, REQUESTS))
            await asyncio.gather(*(client.create(CERTIFICATE_REQUEST, request(number)) for number in batch))


async def issued(kubernetes):
    """Wait until no request is on its way; return all of them, and all Orders."""
    async with KubeClient(kubernetes) as client:
        while True:
            requests = (await client.list(CERTIFICATE_REQUEST)).items
            reasons = Counter(condition(item, READY).get("reason", "") for item in requests)
            if not reasons.keys() - {"Issued", "Failed", "Denied"}:
                return requests, (await client.list(ORDER)).items
            await asyncio.sleep(0.2)


async def journal_of(ready):
    trust = ssl.create_default_context(cafile=ready["tls_ca"])
    async with aiohttp.ClientSession() as session, session.get(f"{ready['management']}/journal", ssl=trust) as answer:
        entries = [json.loads(line) for line in (await answer.text()).splitlines()]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    return entries


def once(journal, house, kind, name):
    """Return what the facts of a kind are about; no two are about the same."""
    about = [entry["subject"][name] for entry in journal if (entry["house"], entry["kind"]) == (house, kind)]
    assert sorted(set(about)) == sorted(about), kind
    return set(about)


def check(requests, orders, server, bridge):
    """Hold the resources against the journals of both houses."""
    said = {condition(item, READY)["message"] for item in requests}
    assert (said, len(requests)) == ({"Certificate fetched from issuer successfully"}, REQUESTS)
    names = sorted(item["metadata"]["name"] for item in requests)
    assert names == sorted(controller_of(order)["name"] for order in orders)
    placed = {order["status"]["url"].rpartition("/")[2] for order in orders}
    for kind in ("OrderFinalized", "CertificateIssued"):
        assert placed == once(server, "acme_server", kind, "order")
    leaves = [x509.load_pem_x509_certificate(base64.b64decode(item["status"]["certificate"])) for item in requests]
    serials = [entry["data"]["serial"] for entry in server if entry["kind"] == "CertificateIssued"]
    assert sorted(serials) == sorted(f"{leaf.serial_number:x}" for leaf in leaves)
    # A fact follows its write, so that a kill may come between; but nothing is told that is not so, or told twice.
    assert once(bridge, "issuer_bridge", "RequestIssued", "request") <= {f"default/{name}" for name in names}
    assert once(bridge, "issuer_bridge", "OrderCreated", "order") <= {
        f"default/{order['metadata']['name']}" for order in orders
    }


def kill(one):
    one.process.send_signal(signal.SIGKILL)
    one.end()


@pytest.mark.timeout(120 + 10 * KILLS + REQUESTS)
async def test_the_bridge_and_its_server_die_together(launch, tmp_path):
    moments = random.Random(SEED)
    arguments = ("--state", str(tmp_path / "state"), "--acme-port", str(free_port()), "--http01-port", str(free_port()))
    up = await asyncio.to_thread(launch, "up", *arguments)
    await apply(up.ready["kubernetes"])
    for _ in range(KILLS):
        await asyncio.sleep(moments.uniform(0.1, 1.5))
        await asyncio.to_thread(kill, up)
        up = await asyncio.to_thread(launch, "up", *arguments)
    requests, orders = await issued(up.ready["kubernetes"])
    journal = await journal_of(up.ready)
    check(requests, orders, journal, journal)


@pytest.mark.timeout(120 + 20 * KILLS + REQUESTS)
async def test_the_bridge_and_its_server_die_apart(launch, tmp_path):
    """The bridge's process has the responder and the DNS too: a CA that looks once would call a dead one invalid."""
    moments = random.Random(SEED)
    acme, http01, dns = (str(free_port()) for _ in range(3))
    places = {
        "serve": (
            "--state",
            str(tmp_path / "server"),
            "--acme-port",
            acme,
            "--http01-port",
            http01,
            "--validation-attempts",
            "50",
            "--dns",
            f"127.0.0.1:{dns}",
        ),
        "up": ("--state", str(tmp_path / "bridge"), "--http01-port", http01, "--dns-port", dns),
    }
    running = {verb: await asyncio.to_thread(launch, verb, *arguments) for verb, arguments in places.items()}
    server = running["serve"].ready
    bundle = base64.b64encode(await asyncio.to_thread(Path(server["tls_ca"]).read_bytes)).decode()
    await apply(running["up"].ready["kubernetes"], server=server["directory"], caBundle=bundle)
    for verb in moments.sample(["serve", "up"] * KILLS, 2 * KILLS):
        await asyncio.sleep(moments.uniform(0.1, 1.5))
        await asyncio.to_thread(kill, running[verb])
        running[verb] = await asyncio.to_thread(launch, verb, *places[verb])
    requests, orders = await issued(running["up"].ready["kubernetes"])
    check(requests, orders, await journal_of(running["serve"].ready), await journal_of(running["up"].ready))
