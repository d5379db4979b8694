"""The issuer on the embedded Kubernetes API, with the CA of rest_ca.py behind it; time moves on request."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from aiohttp.test_utils import TestServer
from cryptography import x509

from gravel.issuer_bench import IssuerBench
from issuer import KINDS, check, sign
from rest_ca import RestCa

MANIFESTS = Path(__file__).parent / "manifests"
SECRET, ISSUER, _ = yaml.safe_load_all((MANIFESTS / "example.yaml").read_text())
CRDS = [yaml.safe_load((MANIFESTS / name).read_text()) for name in ("issuers.yaml", "clusterissuers.yaml")]
REFERENCE = {"group": "rest-ca.example.com", "kind": "RestCaIssuer", "name": "rest-ca"}


@pytest.fixture
def play(tmp_path):
    """Run a coroutine with a bench and a CA, whose token is that of the example."""

    async def within(scenario):
        token = tmp_path / "token"
        token.write_text(SECRET["stringData"]["token"])
        async with TestServer(RestCa(token).app()) as server, IssuerBench(KINDS, check, sign, CRDS) as bench:
            bench.put(SECRET)
            bench.put({**ISSUER, "spec": {**ISSUER["spec"], "url": str(server.make_url("")).rstrip("/")}})
            await scenario(bench, token)

    return lambda scenario: asyncio.run(within(scenario))


def test_a_request_is_signed(play):
    async def scenario(bench, token):
        bench.request("shop", REFERENCE, ["shop.example.test"], duration="1h")
        await bench.pass_(timedelta(seconds=1))
        assert bench.ready("shop")[:2] == ("True", "Issued")
        leaf = x509.load_pem_x509_certificate(bench.chain("shop"))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == ["shop.example.test"]
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(hours=1)

    play(scenario)


def test_a_rotated_token_mends_the_issuer_and_what_waits_for_it(play):
    async def scenario(bench, token):
        token.write_text("rotated")
        bench.request("shop", REFERENCE, ["shop.example.test"])
        await bench.pass_(timedelta(minutes=5))
        assert bench.ready("shop")[:2] == ("False", "Pending")
        bench.put({**SECRET, "stringData": {"token": "rotated"}})
        await bench.pass_(timedelta(seconds=1))
        assert bench.ready("shop")[:2] == ("True", "Issued")

    play(scenario)


def test_a_request_that_the_ca_refuses_fails_for_good(play):
    async def scenario(bench, token):
        bench.request("shop", REFERENCE, [])
        await bench.pass_(timedelta(seconds=1))
        assert bench.ready("shop")[:2] == ("False", "Failed")

    play(scenario)
