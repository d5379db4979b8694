"""`gravel wait`: what is ready, what has failed, and what is waited for; against a real API."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from gravel.waiting import State, state_of
from issuer_bridge.cert_manager.local_signing import sign, template_of
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, CONFIG_MAP, SECRET
from tests.embedded_api import new_store, serving
from tests.gravel.test_client_verbs import FAILED, ISSUED, PENDING, House
from tests.issuer_bridge.bridge_resources import csr_of, key_of
from tests.issuer_bridge.cluster.cluster_rig import kubeconfig
from tests.issuer_bridge.local_rig import pem_key, tls_secret

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = "2226-01-01T00:00:00Z"


def pair(duration="1753152h", key=None):
    """A Secret with a certificate of 200 years from the beginning of 2026, unless told otherwise."""
    template = template_of({"request": csr_of("a.test"), "duration": duration}, {})
    leaf = sign(template, None, key_of("a.test"), bytes(range(20)), BEGIN).public_bytes(Encoding.PEM)
    return tls_secret("api-tls", tls_crt=leaf, tls_key=pem_key(key or key_of("a.test")))


def ready(status="True", reason="x", type_="Ready", **fields):
    condition = {"type": type_, "status": status, "reason": reason, "message": "said why"}
    return {"status": {"conditions": [condition], **fields}}


@pytest.mark.seed("B45")
@pytest.mark.parametrize(
    ("kind", "resource", "state"),
    [
        (SECRET, None, State("is not there")),
        (SECRET, tls_secret("x"), State("has no key and certificate yet: ")),
        (SECRET, pair("3h"), State("is ready, until 2026-01-01T03:00:00Z", ready=True)),
        (SECRET, pair("1h59m"), State("has a certificate only until 2026-01-01T01:59:00Z")),
        (SECRET, pair(key=key_of("b")), State("has a key that is not its certificate's")),
        (CERTIFICATE, {}, State("is not ready")),
        (CERTIFICATE, ready("False"), State("is not ready: said why")),
        (CERTIFICATE, ready(), State("is ready", ready=True)),
        (
            CERTIFICATE,
            ready(notAfter="2026-01-01T03:00:00Z"),
            State("is ready, until 2026-01-01T03:00:00Z", ready=True),
        ),
        (
            CERTIFICATE,
            ready(notAfter="2026-01-01T01:00:00Z"),
            State("has a certificate only until 2026-01-01T01:00:00Z"),
        ),
        (CERTIFICATE_REQUEST, ready(), State("is ready", ready=True)),
        (CERTIFICATE_REQUEST, ready("False", "Failed"), State("has ended: said why", failed=True)),
        (CERTIFICATE_REQUEST, ready(type_="Denied"), State("has ended: said why", failed=True)),
        (CONFIG_MAP, {}, State("is ready", ready=True)),
    ],
)
def test_an_object_is_ready_or_failed_or_says_what_it_lacks(kind, resource, state):
    found = state_of(kind, resource, timedelta(hours=2), BEGIN)
    assert (found.ready, found.failed) == (state.ready, state.failed)
    assert found.text.startswith(state.text)


async def test_a_secret_that_comes_ends_the_wait():
    store = new_store()
    async with serving(store) as url:
        waiting = asyncio.create_task(
            House(store, url).run("wait", "secret/api-tls", "--poll", "0.05", "--valid-for", "1h")
        )
        await asyncio.sleep(0)
        store.insert(SECRET, pair())
        code, out, _ = await waiting
    assert (code, out.splitlines()[-1]) == (0, f"secret/api-tls is ready, until {END}")


async def test_a_request_that_fails_ends_the_wait_for_all():
    store = new_store()
    async with serving(store) as url:
        house = House(store, url)
        house.request("bad", FAILED)
        house.request("good", ISSUED)
        house.request("slow", PENDING)
        code, out, _ = await house.run("wait", "cr/good", "cr/bad", "cr/slow", "--json")
    told = {line["resource"]: (line["ready"], line["failed"]) for line in map(json.loads, out.splitlines())}
    assert code == 1
    assert told["certificaterequest.cert-manager.io/bad"] == (False, True)


async def test_the_time_may_be_up_and_an_api_that_is_not_there_is_waited_for():
    store = new_store()
    code, out, complaint = await House(store, "http://127.0.0.1:1").run("wait", "secret/x", "--timeout", "0.3")
    assert (code, complaint) == (1, "gave up after 0.3 s\n")
    assert "cannot be read: nothing answers at" in out


async def test_it_reads_a_cluster_too(tmp_path):
    store = new_store()
    store.insert(SECRET, pair())
    async with serving(store) as url:
        path = kubeconfig(tmp_path, url)
        code, out, _ = await House(store, "http://127.0.0.1:1").run("wait", "secret/api-tls", "--kubeconfig", path)
        assert (code, out) == (0, f"secret/api-tls is ready, until {END}\n")
        gone = await House(store, url).run("wait", "secret/no", "--kubeconfig", path, "--timeout", "0.3")
    assert gone == (1, "secret/no is not there\n", "gave up after 0.3 s\n")


@pytest.mark.parametrize(
    ("argument", "text"),
    [("secret", "'secret' is not KIND/NAME"), ("secert/x", "did you mean secrets?"), ("secret/", "is not KIND/NAME")],
)
async def test_what_names_no_object_is_refused(argument, text):
    code, _, complaint = await House(new_store(), "http://127.0.0.1:1").run("wait", argument)
    assert (code, text in complaint) == (2, True)
