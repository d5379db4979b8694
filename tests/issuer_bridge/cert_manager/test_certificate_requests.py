"""What a CertificateRequest needs next: the rows of upstream's sync and Sign, in their order."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.cert_manager.certificate_requests import decide
from issuer_bridge.cert_manager.request_steps import (
    Announce,
    CreateOrder,
    DeleteOrder,
    Deny,
    Fail,
    Issue,
    Nothing,
    Pending,
    TryAgain,
)
from issuer_bridge.pem import encode
from tests.issuer_bridge.bridge_resources import APPROVED, csr_of, issuer, key_of, request

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DENIED = {"type": "Denied", "status": "True", "reason": "policy", "message": "no"}
INVALID = {"type": "InvalidRequest", "status": "True", "reason": "x", "message": "y"}
ORDER = "one-3421653486"


def ready(reason, status="False"):
    return {"type": "Ready", "status": status, "reason": reason, "message": "m"}


def nothing_found(namespace, name):
    return None


def order_in(**status):
    """A look-up that finds the order of request "one", in some state."""

    def find(namespace, name):
        owner = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "name": "one", "uid": "uid-one"}
        metadata = {"name": name, "namespace": namespace, "ownerReferences": [{**owner, "controller": True}]}
        return {"kind": "Order", "metadata": metadata, "status": status}

    return find


def certificate_for(*names):
    name, key = x509.Name([]), key_of(*names)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1)).public_key(key.public_key())
    return encode(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())


@pytest.mark.seed("E02", "B19")
def test_a_request_for_another_group_is_not_ours():
    other = request("a.test", reference={"name": "x", "kind": "AcmeIssuer", "group": "gravel.test"})
    assert decide(other, None, nothing_found) == Nothing("an issuer of another group")


@pytest.mark.parametrize("conditions", [[DENIED], [APPROVED, DENIED], [DENIED, INVALID]])
def test_denied_comes_before_everything_else(conditions):
    assert decide(request("a.test", conditions=conditions), None, nothing_found) == Deny()


def test_denied_is_said_once():
    told = request("a.test", conditions=[DENIED, ready("Denied")])
    assert decide(told, None, nothing_found) == Nothing("denied")


def test_an_invalid_request_is_left_alone():
    invalid = request("a.test", conditions=[APPROVED, INVALID])
    assert decide(invalid, issuer(), nothing_found) == Nothing("an invalid request")


@pytest.mark.parametrize("conditions", [[], [{**APPROVED, "status": "False"}]])
def test_without_approval_there_is_only_an_event(conditions):
    step = decide(request("a.test", conditions=conditions), issuer(), nothing_found)
    assert step == Announce("WaitingForApproval", "Not signing CertificateRequest until it is Approved")


@pytest.mark.seed("K18", "B19")
@pytest.mark.parametrize("reason", ["Failed", "Issued"])
def test_the_end_is_the_end(reason):
    finished = request("a.test", conditions=[APPROVED, ready(reason)])
    assert decide(finished, None, nothing_found) == Nothing("finished")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            {"name": "nobody"},
            'Referenced "Issuer" not found: issuer.cert-manager.io "nobody" not found',
        ),
        (
            {"name": "nobody", "kind": "ClusterIssuer", "group": "cert-manager.io"},
            'Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io "nobody" not found',
        ),
        (
            {"name": "nobody", "kind": "VaultIssuer"},
            'Referenced "VaultIssuer" not found: issuerRef.kind must be empty, "Issuer" or "ClusterIssuer"',
        ),
    ],
)
def test_an_issuer_that_is_not_there_is_waited_for(reference, message):
    step = decide(request("a.test", reference=reference), None, nothing_found)
    assert step == Pending("IssuerNotFound", message)


def test_an_issuer_without_a_type_is_waited_for():
    step = decide(request("a.test"), {**issuer(), "spec": {}}, nothing_found)
    assert step == Pending("IssuerTypeMissing", "Missing issuer type: no issuer specified for Issuer 'gravel'")


def test_an_issuer_of_another_type_is_not_ours():
    assert decide(request("a.test"), {**issuer(), "spec": {"ca": {}}}, nothing_found) == Nothing("not an ACME issuer")


@pytest.mark.seed("K05")
@pytest.mark.parametrize("status", [None, "False", "Unknown"])
def test_an_issuer_that_is_not_ready_is_waited_for(status):
    step = decide(request("a.test"), issuer(ready=status), nothing_found)
    assert step == Pending("IssuerNotReady", "Referenced issuer does not have a Ready status condition")


def test_a_certificate_that_is_there_is_not_fetched_again():
    assert decide(request("a.test", certificate="x"), issuer(), nothing_found) == Nothing("it has a certificate")


def test_a_csr_that_does_not_parse_fails_with_what_it_is():
    step = decide(request(csr="aGVsbG8="), issuer(), nothing_found)
    assert isinstance(step, Fail)
    assert step.reason == "RequestParsingError"
    assert step.message.startswith("Failed to decode CSR in spec.request: it is the base64 of something else")


def test_a_common_name_must_be_among_the_other_names():
    step = decide(request(csr=csr_of("a.test", common_name="b.test")), issuer(), nothing_found)
    assert isinstance(step, Fail)
    assert step.reason == "InvalidOrder"
    assert step.message.endswith('"b.test" does not exist in [a.test] or []')


@pytest.mark.parametrize(
    "csr", [csr_of("a.test", common_name="a.test"), csr_of("a.test", common_name="10.0.0.1", addresses=["10.0.0.1"])]
)
def test_a_common_name_that_is_among_them_is_fine(csr):
    assert isinstance(decide(request(csr=csr), issuer(), nothing_found), CreateOrder)


def test_a_csr_that_names_nothing_fails():
    step = decide(request(csr=csr_of()), issuer(), nothing_found)
    assert isinstance(step, Fail)
    assert step.reason == "OrderBuildingError"


@pytest.mark.seed("K21")
def test_the_order_is_named_owned_and_made_as_upstream_makes_it():
    step = decide(request("b.test", "a.test"), issuer(), nothing_found)
    assert isinstance(step, CreateOrder)
    metadata, spec = step.order["metadata"], step.order["spec"]
    assert (metadata["name"], metadata["namespace"], metadata["labels"]) == ("one-3421653486", "default", {"team": "a"})
    assert metadata["ownerReferences"] == [
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "name": "one",
            "uid": "uid-one",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert {
        "request": csr_of("b.test", "a.test"),
        "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
        "dnsNames": ["b.test", "a.test"],
    } == spec


def test_duration_and_profile_are_handed_on_as_the_issuer_says():
    wanted = request("a.test")
    wanted["spec"]["duration"] = "24h"
    without = decide(wanted, issuer(), nothing_found).order["spec"]
    with_both = decide(wanted, issuer(enableDurationFeature=True, profile="short"), nothing_found).order["spec"]
    assert (without.get("duration"), without.get("profile")) == (None, None)
    assert (with_both["duration"], with_both["profile"]) == ("24h0m0s", "short")


def test_an_order_of_somebody_else_is_not_touched():
    def find(namespace, name):
        return {"kind": "Order", "metadata": {"name": name, "namespace": namespace, "uid": "x"}, "status": {}}

    step = decide(request("a.test"), issuer(), find)
    assert step == TryAgain("found Order resource not owned by this CertificateRequest, retrying")


@pytest.mark.parametrize("state", ["invalid", "errored", "expired"])
def test_an_order_that_failed_fails_the_request_with_its_reason(state):
    step = decide(request("b.test", "a.test"), issuer(), order_in(state=state, reason="because"))
    text = f'Failed to wait for order resource "{ORDER}" to become ready: order is in "{state}" state: because'
    assert step == Fail("OrderFailed", text)


@pytest.mark.parametrize("state", ["", "pending", "ready", "processing"])
def test_an_order_without_a_certificate_is_waited_for(state):
    step = decide(request("b.test", "a.test"), issuer(), order_in(**({"state": state} if state else {})))
    assert step == Pending("OrderPending", f'Waiting on certificate issuance from order default/{ORDER}: "{state}"')


@pytest.mark.seed("K17")
def test_a_certificate_for_the_key_of_the_request_is_handed_over():
    chain = certificate_for("a.test")
    assert decide(request("a.test"), issuer(), order_in(state="valid", certificate=chain)) == Issue(chain)


@pytest.mark.parametrize(
    ("certificate", "why"),
    [("bm8=", "its certificate cannot be decoded"), (certificate_for("b.test"), "its certificate is for another key")],
)
def test_a_certificate_that_is_not_for_it_means_a_new_order(certificate, why):
    step = decide(request("a.test"), issuer(), order_in(state="valid", certificate=certificate))
    assert isinstance(step, DeleteOrder)
    assert step.why.startswith(why)
