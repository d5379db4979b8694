"""The log of a whole run: one id finds a story, and no secret is in it."""

from __future__ import annotations

import base64
import json
import re
import ssl

import aiohttp
import pytest

from gravel.commands.apply import apply_and_follow, read_manifests
from gravel.kube_client import KubeClient
from gravel.logs import writing
from gravel.running import Running
from issuer_bridge.resources import SECRET
from tests.gravel.acme_on_wire import WireClient
from tests.gravel.conftest import Management
from tests.issuer_bridge.gloo.gloo_resources import shows

MAC_KEY = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
MANAGEMENT_TOKEN, KUBERNETES_TOKEN = "management-token-0123456789", "kubernetes-token-0123456789"
MANIFESTS = f"""
apiVersion: v1
kind: Secret
metadata: {{name: external, namespace: cert-manager}}
stringData: {{key: {MAC_KEY}}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {{name: gravel}}
spec:
  acme:
    server: gravel://default
    privateKeySecretRef: {{name: account}}
    externalAccountBinding: {{keyID: kid-1, keySecretRef: {{name: external, key: key}}}}
    solvers: [{{http01: {{ingress: {{}}}}}}]
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: shop, namespace: default}}
spec: {{secretName: shop, dnsNames: [shop.test, www.shop.test], issuerRef: {{name: gravel, kind: ClusterIssuer}}}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {{name: mail, namespace: default}}
spec: {{secretName: mail, dnsNames: [mail.test], issuerRef: {{name: gravel, kind: ClusterIssuer}}}}
"""
# A Certificate's way through the houses, each once at least.
STEPS = [
    "IssuanceTriggered", "RequestCreated", "RequestApproved", "OrderCreated", "OrderPlaced", "ChallengeCreated",
    "ChallengeQueued", "ChallengePresented", "ChallengeResponded", "ChallengeValidated", "AuthorizationValidated",
    "ChallengeDecided", "OrderReady", "OrderFinalized", "CertificateIssued", "CertificateFetched", "RequestIssued",
    "SecretWritten",
]  # fmt: skip


async def run(settings, tmp_path):
    """Have two Certificates issued and one validation fail; return what must be secret: keys in PEM, and texts."""
    path = tmp_path / "all.yaml"
    path.write_text(MANIFESTS)
    async with Running(settings, bridge=True) as running:
        addresses = running.addresses
        async with KubeClient(addresses.kubernetes, KUBERNETES_TOKEN, addresses.tls_ca) as client:
            assert await apply_and_follow(client, read_manifests((str(path),)), 60.0, json=True) == 0
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=addresses.tls_ca))
        headers = {"Authorization": f"Bearer {MANAGEMENT_TOKEN}"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
            management = Management(running, session)
            client = WireClient(management)
            await client.register()
            _, order = await client.order("bad.test")
            authorization = await client.get(order["authorizations"][0])
            [challenge] = [each for each in authorization["challenges"] if each["type"] == "http-01"]
            await client.post(challenge["url"], {})
            await management.ask("/clock", advance=0)
            await client.post(challenge["url"] + "?token=x", {"jws": "x"})
            orders = json.loads((await management.get("/orders"))[1])["orders"]
            keys = [(await management.get(f"/{name}/0"))[1].encode() for name in ("root-keys", "intermediate-keys")]
        secrets = running.resources.list(SECRET)
    tokens = [each["token"] for order in orders for one in order["authorizations"] for each in one["challenges"]]
    values = [base64.b64decode(value) for secret in secrets for value in secret.get("data", {}).values()]
    keys += [value for value in values if b"PRIVATE KEY" in value]
    assert (len(keys), len(tokens)) == (5, 12)
    return keys, [MAC_KEY, MANAGEMENT_TOKEN, KUBERNETES_TOKEN, client.signer.thumbprint, *tokens]


@pytest.fixture
def settings(free_settings):
    return lambda form: free_settings(
        http01_port=0,
        log_format=form,
        eab=(("kid-1", base64.urlsafe_b64decode(MAC_KEY)),),
        management_token=MANAGEMENT_TOKEN,
        kubernetes_token=KUBERNETES_TOKEN,
    )


@pytest.mark.seed("B59")
async def test_the_name_of_a_request_finds_its_whole_story_and_nothing_else(settings, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(writing, "PATIENCE", 60.0)  # a busy machine takes its time
    await run(settings("json"), tmp_path)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["seq"] for line in lines if "seq" in line] == list(range(1, len(lines) + 1))
    for request, names in (("default/shop-1", 2), ("default/mail-1", 1)):
        found = [line["event"] for line in lines if line.get("request") == request]
        assert sorted(STEPS, key=found.index) == STEPS
        once_a_name = [
            found.count(kind) for kind in ("ChallengeCreated", "ChallengeResponded", "AuthorizationValidated")
        ]
        assert once_a_name == [names] * 3
        [order] = {line["order"] for line in lines if line.get("request") == request and "order" in line}
        assert {line.get("request") for line in lines if line.get("order") == order} == {request}
    [failed] = [line for line in lines if line["event"] == "ChallengeFailed"]
    assert ("request" in failed, failed["level"], failed["order"].split("/")[-2]) == (False, "warning", "order")


@pytest.mark.parametrize("form", ["text", "json"])
async def test_no_line_holds_a_key_a_token_or_a_signed_message(settings, form, tmp_path, capsys):
    keys, texts = await run(settings(form), tmp_path)
    log = capsys.readouterr().err
    assert [text for text in texts if text in log] == []
    assert [key for key in keys if shows(log, key)] == []
    assert re.search(r"eyJ|PRIVATE KEY|\"protected\"", log) is None
    assert "/.well-known/acme-challenge/(hidden)" in log
