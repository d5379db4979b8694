"""An author's issuer on the embedded API, over HTTP: coroutines, leader election, rotated Secrets, health."""

import asyncio
import base64
from contextlib import asynccontextmanager
from datetime import timedelta

import aiohttp
import pytest

from acme_server.protocol.vantage import Pause
from gravel import issuer_metrics
from gravel.issuer import Bundle, IssuerFault
from gravel.issuer_service import IssuerService, call
from gravel.leading import Candidacy
from gravel.listening import Door
from issuer_bridge.cluster.connection import Connection, Where
from issuer_bridge.cluster.election import Terms
from issuer_bridge.issuer_lib.conduct import Options
from issuer_bridge.issuer_lib.consulting import Consult, author
from issuer_bridge.issuer_lib.forms import CERTIFICATE_REQUESTS
from issuer_bridge.resources import CERTIFICATE_REQUEST, ISSUER, LEASE, SECRET
from tests.embedded_api import new_store, serving
from tests.issuer_bridge.bridge_resources import APPROVED, csr_of
from tests.issuer_bridge.cluster.cluster_rig import until

ANYWHERE = Door("a test", "--health", "127.0.0.1", 0)
TERMS = Terms(timedelta(seconds=2), timedelta(seconds=1), timedelta(seconds=0.1))


class Signer:
    """Two functions of an author: the token of the Secret is what they sign with; `gate` holds `sign` up."""

    def __init__(self):
        self.tokens, self.running, self.most = [], 0, 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def check(self, issuer):
        self.token(issuer)

    async def sign(self, request, issuer):
        self.running += 1
        self.most = max(self.most, self.running)
        await self.gate.wait()
        self.running -= 1
        self.tokens.append(self.token(issuer))
        return Bundle(b"a chain by " + self.tokens[-1])

    def token(self, issuer):
        return issuer.secret(issuer.spec["ca"]["secretName"], "token")


@asynccontextmanager
async def service(url, signer, candidacy=None, **chosen):
    connection = Connection(Where(server=url))
    await connection.open()
    try:
        options = Options(field_owner="mine", **chosen)
        frame = author((ISSUER,), signer.check, signer.sign, options.call_timeout)
        async with IssuerService(connection, frame, options, (CERTIFICATE_REQUESTS,), candidacy, ANYWHERE) as running:
            yield running
    finally:
        await connection.close()


def put(store, kind, name, **parts):
    return store.insert(
        kind,
        {
            "apiVersion": kind.api_version,
            "kind": kind.kind,
            "metadata": {"name": name, "namespace": "default"},
            **parts,
        },
    )


def request(store, name):
    reference = {"group": "cert-manager.io", "kind": "Issuer", "name": "mine"}
    made = put(store, CERTIFICATE_REQUEST, name, spec={"request": csr_of("a.test"), "issuerRef": reference})
    approved = {**APPROVED, "lastTransitionTime": made["metadata"]["creationTimestamp"]}
    store.replace_status(CERTIFICATE_REQUEST, {**made, "status": {"conditions": [approved]}})


def rotate(store, token):
    secret = store.get(SECRET, "default", "credentials")
    store.replace(SECRET, {**secret, "data": {"token": base64.b64encode(token).decode()}})


def chain(store, name):
    certificate = store.get(CERTIFICATE_REQUEST, "default", name).get("status", {}).get("certificate")
    return certificate and base64.b64decode(certificate)


@pytest.fixture
def store():
    store = new_store()
    put(store, SECRET, "credentials", stringData={"token": "old"})
    put(store, ISSUER, "mine", spec={"ca": {"secretName": "credentials"}})
    return store


@pytest.mark.seed("L05")
async def test_a_request_is_signed_and_a_rotated_secret_is_used_without_a_restart(store):
    signer = Signer()
    async with serving(store) as url, service(url, signer):
        request(store, "one")
        await until(lambda: chain(store, "one") == b"a chain by old")
        rotate(store, b"new")
        request(store, "two")
        await until(lambda: chain(store, "two"))
    assert signer.tokens == [b"old", b"new"]


