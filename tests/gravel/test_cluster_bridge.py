"""`gravel up --kubeconfig`: the API of one process is the cluster on which the bridges of others work."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.request

import pytest
import yaml

from tests.gravel.conftest import ANY_PORT, GRAVEL
from tests.gravel.metrics.samples import read
from tests.issuer_bridge.bridge_resources import csr_of

QUICK = tuple(f"--leader-election-{name}" for name in ("lease-duration=2", "renew-deadline=1", "retry-period=0.2"))
ISSUER = {
    "apiVersion": "cert-manager.io/v1",
    "kind": "ClusterIssuer",
    "metadata": {"name": "gravel"},
    "spec": {
        "acme": {
            "server": "gravel://default",
            "privateKeySecretRef": {"name": "account"},
            "solvers": [{"http01": {}}],
        }
    },
}


def request_for(name):
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "request": csr_of(f"{name}.example.test"),
            "issuerRef": {"name": "gravel", "kind": "ClusterIssuer", "group": "cert-manager.io"},
        },
    }


class Cluster:
    """An API without controllers, and clients of it."""

    def __init__(self, launch, folder):
        self._launch = launch
        self.url = launch("up", "--no-controllers").ready["kubernetes"]
        self.kubeconfig = folder / "kubeconfig"
        named = {"context": {"cluster": "c", "user": "u"}, "cluster": {"server": self.url}, "user": {}}
        lists = {f"{key}s": [{"name": key[0], key: value}] for key, value in named.items()}
        config = {"apiVersion": "v1", "kind": "Config", "current-context": "c", **lists}
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def bridge(self, *options):
        return self._launch("up", "--kubeconfig", str(self.kubeconfig), *options)

    def ask(self, path, document=None):
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def apply(self, *names):
        for name in names:
            self.ask("/apis/cert-manager.io/v1/namespaces/default/certificaterequests", request_for(name))

    def follow(self, *names, patience=60):
        """Wait until requests are issued."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            items = self.ask("/apis/cert-manager.io/v1/certificaterequests")["items"]
            issued = [item["metadata"]["name"] for item in items if item.get("status", {}).get("certificate")]
            if all(name in issued for name in names):
                return
            time.sleep(0.05)
        raise AssertionError(f"{names} were not issued, only {issued}: {items}")

    def history(self, path):
        """Return the types of all events of a collection, from the beginning."""
        with urllib.request.urlopen(f"{self.url}{path}?watch=true&resourceVersion=1&timeoutSeconds=1") as answer:
            return [json.loads(line)["type"] for line in answer]

    def lease(self):
        return self.ask("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/gravel-controller")["spec"]


@pytest.fixture
def cluster(launch, tmp_path):
    return Cluster(launch, tmp_path)


def test_a_request_applied_to_a_cluster_is_issued_by_the_bridge_that_runs_elsewhere(cluster):
    bridge = cluster.bridge()
    assert bridge.ready["kubernetes"] == cluster.url
    cluster.ask("/apis/cert-manager.io/v1/clusterissuers", ISSUER)
    cluster.apply("www", "api")
    cluster.follow("www", "api")
    orders = cluster.ask("/apis/acme.cert-manager.io/v1/orders")["items"]
    assert [order["status"]["state"] for order in orders] == ["valid", "valid"]
    assert bridge.stop() == (0, "")
    assert cluster.lease()["holderIdentity"] == ""


def test_its_metrics_are_of_the_cluster(cluster):
    bridge = cluster.bridge("--metrics-port", "0")
    cluster.ask("/apis/cert-manager.io/v1/clusterissuers", ISSUER)
    cluster.apply("www")
    cluster.follow("www")
    with urllib.request.urlopen(bridge.ready["metrics"]) as answer:
        samples = read(answer.read().decode())
    assert samples['certmanager_clusterissuer_ready_status{condition="True",name="gravel"}'] == 1
    assert samples['certmanager_controller_sync_call_count{controller="orders"}'] > 0
    assert samples['gravel_challenges_decided_total{state="valid",type="HTTP-01"}'] == 1


def test_when_the_bridge_at_work_is_killed_the_one_that_waited_goes_on(cluster):
    cluster.ask("/apis/cert-manager.io/v1/clusterissuers", ISSUER)
    first = cluster.bridge(*QUICK)
    cluster.apply("www")
    cluster.follow("www")
    cluster.bridge(*QUICK)
    holder = cluster.lease()["holderIdentity"]
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    cluster.apply("api")
    cluster.follow("api")
    assert cluster.lease()["holderIdentity"] not in ("", holder)
    assert cluster.lease()["leaseTransitions"] == 1


def test_without_an_election_there_is_no_lease(cluster):
    cluster.ask("/apis/cert-manager.io/v1/clusterissuers", ISSUER)
    cluster.bridge("--no-leader-elect")
    cluster.apply("www")
    cluster.follow("www")
    assert cluster.ask("/apis/coordination.k8s.io/v1/leases")["items"] == []


def test_http01_is_presented_by_an_ingress_and_answered_from_the_challenge(cluster):
    issuer = json.loads(json.dumps(ISSUER))
    issuer["spec"]["acme"]["solvers"] = [{"http01": {"ingress": {"ingressClassName": "nginx"}}}]
    cluster.bridge("--http01-service", "gravel/responder:8080")
    cluster.ask("/apis/cert-manager.io/v1/clusterissuers", issuer)
    cluster.apply("www")
    cluster.follow("www")
    assert cluster.history("/apis/networking.k8s.io/v1/ingresses") == ["ADDED", "DELETED"]
    assert cluster.history("/api/v1/services") == ["ADDED", "DELETED"]
    assert cluster.history("/apis/acme.cert-manager.io/v1/challenges")[-1] == "DELETED"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--context", "nowhere"), "nowhere"),
        (("--apply", "-"), "use kubectl apply"),
        (("--no-controllers",), "use kubectl apply"),
        (("--in-cluster",), "--in-cluster without either"),
        (("--leader-election-renew-deadline", "20"), "must be shorter"),
        ((), "does not let us in: connection refused"),
    ],
)
def test_what_cannot_be_is_one_sentence(tmp_path, options, said):
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    lists = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
    kubeconfig.write_text(yaml.safe_dump({"current-context": "c", **lists}))
    command = [*GRAVEL, "up", *ANY_PORT, "--http01-port", "0", "--kubeconfig", str(kubeconfig), *options]
    ended = subprocess.run(command, check=False, input="", capture_output=True, text=True, timeout=60)
    assert ended.returncode in (1, 2)
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
