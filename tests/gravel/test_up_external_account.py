"""`gravel up --eab-required`: its own issuer has an external account when the user applies a Secret with the key."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
KID, MAC_KEY = "kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"
REQUIRED = ("--eab", f"{KID}:{MAC_KEY}", "--eab-required")
SECRET = """
apiVersion: v1
kind: Secret
metadata: {{name: external-account, namespace: cert-manager}}
data: {{key: {}}}
---
"""
BINDING = """    externalAccountBinding:
      keyID: kid-1
      keySecretRef:
        name: external-account
        key: key
"""


def manifest(tmp_path, key):
    """The issuer of the examples with a binding, its Secret, and the request of the examples."""
    issuer = (EXAMPLES / "10-clusterissuer.yaml").read_text().replace("    solvers:\n", f"{BINDING}    solvers:\n")
    secret = SECRET.format(base64.b64encode(key.encode()).decode())
    path = tmp_path / "bound.yaml"
    path.write_text(secret + issuer + "---\n" + (EXAMPLES / "20-http01.yaml").read_text())
    return str(path)


@pytest.mark.parametrize("compat", ["none", "cert-manager"])
def test_an_issuer_with_its_external_account_issues(launch, tmp_path, compat):
    up = launch("up", *REQUIRED, "--compat", compat, "--apply", manifest(tmp_path, MAC_KEY), "--once")
    code, said, output = up.finish()
    assert (code, said) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["request"] for line in lines if line["event"] == "issued"] == ["default/one-name"]


def test_an_issuer_with_another_key_does_not(launch, tmp_path):
    up = launch("up", *REQUIRED, "--apply", manifest(tmp_path, MAC_KEY[::-1]), "--once", "--timeout", "3")
    code, said, _ = up.finish()
    assert code == 1
    assert "default/one-name" in said
