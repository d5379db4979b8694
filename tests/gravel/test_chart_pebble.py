"""In the place of `pebble` in cert-manager's end-to-end tests: the container of values-pebble.yaml, and what those tests do.

What differs from the cluster is where it listens, the port and the DNS that it validates at (the bridge's), and that it
has clients poll every second.
The cases are those of cert-manager's test/e2e/suite/issuers/acme and its conformance suite.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import urllib.request
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from bench.servers import GRAVEL, free_port, gravel_up
from tests.gravel.rendered_chart import PEBBLE, rendered

pytestmark = pytest.mark.client("helm")

CM = "/apis/cert-manager.io/v1"
HERE = "/namespaces/default"
PATIENCE = 60.0
READY = {"type": "Ready", "status": "True"}


@pytest.fixture(scope="module")
def documents():
    return {each["kind"]: each for each in rendered(*PEBBLE, name="pebble", namespace="pebble")}


@pytest.fixture(scope="module")
def container(documents):
    (container,) = documents["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


@pytest.fixture(scope="module")
def cluster(documents, container, tmp_path_factory):
    """The URL of an embedded API whose bridge works, and the directory of the server in Pebble's place."""
    folder, port = tmp_path_factory.mktemp("pebble"), free_port()
    with gravel_up(tmp_path_factory.mktemp("up")) as (ready, _):
        config = json.loads(documents["ConfigMap"]["data"]["config.json"])
        config["pebble"] |= {
            "listenAddress": f"127.0.0.1:{port}",
            "httpPort": int(ready["http01"].rpartition(":")[2]),
            "retryAfter": {"authz": 1, "order": 1},
        }
        (folder / "config.json").write_text(json.dumps(config))
        _, verb = container["command"]
        words = [word.replace("/config/", f"{folder}/") for word in container["args"]]
        variables = {each["name"]: each["value"] for each in container["env"]}
        variables["GRAVEL_BASE_URL"] = base = f"https://127.0.0.1:{port}"
        with subprocess.Popen(
            [GRAVEL, verb, *words, "-dnsserver", ready["dns"]],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                while f"ACME directory available at: {base}/dir" not in (line := process.stdout.readline()):
                    assert line, "it has ended"
                yield ready["kubernetes"], f"{base}/dir"
            finally:
                process.terminate()


@pytest.fixture
def api(cluster):
    """Ask the Kubernetes API: GET a path, POST to it, or PATCH it."""

    def ask(path, body=None, method="POST"):
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{cluster[0]}{path}", data, {"Content-Type": kind}, method=data and method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    return ask


@pytest.fixture
def until(cluster):
    """Watch a list until an object of it is as wanted, and return that."""

    def wait(path, wanted):
        with urllib.request.urlopen(f"{cluster[0]}{path}?watch=true", timeout=PATIENCE) as events:
            return next(found for line in events if wanted(found := json.loads(line)["object"]))

    return wait


@pytest.fixture
def issuer(cluster, api):
    """Make a ClusterIssuer for the server, trusted as those tests do."""

    def make(name, **acme):
        spec = {
            "server": cluster[1],
            "skipTLSVerify": True,
            "privateKeySecretRef": {"name": f"{name}-account"},
            "solvers": [{"http01": {"ingress": {}}}],
            **acme,
        }
        api(f"{CM}/clusterissuers", made("ClusterIssuer", name, acme=spec))
        return name

    return make


@pytest.fixture
def certificate(api):
    """Ask for a certificate."""

    def make(name, issuer, *dns_names, **more):
        reference = {"name": issuer, "kind": "ClusterIssuer"}
        spec = {"secretName": name, "dnsNames": list(dns_names), "issuerRef": reference, **more}
        api(f"{CM}{HERE}/certificates", made("Certificate", name, **spec))

    return make


@pytest.fixture
def issued(api, until):
    """Wait for a certificate that was asked for, and read it."""

    def wait(name):
        until(f"{CM}{HERE}/certificates", lambda found: is_called(found, name) and has(found, READY))
        secret = api(f"/api/v1{HERE}/secrets/{name}")
        return x509.load_pem_x509_certificate(base64.b64decode(secret["data"]["tls.crt"]))

    return wait


def made(kind, name, **spec):
    return {"apiVersion": "cert-manager.io/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def is_called(found, name):
    return found["metadata"]["name"] == name


def has(found, condition):
    """Whether its status has a condition, and has it of the object as it is now."""
    conditions = found.get("status", {}).get("conditions", ())
    new = {"observedGeneration": found["metadata"]["generation"]} if found["kind"] == "Certificate" else {}
    return any({**each, **condition, **new} == each for each in conditions)


def lifetime(leaf):
    return leaf.not_valid_after_utc - leaf.not_valid_before_utc


def names_of(leaf):
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_the_service_is_where_those_tests_look_for_pebble(documents, container):
    service, deployment = documents["Service"], documents["Deployment"]
    assert (service["metadata"]["name"], service["metadata"]["namespace"]) == ("pebble", "pebble")
    assert service["spec"]["ports"] == [{"name": "https", "port": 443, "targetPort": "acme"}]
    assert container["ports"] == [{"name": "acme", "containerPort": 14000}]
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert {"name": "GRAVEL_BASE_URL", "value": "https://pebble.pebble.svc.cluster.local"} in container["env"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/dir", "port": "acme", "scheme": "HTTPS"}
    assert sorted(documents) == ["ConfigMap", "Deployment", "Service"]


def test_an_account_is_registered_found_again_and_told_its_new_address(issuer, api, until):
    path = f"{CM}/clusterissuers"
    issuer("account", email="first@example.com")

    def registered(address):
        return lambda found: (
            is_called(found, "account")
            and has(found, READY)
            and found["status"].get("acme", {}).get("lastRegisteredEmail") == address
        )

    first = until(path, registered("first@example.com"))
    api(f"{path}/account/status", {"status": {"acme": {"uri": None}}}, "PATCH")
    api(f"{path}/account", {"spec": {"acme": {"email": "second@example.com"}}}, "PATCH")
    again = until(path, registered("second@example.com"))
    assert again["status"]["acme"]["uri"] == first["status"]["acme"]["uri"] != ""


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("RSA", rsa.RSAPublicKey), ("ECDSA", ec.EllipticCurvePublicKey), ("Ed25519", ed25519.Ed25519PublicKey)],
)
def test_every_kind_of_key_gets_its_certificate(issuer, certificate, issued, algorithm, kind):
    name = algorithm.lower()
    certificate(name, issuer(name), f"{name}.http01.example.com", privateKey={"algorithm": algorithm})
    leaf = issued(name)
    assert isinstance(leaf.public_key(), kind)
    assert names_of(leaf) == [f"{name}.http01.example.com"]


def test_an_external_account_is_bound_by_the_key_of_the_configuration(documents, issuer, api, certificate, issued):
    ((kid, key),) = json.loads(documents["ConfigMap"]["data"]["config.json"])["pebble"][
        "externalAccountMACKeys"
    ].items()
    secret = {"metadata": {"name": "external"}, "stringData": {"key": key}}
    api("/api/v1/namespaces/cert-manager/secrets", {"apiVersion": "v1", "kind": "Secret", **secret})
    binding = {"keyID": kid, "keySecretRef": {"name": "external", "key": "key"}}
    certificate("bound", issuer("bound", externalAccountBinding=binding), "bound.http01.example.com")
    assert (kid, names_of(issued("bound"))) == ("kid-1", ["bound.http01.example.com"])


def test_a_name_that_is_blocked_fails_and_another_name_in_its_place_does_not(issuer, certificate, issued, api, until):
    certificate("blocked", issuer("blocked"), "google.com")
    path = f"{CM}{HERE}/certificates"
    failed = until(path, lambda found: is_called(found, "blocked") and "lastFailureTime" in found.get("status", {}))
    assert not has(failed, READY)
    api(f"{path}/blocked", {"spec": {"dnsNames": ["fixed.http01.example.com"]}}, "PATCH")
    assert names_of(issued("blocked")) == ["fixed.http01.example.com"]


@pytest.mark.parametrize(("profile", "hours"), [("123h", 123), ("456h", 456)])
def test_a_profile_says_how_long_a_certificate_is_valid(issuer, certificate, issued, profile, hours):
    certificate(f"p{profile}", issuer(f"p{profile}", profile=profile), f"p{profile}.http01.example.com")
    assert abs(lifetime(issued(f"p{profile}")) - timedelta(hours=hours)) <= timedelta(seconds=1)


def test_a_profile_that_there_is_not_fails_the_request_and_is_named(issuer, certificate, until):
    certificate("unsupported", issuer("unsupported", profile="not-there"), "unsupported.http01.example.com")
    failed = until(
        f"{CM}{HERE}/certificaterequests",
        lambda found: (
            found["spec"]["issuerRef"]["name"] == "unsupported"
            and has(found, {"type": "Ready", "status": "False", "reason": "Failed"})
        ),
    )
    assert "not-there" in json.dumps(failed["status"]["conditions"])


def test_a_certificate_ends_when_the_order_says(issuer, certificate, issued):
    certificate("short", issuer("short", enableDurationFeature=True), "short.http01.example.com", duration="1h")
    assert abs(lifetime(issued("short")) - timedelta(hours=1)) <= timedelta(minutes=1)
