"""Who asks for a certificate, who approves it, who signs it: CertificateSigningRequests, and cert-manager's."""

import base64

import pytest

from issuer_bridge.kube_api.patches import MERGE_PATCH
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.embedded_api import new_store
from tests.issuer_bridge.acme_client.made_certificates import certificate
from tests.issuer_bridge.bridge_resources import csr_of
from tests.issuer_bridge.kube_api.test_reviews import grant
from tests.issuer_bridge.kube_api.widgets import TABLE, ask, define

REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
ADA = {"Impersonate-User": "ada"}
CERTIFICATE = base64.b64encode(certificate()).decode()
SIGNER = "example.com/signer"


def signing_request(**spec):
    wanted = {"request": csr_of("www.example.test"), "signerName": SIGNER, "usages": ["digital signature"]}
    return {"metadata": {"name": "www"}, "spec": wanted | spec}


def condition(name, status="True", **fields):
    return {"type": name, "status": status, "reason": "x", "message": "y"} | fields


def allow(store, *rules):
    """Let ada write requests, and more."""
    parts = ["certificatesigningrequests", "certificatesigningrequests/approval", "certificatesigningrequests/status"]
    writes = {"verbs": ["*"], "apiGroups": ["certificates.k8s.io"], "resources": parts}
    grant(store, writes, *rules, subject={"kind": "User", "name": "ada"})


def patch(store, part, headers=None, **status):
    path = f"{REQUESTS}/www/{part}" if part else f"{REQUESTS}/www"
    return ask(store, "PATCH", path, {"status": status}, headers, MERGE_PATCH)


@pytest.fixture
def store():
    store = new_store()
    assert ask(store, "POST", REQUESTS, signing_request()).code == 201
    return store


def test_who_asks_is_written_down_whatever_the_request_says():
    store = new_store()
    allow(store)
    sent = signing_request(username="eve", groups=["system:masters"], uid="1")
    spec = ask(store, "POST", REQUESTS, sent, ADA).document["spec"]
    assert (spec["username"], spec["groups"], "uid" in spec) == ("ada", ["system:authenticated"], False)


def test_an_update_changes_neither_spec_nor_status(store):
    change = {"spec": {"signerName": "example.com/other", "username": "eve"}, "status": {"certificate": CERTIFICATE}}
    document = ask(store, "PATCH", f"{REQUESTS}/www", change, content_type=MERGE_PATCH).document
    assert (document["spec"]["signerName"], document["spec"]["username"]) == (SIGNER, "admin")
    assert "status" not in document
    assert "generation" not in document["metadata"]


def test_a_decision_goes_to_approval_and_a_certificate_to_status(store):
    document = patch(store, "approval", conditions=[condition("Approved")], certificate=CERTIFICATE).document
    moment = "2026-11-22T01:02:03Z"
    assert document["status"] == {
        "conditions": [condition("Approved", lastUpdateTime=moment, lastTransitionTime=moment)]
    }
    document = patch(store, "status", certificate=CERTIFICATE).document
    assert document["status"]["certificate"] == CERTIFICATE
    [row] = ask(store, "GET", REQUESTS, headers=TABLE).document["rows"]
    assert row["cells"] == ["www", "0s", SIGNER, "admin", "<none>", "Approved,Issued"]


@pytest.mark.parametrize(
    ("part", "status", "text"),
    [
        ("status", {"conditions": [condition("Approved")]}, 'may not add a condition of type "Approved"'),
        ("status", {"conditions": []}, 'may not remove a condition of type "Denied"'),
        ("approval", {"conditions": []}, 'may not remove a condition of type "Denied"'),
        ("approval", {"conditions": [condition("Denied"), condition("Approved")]}, "are mutually exclusive"),
        ("approval", {"conditions": [condition("Denied", "False")]}, 'supported values: "True"'),
        ("approval", {"conditions": [condition("Denied"), condition("Denied")]}, "Duplicate value"),
        ("status", {"certificate": "Zm9v"}, "must contain one or more CERTIFICATE blocks"),
    ],
)
def test_what_a_part_may_not_change_is_invalid(store, part, status, text):
    assert patch(store, "approval", conditions=[condition("Denied")]).code == 200
    answer = patch(store, part, **status)
    assert (answer.code, answer.document["reason"]) == (422, "Invalid")
    assert text in answer.document["message"]


