"""Chaos in a house that runs: `gravel chaos` says what breaks, the issuer and the metrics say it too, and all comes back."""

import asyncio
import ssl

import aiohttp
import pytest

from gravel import cli
from gravel.metrics.exposition import text_of
from gravel.running import Running
from issuer_bridge.conditions import READY, condition
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, EVENT, SECRET
from tests.gravel.conftest import Management
from tests.gravel.metrics import samples
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import certificate
from tests.issuer_bridge.local_rig import typed_issuer


@pytest.fixture
async def house(free_settings):
    """A house with a CA issuer, `mesh-ca`."""
    async with Running(free_settings(http01_port=0), bridge=True) as running:
        trust = ssl.create_default_context(cafile=running.addresses.tls_ca)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust)) as session:
            resources = running.resources
            resources.insert(CLUSTER_ISSUER, typed_issuer("bootstrap", {"selfSigned": {}}))
            resources.insert(CLUSTER_ISSUER, typed_issuer("mesh-ca", {"ca": {"secretName": "root"}}))
            add(resources, "root", "bootstrap", "cert-manager", secretName="root", isCA=True, commonName="root.test")
            yield Management(running, session)


def add(resources, name, issuer, namespace="default", **spec):
    reference = {"name": issuer, "kind": "ClusterIssuer"}
    metadata = {"name": name, "namespace": namespace}
    resources.insert(CERTIFICATE, {**certificate(name, issuerRef=reference, **spec), "metadata": metadata})


async def until(house, kind, namespace, name, reason):
    """Wait until a resource gives this reason for being Ready, or not."""
    while condition(house.running.resources.get(kind, namespace, name), READY).get("reason") != reason:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def chaos(house, *arguments):
    """Run `gravel chaos`."""
    arguments = ("chaos", *arguments, "--management", house.running.addresses.management)
    assert await asyncio.to_thread(cli.run, arguments) == 0


async def metrics(house):
    return samples.read(text_of(await house.running.metrics.of_all()).decode())


@pytest.mark.seed("B67")
async def test_a_signer_that_is_away_is_named_by_the_issuer_an_event_and_a_metric(house):
    resources = house.running.resources
    await until(house, CLUSTER_ISSUER, "", "mesh-ca", "KeyPairVerified")
    await chaos(house, "signer-unavailable", "--target", "mesh-ca")
    add(resources, "www", "mesh-ca")
    await until(house, CLUSTER_ISSUER, "", "mesh-ca", "SignerUnavailable")
    assert "SignerUnavailable" in [event["reason"] for event in resources.list(EVENT)]
    assert (await metrics(house))['gravel_chaos_faults_total{experiment="signer-unavailable",world="default"}'] > 0
    assert resources.get(SECRET, "default", "www-tls") is None
    await chaos(house, "--end")
    await house.ask("/clock", advance="10s")
    await until(house, CERTIFICATE, "default", "www", "Ready")


@pytest.mark.seed("B68")
async def test_a_secret_that_chaos_deletes_comes_back_and_is_counted(house):
    resources = house.running.resources
    add(resources, "www", "mesh-ca")
    await until(house, CERTIFICATE, "default", "www", "Ready")
    first = resources.get(SECRET, "default", "www-tls")
    await chaos(house, "deleted-secrets", "--target", "default/www-*", "--for", "10m")
    await house.ask("/clock", advance="11m")
    await until(house, CERTIFICATE, "default", "www", "Ready")
    assert first["data"] != resources.get(SECRET, "default", "www-tls")["data"]
    told = await metrics(house)
    assert told["gravel_secret_recreate_seconds_count"] == told['gravel_bridge_events_total{event="SecretDeleted"}'] > 0
