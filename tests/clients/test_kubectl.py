"""kubectl against `gravel up`, as people use it; see `make kubectl`."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.clients.kubectl_commands import COMMANDS, KUBECTL, ROOT, TIMEOUT, running_house, running_up
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.kube_api.widgets import NAME, definition, widget

pytestmark = pytest.mark.client("kubectl")

REQUEST = ROOT / "examples" / "20-http01.yaml"


@pytest.fixture(scope="module")
def kubernetes(tmp_path_factory):
    with running_house(tmp_path_factory.mktemp("up")) as url:
        yield url


@pytest.fixture
def kubectl(kubernetes, tmp_path):
    """Run it with a home and a configuration of its own; what it printed, both streams."""

    def run(*arguments, code=0, stdin=""):
        home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
        command = [KUBECTL, "--server", kubernetes, *arguments]
        done = subprocess.run(
            command, env=home, input=stdin, capture_output=True, text=True, timeout=TIMEOUT, check=False, cwd=tmp_path
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def issued(kubectl):
    """The name of a request whose certificate is there."""
    for file in (ROOT / "examples" / "10-clusterissuer.yaml", REQUEST):
        kubectl("apply", "-f", file)
    assert "condition met" in kubectl("wait", "--for=condition=Ready", "certificaterequest/one-name", "--timeout=30s")
    return "one-name"


def test_apply_waits_and_get_shows_the_columns_of_the_crds(kubectl, issued):
    heading, row = kubectl("get", "cr", issued).splitlines()
    assert heading.split() == ["NAME", "APPROVED", "DENIED", "READY", "ISSUER", "REQUESTER", "AGE"]
    assert row.split()[:4] == [issued, "True", "True", "gravel"]
    wide, row = kubectl("get", "cr", issued, "-o", "wide").splitlines()
    assert "STATUS" in wide
    assert "Certificate fetched from issuer successfully" in row
    assert "unchanged" in kubectl("apply", "-f", REQUEST)


def test_the_whole_object_is_there_in_yaml_json_and_by_path(kubectl, issued):
    document = json.loads(kubectl("get", "cr", issued, "-o", "json"))
    assert (document["kind"], document["metadata"]["name"]) == ("CertificateRequest", issued)
    assert "kind: CertificateRequest" in kubectl("get", "cr", issued, "-o", "yaml")
    path = '{.status.conditions[?(@.type=="Ready")].reason}'
    assert kubectl("get", "cr", issued, "-o", f"jsonpath={path}") == "Issued"


@pytest.mark.seed("B56")
def test_describe_tells_conditions_and_events(kubectl, issued):
    text = kubectl("describe", "cr", issued)
    assert "Reason:                Issued" in text
    assert "CertificateIssued" in text.partition("Events:")[2]
    assert "CertificateIssued" in kubectl("events", "--for", f"certificaterequest/{issued}")


STUCK = """\
apiVersion: v1
kind: Namespace
metadata: {name: production}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: api-gateway-tls, namespace: production}
spec:
  secretName: api-gateway-tls
  dnsNames: [api.payments.test]
  privateKey: {algorithm: ECDSA}
  issuerRef: {name: internal-pki, kind: Issuer}