def test_a_certificate_is_never_changed(store):
    patch(store, "status", certificate=CERTIFICATE)
    other = base64.b64encode(certificate(2)).decode()
    for changed in (other, None):
        assert "may not modify existing certificate" in patch(store, "status", certificate=changed).document["message"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"request": "Zm9v"}, "spec.request: Invalid value"),
        ({"signerName": "example"}, "of the form 'example.com/signer-name'"),
        ({"signerName": "example/x"}, "of the form 'example.com/signer-name'"),
        ({"signerName": "kubernetes.io/legacy-unknown"}, "not allowed"),
        ({"usages": []}, "spec.usages: Required value"),
        ({"usages": ["any", "any"]}, 'spec.usages[1]: Duplicate value: "any"'),
        ({"usages": ["flying"]}, "spec.usages[0]: Unsupported value"),
        ({"expirationSeconds": 599}, "may not specify a duration less than 600 seconds"),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_the_field(spec, text):
    answer = ask(new_store(), "POST", REQUESTS, signing_request(**spec))
    assert (answer.code, text in answer.document["message"]) == (422, True), answer.document["message"]


@pytest.mark.parametrize(
    ("part", "status", "verb"),
    [
        ("approval", {"conditions": [condition("Approved")]}, "approve"),
        ("status", {"certificate": CERTIFICATE}, "sign"),
    ],
)
@pytest.mark.parametrize("name", [SIGNER, "example.com/*"])
def test_deciding_and_signing_want_a_permission_on_the_signer(part, status, verb, name):
    store = new_store()
    allow(store)
    ask(store, "POST", REQUESTS, signing_request())
    refused = patch(store, part, ADA, **status)
    assert refused.code == 403
    assert f'user not permitted to {verb} requests with signerName "{SIGNER}"' in refused.document["message"]
    store = new_store()
    allow(
        store,
        {"verbs": [verb], "apiGroups": ["certificates.k8s.io"], "resources": ["signers"], "resourceNames": [name]},
    )
    ask(store, "POST", REQUESTS, signing_request())
    assert patch(store, part, ADA, **status).code == 200


CERT_MANAGER = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"


def decide(kind, names, decision="Approved", group="cert-manager.io"):
    """Let ada decide a CertificateRequest with the verb approve on some signers."""
    store = new_store()
    define(store)
    writes = {"verbs": ["*"], "apiGroups": ["cert-manager.io"], "resources": ["certificaterequests/status"]}
    rule = {"verbs": ["approve"], "apiGroups": ["cert-manager.io"], "resources": ["signers"], "resourceNames": names}
    grant(store, writes, *([rule] if names else []), subject={"kind": "User", "name": "ada"})
    reference = {"name": "x", "kind": kind, "group": group}
    sent = {"metadata": {"name": "www"}, "spec": {"request": csr_of("a.test"), "issuerRef": reference}}
    assert ask(store, "POST", CERT_MANAGER, sent).code == 201
    status = {"status": {"conditions": [condition(decision)]}}
    return ask(store, "PATCH", f"{CERT_MANAGER}/www/status", status, ADA, MERGE_PATCH)


@pytest.mark.parametrize("decision", ["Approved", "Denied"])
@pytest.mark.parametrize(
    ("kind", "group", "name", "code"),
    [
        ("Issuer", "cert-manager.io", None, 403),
        ("Issuer", "cert-manager.io", "issuers.cert-manager.io/*", 200),
        ("Issuer", "cert-manager.io", "issuers.cert-manager.io/default.x", 200),
        ("Issuer", "cert-manager.io", "issuers.cert-manager.io/x", 403),
        ("Issuer", "cert-manager.io", "clusterissuers.cert-manager.io/*", 403),
        ("ClusterIssuer", "cert-manager.io", "clusterissuers.cert-manager.io/x", 200),
        ("ClusterIssuer", "cert-manager.io", "clusterissuers.cert-manager.io/default.x", 403),
        ("Widget", "example.com", "widgets.example.com/default.x", 200),
        ("Widget", "example.com", "widgets.example.com/y", 403),
        ("Gadget", "example.com", "gadgets.example.com/*", 403),
    ],
)
def test_approving_for_an_issuer_wants_the_verb_approve_on_it(kind, group, name, code, decision):
    answer = decide(kind, [name] if name else [], decision, group)
    assert answer.code == code
    if code == 403:
        text = "does not exist" if kind == "Gadget" else "does not have permissions to set approved/denied conditions"
        assert text in answer.document["message"]


def test_a_certificate_request_says_who_asks_when_that_is_somebody():
    store = new_store()
    rule = {"verbs": ["create"], "apiGroups": ["cert-manager.io"], "resources": ["certificaterequests"]}
    grant(store, rule, subject={"kind": "User", "name": "ada"})
    sent = {"metadata": {"name": "a"}, "spec": {"request": csr_of("a.test"), "issuerRef": {"name": "x"}}}
    assert ask(store, "POST", CERT_MANAGER, sent, ADA).document["spec"]["username"] == "ada"
    assert "username" not in ask(store, "POST", CERT_MANAGER, sent | {"metadata": {"name": "b"}}).document["spec"]
    assert "username" not in store.get(CERTIFICATE_REQUEST, "default", "b")["spec"]
