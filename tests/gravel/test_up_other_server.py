"""`gravel up` with an issuer of another server, over TLS: its roots come from the issuer, or are not asked for."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from bench.servers import gravel

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A server in a process of its own, for which every challenge is met."""
    with gravel(tmp_path_factory.mktemp("other"), always_valid=True) as running:
        yield running


def manifest(tmp_path, server, trust):
    lines = f"server: {server.directory}\n" + "".join(f"    {name}: {value}\n" for name, value in trust.items())
    issuer = (EXAMPLES / "10-clusterissuer.yaml").read_text().replace("server: gravel://default\n", lines)
    path = tmp_path / "other.yaml"
    path.write_text(issuer + "---\n" + (EXAMPLES / "20-http01.yaml").read_text())
    return str(path)


@pytest.mark.seed("B16")
@pytest.mark.parametrize("how", ["caBundle", "skipTLSVerify"])
def test_an_issuer_says_by_which_roots_its_server_is_known_or_that_any_will_do(launch, tmp_path, other, how):
    bundle = base64.b64encode(other.ca.read_bytes()).decode()
    trust = {"caBundle": bundle} if how == "caBundle" else {"skipTLSVerify": "true"}
    up = launch("up", "--apply", manifest(tmp_path, other, trust), "--once")
    code, said, output = up.finish()
    assert (code, said) == (0, "")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["request"] for line in lines if line["event"] == "issued"] == ["default/one-name"]


def test_a_server_that_nobody_vouches_for_is_not_spoken_to(launch, tmp_path, other):
    up = launch("up", "--apply", manifest(tmp_path, other, {}), "--once", "--timeout", "2")
    code, said, _ = up.finish()
    assert code == 1
    assert "default/one-name has no order" in said