"""
INTERNAL_PKI = """\
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: internal-pki, namespace: production}
spec: {selfSigned: {}}
"""


@pytest.mark.seed("B56")
def test_the_commands_of_the_document_lead_from_a_stuck_certificate_to_its_cause(kubectl):
    kubectl("apply", "-f", "-", stdin=STUCK)
    asked = ("certificaterequest/api-gateway-tls-1", "-n", "production", "--timeout=30s")
    kubectl("wait", "--for=jsonpath={.status.conditions[?(@.type=='Ready')].reason}=Pending", *asked)
    described = kubectl("describe", "certificate", "api-gateway-tls", "-n", "production")
    assert 'Created new CertificateRequest resource "api-gateway-tls-1"' in described.partition("Events:")[2]
    heading, row = kubectl("get", "certificaterequest", "-n", "production", "-o", "wide").splitlines()
    cause = 'Referenced "Issuer" not found: issuer.cert-manager.io "internal-pki" not found'
    assert row[heading.index("STATUS") :].startswith(cause)
    selector = "involvedObject.name=api-gateway-tls"
    events = kubectl("get", "events", "-n", "production", "--field-selector", selector)
    assert {line.split()[3] for line in events.splitlines()[1:]} == {"certificate/api-gateway-tls"}
    of_request = kubectl("describe", "certificaterequest", "api-gateway-tls-1", "-n", "production")
    assert cause in of_request.partition("Events:")[2]
    kubectl("apply", "-f", "-", stdin=INTERNAL_PKI)
    ready = ("--for=condition=Ready", "certificate/api-gateway-tls", "-n", "production", "--timeout=30s")
    assert "condition met" in kubectl("wait", *ready)


def test_a_category_lists_all_of_cert_managers_kinds(kubectl, issued):
    text = kubectl("get", "cert-manager", "--all-namespaces")
    for name in (f"certificaterequest.cert-manager.io/{issued}", "order.acme.cert-manager.io/", "challenge.acme."):
        assert name in text


def test_get_watches_one_name_and_no_other(kubectl, issued):
    kubectl("create", "configmap", "watched", "--from-literal=a=b")
    kubectl("create", "configmap", "other", "--from-literal=a=b")
    kubectl("label", "configmap", "watched", "x=y")
    text = kubectl(
        *("get", "configmap", "watched", "--watch", "--output-watch-events", "--request-timeout=2s", "--no-headers")
    )
    assert [line.split()[:3] for line in text.splitlines()] == [["ADDED", "watched", "1"]]
    kubectl("delete", "configmap", "watched", "other")
    assert 'configmaps "watched" not found' in kubectl("get", "configmap", "watched", code=1)


def test_labels_annotations_and_a_status_are_written(kubectl, issued):
    kubectl("label", "cr", issued, "a=b", "--overwrite")
    kubectl("annotate", "cr", issued, "x=y", "--overwrite")
    patch = '{"status":{"failureTime":"2026-01-01T00:00:00Z"}}'
    kubectl("patch", "cr", issued, "--subresource=status", "--type=merge", "-p", patch)
    document = json.loads(kubectl("get", "cr", "-l", "a=b", "-o", "json"))["items"][0]
    assert document["metadata"]["annotations"]["x"] == "y"
    assert document["status"]["failureTime"] == "2026-01-01T00:00:00Z"


def test_explain_knows_the_shapes(kubectl):
    text = kubectl("explain", "certificate.spec.privateKey.algorithm")
    assert "RSA ECDSA Ed25519" in " ".join(text.split())
    for kind in ("issuer", "challenge", "ingress", "secret", "role"):
        assert "FIELDS:" in kubectl("explain", kind)


def test_api_resources_names_all_kinds(kubectl):
    names = {line.split()[0] for line in kubectl("api-resources", "--no-headers").splitlines()}
    assert {
        "certificaterequests",
        "orders",
        "challenges",
        "secrets",
        "leases",
        "roles",
        "subjectaccessreviews",
    } <= names


def test_an_unknown_field_is_refused_with_its_name(kubectl):
    manifest = "apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: q}\nspec: {bogus: 1, selfSigned: {}}\n"
    assert 'unknown field "spec.bogus"' in kubectl("apply", "-f", "-", stdin=manifest, code=1)


def test_built_in_kinds_which_it_sends_as_protobuf_are_created(kubectl):
    kubectl("create", "secret", "generic", "s1", "--from-literal=a=b")
    kubectl("create", "serviceaccount", "sa1")
    kubectl("create", "role", "r1", "--verb=get,list", "--resource=secrets")
    kubectl("create", "rolebinding", "b1", "--role=r1", "--serviceaccount=default:sa1")
    assert kubectl("get", "secret", "s1", "-o", "jsonpath={.data.a}") == "Yg=="
    assert "Role/r1" in kubectl("get", "rolebinding", "b1")
    account = "--as=system:serviceaccount:default:sa1"
    assert kubectl("auth", "can-i", "list", "secrets", account) == "yes\n"
    assert "no" in kubectl("auth", "can-i", "delete", "secrets", account, code=1)
    assert "s1" in kubectl("get", "secrets", account)
    refused = kubectl("delete", "secret", "s1", account, code=1)
    assert 'User "system:serviceaccount:default:sa1" cannot delete resource "secrets"' in refused
    kubectl("delete", "secret/s1", "serviceaccount/sa1", "role/r1", "rolebinding/b1")


def test_it_learns_who_it_is(kubectl):
    assert "system:masters" in kubectl("auth", "whoami")
    assert "readyz check passed" in kubectl("get", "--raw", "/readyz?verbose")


def test_the_page_shows_what_is_run():
    """Whether it prints the same is looked at by `make kubectl-page`."""
    page = (ROOT / "docs" / "kubectl.md").read_text()
    shown = [line.removeprefix("$ ") for line in page.splitlines() if line.startswith("$ ")]
    assert shown == [command for _, commands in COMMANDS for command in commands]


def test_a_definition_is_applied_and_its_kind_used_at_once(kubectl):
    assert "created" in kubectl("apply", "-f", "-", stdin=json.dumps(definition()))
    assert "condition met" in kubectl("wait", "--for=condition=Established", f"crd/{NAME}", "--timeout=10s")
    manifest = widget(parts=[{"name": "a"}]) | {"apiVersion": "example.com/v1", "kind": "Widget"}
    assert "widget.example.com/w1 created" in kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    heading, row = kubectl("get", "wd", "-o", "wide").splitlines()
    assert heading.split() == ["NAME", "SIZE", "PARTS", "PHASE", "AGE"]
    assert row.split()[:3] == ["w1", "3", "a"]
    assert "w1" in kubectl("get", "toys")
    assert "ENUM:\n    red\n    blue" in kubectl("explain", "widget.spec.color")
    manifest["spec"]["size"] = 10
    assert "less than or equal to 9" in kubectl("apply", "-f", "-", stdin=json.dumps(manifest), code=1)
    manifest["spec"] |= {"size": 4, "siez": 4}
    assert 'unknown field "spec.siez"' in kubectl("apply", "-f", "-", stdin=json.dumps(manifest), code=1)
    assert "deleted" in kubectl("delete", "crd", NAME)
    assert "could not find the requested resource" in kubectl("get", "wd", code=1)


def test_a_signing_request_is_approved(kubectl):
    spec = {"request": csr_of("www.example.test"), "signerName": "example.com/signer", "usages": ["server auth"]}
    manifest = {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"}
    kubectl("apply", "-f", "-", stdin=json.dumps(manifest | {"metadata": {"name": "www"}, "spec": spec}))
    assert kubectl("get", "csr", "--no-headers").split()[2:] == ["example.com/signer", "admin", "<none>", "Pending"]
    assert "approved" in kubectl("certificate", "approve", "www")
    assert kubectl("get", "csr", "--no-headers").split()[-1] == "Approved"
    assert "is already Approved" in kubectl("certificate", "deny", "www", code=1)
    assert "www.example.test" in kubectl("describe", "csr", "www")


def test_who_shows_a_token_is_whose_token_it_is(tmp_path):
    with running_up(tmp_path, "--kubernetes-token=s3cret") as ready:

        def kubectl(token, *arguments):
            command = [KUBECTL, "--server", ready["kubernetes"], "--certificate-authority", ready["tls_ca"]]
            home = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}
            done = subprocess.run(
                [*command, "--token", token, *arguments],
                env=home,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
            return done.stdout + done.stderr

        assert "admin" in kubectl("s3cret", "auth", "whoami")
        assert "must be logged in" in kubectl("guess", "get", "secrets")
        kubectl("s3cret", "create", "serviceaccount", "robot")
        token = kubectl("s3cret", "create", "token", "robot", "--duration=10m").strip()
        assert "system:serviceaccount:default:robot" in kubectl(token, "auth", "whoami")
        assert "cannot list resource" in kubectl(token, "get", "secrets")


def test_events_of_both_groups_are_the_same(kubectl, issued):
    core, other = (kubectl("get", name, "-o", "name").split() for name in ("events", "events.events.k8s.io"))
    assert [name.partition("/")[2] for name in core] == [name.partition("/")[2] for name in other] != []
