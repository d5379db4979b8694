"""The chart on the embedded Kubernetes API: applied by kubectl, and installed, upgraded and removed by helm."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.gravel.rendered_chart import CHART, PEBBLE, helm, rendered

pytestmark = pytest.mark.client("helm", "kubectl")

KUBECTL = str(Path(sys.executable).with_name("kubectl"))
# Not served there: what aggregates APIs, and volumes.
ELSEWHERE = ("APIService", "PersistentVolumeClaim")
# The embedded API has no OpenAPI 2 in protobuf, which helm would check with; kubectl checks with OpenAPI 3.
UNCHECKED = "--disable-openapi-validation"


@pytest.fixture
def cluster(launch, tmp_path):
    """The environment in which kubectl and helm find an embedded API."""
    server = launch("up", "--no-controllers").ready["kubernetes"]
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "gravel", "cluster": {"server": server}}],
        "contexts": [{"name": "gravel", "context": {"cluster": "gravel", "user": "admin"}}],
        "users": [{"name": "admin", "user": {}}],
        "current-context": "gravel",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    return {"KUBECONFIG": str(tmp_path / "kubeconfig"), "HOME": str(tmp_path)}


def kubectl(cluster, *words, stdin=None):
    done = subprocess.run([KUBECTL, *words], input=stdin, env=cluster, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def secrets(cluster):
    """What is secret of the release, by name."""
    found = json.loads(kubectl(cluster, "get", "secrets", "-A", "-l", "app.kubernetes.io/name=gravel", "-o", "json"))
    return {each["metadata"]["name"]: each["data"] for each in found["items"]}


@pytest.mark.parametrize(
    "options",
    [("--set", "clusterIssuer.enabled=true,bridge.enabled=true,webhook.enabled=true,state.enabled=true"), PEBBLE],
    ids=["all", "pebble"],
)
def test_kubectl_applies_what_is_rendered_dry_and_for_real(cluster, options):
    documents = [each for each in rendered(*options) if each["kind"] not in ELSEWHERE]
    text = yaml.safe_dump_all(documents)
    kubectl(cluster, "create", "namespace", "gravel")
    dry = kubectl(cluster, "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)
    assert dry.count("(server dry run)") == len(documents)
    assert kubectl(cluster, "apply", "-f", "-", stdin=text).count(" created") == len(documents)
    again = kubectl(cluster, "apply", "-f", "-", stdin=text).splitlines()
    # What a Secret was given as text is data once it is there.
    assert [line for line in again if not line.startswith("secret/") and not line.endswith(" unchanged")] == []


def test_an_upgrade_keeps_the_seed_and_the_ca_and_a_removal_leaves_nothing(cluster):
    place = ("gravel", "--namespace", "gravel")
    switched = ("--set", "clusterIssuer.enabled=true")
    done = helm("install", *place, str(CHART), "--create-namespace", *switched, UNCHECKED, environment=cluster)
    assert done.returncode == 0, done.stderr
    assert "kubectl wait clusterissuer/gravel --for condition=Ready" in done.stdout
    first = secrets(cluster)
    assert list(first) == ["gravel-tsig", "gravel", "gravel-tls-ca"]
    done = helm("upgrade", *place, str(CHART), *switched, "--set", "zone=example", UNCHECKED, environment=cluster)
    assert (done.returncode, "example:53 {" in done.stdout) == (0, True), done.stderr
    assert secrets(cluster) == first
    issuer = json.loads(kubectl(cluster, "get", "clusterissuer", "gravel", "-o", "json"))
    assert issuer["spec"]["acme"]["caBundle"] == first["gravel-tls-ca"]["tls.crt"]
    assert helm("uninstall", *place, environment=cluster).returncode == 0
    assert secrets(cluster) == {}
    assert kubectl(cluster, "get", "deployments", "-A", "-o", "name") == ""


def test_another_install_has_another_seed_and_another_ca(cluster):
    for name in ("one", "other"):
        done = helm(
            "install", name, str(CHART), "--namespace", name, "--create-namespace", UNCHECKED, environment=cluster
        )
        assert done.returncode == 0, done.stderr
    found = secrets(cluster)
    assert found["one"]["seed"] != found["other"]["seed"]
    assert found["one-tls-ca"]["tls.crt"] != found["other-tls-ca"]["tls.crt"]