async def test_workers_sign_at_once(store):
    signer = Signer()
    signer.gate.clear()
    async with serving(store) as url, service(url, signer, workers=3):
        for name in ("one", "two", "three", "four"):
            request(store, name)
        await until(lambda: signer.running == 3)
        signer.gate.set()
        await until(lambda: chain(store, "four"))
    assert signer.most == 3


async def test_of_two_one_leads_and_the_other_takes_over(store):
    first, second, lease = Signer(), Signer(), Candidacy("default", "mine-controller", TERMS)
    async with serving(store) as url, service(url, second, lease) as standby:
        async with service(url, first, lease) as other:
            await until(lambda: standby.leads or other.leads)
            leader, follower = (first, second) if other.leads else (second, first)
            request(store, "one")
            await until(lambda: chain(store, "one"))
            assert (len(leader.tokens), len(follower.tokens)) == (1, 0)
        await until(lambda: standby.leads)
        request(store, "two")
        await until(lambda: chain(store, "two"))
        assert store.get(LEASE, "default", "mine-controller")["spec"]["leaseTransitions"] <= 1
    assert len(first.tokens) + len(second.tokens) == 2


async def test_health_and_metrics(store):
    async with (
        serving(store) as url,
        service(url, Signer()) as running,
        aiohttp.ClientSession(running.health) as client,
    ):
        await until(lambda: running.leads)
        request(store, "one")
        await until(
            lambda: (
                "certificate" in (running.resources.get(CERTIFICATE_REQUEST, "default", "one") or {}).get("status", {})
            )
        )
        for path in ("/healthz", "/readyz"):
            async with client.get(path) as answer:
                assert (answer.status, await answer.text()) == (200, "ok\n")
        async with client.get("/metrics") as answer:
            lines = (await answer.text()).splitlines()
    assert 'issuer_bridge_requests{issuer="default/mine",reason="Issued"} 1.0' in lines
    assert 'issuer_bridge_issuer_ready{issuer="default/mine",kind="Issuer"} 1.0' in lines
    assert 'issuer_bridge_sign_duration_seconds_count{issuer="default/mine",result="issued"} 1.0' in lines
    assert "issuer_bridge_leading 1.0" in lines


async def test_without_the_library_of_prometheus_there_are_no_metrics(store, monkeypatch):
    monkeypatch.setattr(issuer_metrics, "CollectorRegistry", None)
    async with (
        serving(store) as url,
        service(url, Signer()) as running,
        aiohttp.ClientSession(running.health) as client,
    ):
        request(store, "one")
        await until(lambda: chain(store, "one"))
        async with client.get("/metrics") as answer:
            assert (answer.status, "gravel[metrics]" in await answer.text()) == (501, True)


async def test_one_that_cannot_read_its_cluster_is_not_ready():
    async with service("http://127.0.0.1:1", Signer()) as running, aiohttp.ClientSession(running.health) as client:
        async with client.get("/readyz") as answer:
            assert (answer.status, await answer.text()) == (503, "the cluster is not listed yet\n")
        async with client.get("/healthz") as answer:
            assert answer.status == 200


async def test_a_call_that_takes_too_long_is_an_error_to_retry():
    said = await call(Consult("sign:one", timeout=timedelta(milliseconds=10), call=asyncio.Event().wait))
    assert str(said.raised) == "no answer within 0.01 s"


async def test_what_an_author_raises_is_an_answer():
    fault = IssuerFault("closed")

    async def raises():
        raise fault

    assert (await call(Consult("check:one", call=raises))).raised is fault


async def test_an_author_can_time_out_too():
    async def raises():
        raise TimeoutError("the CA is slow")

    assert str((await call(Consult("check:one", call=raises))).raised) == "the CA is slow"


async def test_nothing_else_is_asked():
    with pytest.raises(AssertionError):
        await call(Pause(timedelta(seconds=1)))
