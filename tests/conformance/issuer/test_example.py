"""The checks against the example of the issuer library, a program of its own, with its CA beside it."""

import base64
import json
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import yaml

from conformance.issuer.kube import Kube
from conformance.issuer.options import IssuerRef, Options, Target
from conformance.issuer.table import CHECKS
from conformance.issuer.walk import Walk
from conformance.runner import run
from conformance.verdict import Outcome
from gravel.free_port import free_port
from tests.conformance.issuer.conftest import Api

EXAMPLE = Path(__file__).parents[3] / "examples/rest_ca_issuer"
GROUP = "rest-ca.example.com"
pytestmark = pytest.mark.skipif(not EXAMPLE.exists(), reason="the issuer library's example is not in this tree")


def start(stack, *command):
    """Start a program of the example, until the stack is closed."""
    process = subprocess.Popen([sys.executable, *command], cwd=EXAMPLE, stdout=subprocess.PIPE, text=True)
    stack.enter_context(process)
    stack.callback(process.terminate)
    return process


@pytest.mark.seed("B04", "E01", "E04", "L12", "L13")
def test_the_example_passes_every_check(tmp_path):
    port = free_port()
    (tmp_path / "token").write_text("open sesame")
    with ExitStack() as stack:
        target = Target(stack.enter_context(Api()))
        kube = Kube(target)
        stack.enter_context(closing(kube.wire))
        for name in ("issuers.yaml", "clusterissuers.yaml"):
            definition = yaml.safe_load((EXAMPLE / "manifests" / name).read_text())
            kube.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}}
        token = base64.b64encode(b"open sesame").decode()
        kube.create("/api/v1/namespaces/default/secrets", {**secret, "data": {"token": token}})
        start(stack, "rest_ca.py", str(port), str(tmp_path / "token"))
        at_work = start(stack, "issuer.py", "--server", target.server, "--health", "127.0.0.1:0", "--json")
        assert json.loads(at_work.stdout.readline())["kubernetes"] == target.server
        for name, at in {"ours": port, "unready": 1}.items():
            issuer = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "RestCaIssuer", "metadata": {"name": name}}
            spec = {"url": f"http://127.0.0.1:{at}", "authSecretName": "token"}
            kube.create(f"/apis/{GROUP}/v1alpha1/namespaces/default/restcaissuers", {**issuer, "spec": spec})
        reference = IssuerRef("RestCaIssuer", GROUP, "ours")
        with closing(Walk(Options(target=target, issuer=reference, unready="unready"))) as walk:
            verdicts = list(run(CHECKS, walk))
    found = {one.check.name: one.detail or one.actual for one in verdicts if one.outcome is not Outcome.PASS}
    assert found == dict.fromkeys(("a_ca_is_a_ca", "a_ca_ends_the_chain"), "no request has a ca")
