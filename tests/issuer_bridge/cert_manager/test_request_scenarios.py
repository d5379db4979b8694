"""Upstream's scenarios of requests by name: what is written, and which events tell of it.

pkg/controller/certificaterequests/sync_test.go (TestSync) and .../acme/acme_test.go (TestSign). An ACME server is
never asked by this controller. What the API does not admit, an issuer without a type and an approval that is false, is
in test_certificate_requests.
"""

import hashlib

import pytest

from issuer_bridge.cert_manager.certificate_requests import CertificateRequests
from issuer_bridge.cert_manager.children import build_order
from issuer_bridge.context import Context
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.outcomes import Done, Retry
from issuer_bridge.pem import encode, read_request
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CLUSTER_ISSUER,
    EVENT,
    ISSUER,
    ORDER,
    SECRET,
    ApiError,
)
from tests.issuer_bridge.acme_client.made_certificates import certificate
from tests.issuer_bridge.bridge_resources import APPROVED, csr_of, issuer, request
from tests.issuer_bridge.cert_manager.order_bench import chain_of
from tests.issuer_bridge.scripted_server import NOW

# The example of RFC 9773 section 4.1.
RENEWED = certificate(0x87654321, key_identifier=bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")).decode()
RENEWED_ID = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
NAME = "one-2183356616"
FOUND = f"default/{NAME}"
AT = "2026-01-01T00:00:00Z"
DENIED = {"type": "Denied", "status": "True", "reason": "policy", "message": "no"}
INVALID = {"type": "InvalidRequest", "status": "True", "reason": "x", "message": "y"}
FOREIGN_NAME = (
    "The CSR PEM requests a commonName that is not present in the list of dnsNames or ipAddresses. If a commonName is "
    "set, ACME requires that the value is also present in the list of dnsNames or ipAddresses: "
)


def entropy():
    numbers = iter(range(1 << 20))
    return lambda size: hashlib.shake_256(str(next(numbers)).encode()).digest(size)


class Bench:
    """A store with a request, its issuer, and, where it has a state, its Order."""

    def __init__(self, *, conditions=(APPROVED,), csr=None, reference=None, order=None, issuers=None, **status):
        self.store = EmbeddedStore(lambda: NOW, entropy())
        for made in [issuer()] if issuers is None else issuers:
            made["metadata"] = {key: value for key, value in made["metadata"].items() if key in ("name", "namespace")}
            self.keep(CLUSTER_ISSUER if made["kind"] == "ClusterIssuer" else ISSUER, made)
        made = request("a.test", conditions=conditions, csr=csr, reference=reference, **status)
        made["metadata"] = {"name": "one", "namespace": "default"}
        kept = self.keep(CERTIFICATE_REQUEST, made)
        if order is not None:
            wanted = build_order(kept, read_request(kept["spec"]["request"]), issuer())
            self.keep(ORDER, {**wanted, "status": order})
        context = Context(
            self.store, lambda: NOW, entropy(), Recorder(self.store, lambda: NOW, entropy()), lambda *_: None
        )
        self.requests = CertificateRequests(context)

    def keep(self, kind, resource):
        created = self.store.insert(kind, resource)
        if not resource.get("status"):
            return created
        return self.store.replace_status(kind, {**created, "status": resource["status"]})

    def sync(self):
        inquiry = self.requests.sync("default", "one")
        try:
            next(inquiry)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("the controller asked the network")

    @property
    def request(self):
        return self.store.get(CERTIFICATE_REQUEST, "default", "one")

    @property
    def ready(self):
        """(status, reason, message) of Ready."""
        found = [item for item in self.request.get("status", {}).get("conditions", []) if item["type"] == "Ready"]
        return tuple(found[0][name] for name in ("status", "reason", "message")) if found else None

    @property
    def events(self):
        return [(event["type"], event["reason"], event["message"]) for event in self.store.list(EVENT)]


def pending(reason, message):
    return ("False", "Pending", message), [("Normal", reason, message)]


def failed(reason, message):
    return ("False", "Failed", message), [("Warning", reason, message)]


def ready(status, reason):
    return {"type": "Ready", "status": status, "reason": reason, "message": "m"}


KEPT = {reason: ("False", reason, "m") for reason in ("Pending", "Failed", "Denied")}
NOT_FOUND = 'Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io "gravel" not found'
OF_ANOTHER_TYPE = {**issuer(), "spec": {"selfSigned": {}}}
WAITING = ("Normal", "WaitingForApproval", "Not signing CertificateRequest until it is Approved")
DENIED_NOW = ("False", "Denied", "The CertificateRequest was denied by an approval controller")

# Upstream's name: (the bench; Ready, events).
SCENARIOS = {
    "should return nil (no action) if group name if not 'cert-manager.io' or ''":
        ({"reference": {"name": "gravel", "group": "other.test"}}, (None, [])),
    "should return nil (no action) if certificate request is not approved": ({"conditions": ()}, (None, [WAITING])),
    "should update Ready condition with 'Denied' if certificate request is denied": ({"conditions": (DENIED,)}, (DENIED_NOW, [])),
    "should set Ready condition reason to Denied if it has a Pending reason":
        ({"conditions": (DENIED, ready("False", "Pending"))}, (DENIED_NOW, [])),
    "should do nothing if request has a Denied condition and already has a False Ready condition":
        ({"conditions": (DENIED, ready("False", "Denied"))}, (KEPT["Denied"], [])),
    "should return nil (no action) if certificate request invalidrequest is set to true":
        ({"conditions": (APPROVED, INVALID)}, (None, [])),
    "should return nil (no action) if certificate request is ready and reason Issued":
        ({"conditions": (APPROVED, ready("True", "Issued"))}, (("True", "Issued", "m"), [])),
    "should return nil (no action) if certificate request is not ready and reason Failed":
        ({"conditions": (APPROVED, ready("False", "Failed"))}, (KEPT["Failed"], [])),
    "should report pending if issuer not found": ({"issuers": []}, pending("IssuerNotFound", NOT_FOUND)),
    "should exit nil and set status pending if referenced issuer is not ready":
        ({"issuers": [issuer(ready="False")]},
         pending("IssuerNotReady", "Referenced issuer does not have a Ready status condition")),
    "exit nil and no action if the issuer type does not match ours": ({"issuers": [OF_ANOTHER_TYPE]}, (None, [])),
    "if the Certificate is already set in the status then return nil and no-op": ({"certificate": "eA=="}, (None, [])),
    "a badly formed CSR should report failure":
        ({"csr": encode("not a CSR")}, failed("RequestParsingError", "Failed to decode CSR in spec.request: it is the base64 of "
         "something else; put in the base64 of a PEM file (base64 -w0 request.pem)")),
    "if the common name is not present in the DNS names then should hard fail":
        ({"csr": csr_of("a.test", common_name="b.test")},
         failed("InvalidOrder", FOREIGN_NAME + '"b.test" does not exist in [a.test] or []')),
    "if the common name is not present in the IP Addresses then should hard fail":
        ({"csr": csr_of(addresses=["10.0.0.1"], common_name="10.0.0.2")},
         failed("InvalidOrder", FOREIGN_NAME + '"10.0.0.2" does not exist in [] or [10.0.0.1]')),
    "if order doesn't exist then attempt to create one": ({}, pending("OrderCreated", f"Created Order resource {FOUND}")),
    "if the order resource is in a failed state then we should report failure":
        ({"order": {"state": "invalid", "reason": "simulated failure"}},
         failed("OrderFailed", f'Failed to wait for order resource "{NAME}" to become ready: order is in "invalid" state: '
                "simulated failure")),
    "if the order is in an unknown state, then report pending":
        ({"order": {"state": "pending"}},
         pending("OrderPending", f'Waiting on certificate issuance from order {FOUND}: "pending"')),
    "if the order is in Valid state but Certificate has not yet been populated":
        ({"order": {"state": "valid"}},
         pending("OrderPending", f"Waiting for order-controller to add certificate data to Order {FOUND}")),
    "if the order is in Valid state but the certificate is badly formed":
        ({"order": {"state": "valid", "certificate": "eA=="}}, (None, [])),
    "if the order is in Valid state but the certificate has wrong public key":
        ({"order": {"state": "valid", "certificate": encode(chain_of("root", names=("b.test",)))}}, (None, [])),
    "if the order is in Valid state then return the certificate as response":
        ({"order": {"state": "valid", "certificate": encode(chain_of("root"))}},
         (("True", "Issued", "Certificate fetched from issuer successfully"),
          [("Normal", "CertificateIssued", "Certificate fetched from issuer successfully")])),
}  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), SCENARIOS.values(), ids=SCENARIOS)
def test_upstream_scenario(given, expected):
    bench = Bench(**given)
    assert bench.sync() == Done()
    assert expected == (bench.ready, bench.events)
    reason = bench.ready and bench.ready[1]
    is_new = reason in ("Failed", "Denied") and bench.ready[2] != "m"
    assert (AT if is_new else None) == bench.request["status"].get("failureTime")


def test_pass_if_the_cn_is_set_in_the_ips():
    bench = Bench(csr=csr_of(addresses=["10.0.0.1"], common_name="10.0.0.1"))
    bench.sync()
    (order,) = bench.store.list(ORDER)
    assert (order["spec"]["commonName"], order["spec"]["ipAddresses"]) == ("10.0.0.1", ["10.0.0.1"])


@pytest.mark.parametrize("certificate", ["eA==", encode(chain_of("root", names=("b.test",)))])
def test_an_order_whose_certificate_is_of_no_use_is_deleted_and_made_anew_with_the_same_name(certificate):
    bench = Bench(order={"state": "valid", "certificate": certificate})
    bench.sync()
    assert bench.store.list(ORDER) == []
    bench.sync()
    (order,) = bench.store.list(ORDER)
    assert (order["metadata"]["name"], order.get("status")) == (NAME, None)


def test_a_failure_to_create_the_order_is_pending_and_an_error():
    bench = Bench()
    insert = bench.store.insert

    def refuse(kind, resource):
        if kind is ORDER:
            raise ApiError(500, "InternalError", "down")
        return insert(kind, resource)

    bench.store.insert = refuse
    text = f"Failed create new order resource {FOUND}: down"
    assert bench.sync() == Retry(text)
    assert (bench.ready, bench.events) == pending("OrderCreatingError", text)


def test_an_order_of_another_owner_is_an_error_and_nothing_is_written():
    bench = Bench(order={"state": "valid"})
    (order,) = copy_json(bench.store.list(ORDER))
    order["metadata"]["ownerReferences"] = []
    bench.store.replace(ORDER, order)
    before = bench.request
    assert bench.sync() == Retry("found Order resource not owned by this CertificateRequest, retrying")
    assert (before, []) == (bench.request, bench.events)


def test_a_request_that_was_waiting_already_is_told_of_in_no_further_event():
    bench = Bench(conditions=(APPROVED, ready("False", "Pending")), order={"state": "ready"})
    bench.sync()
    assert bench.ready[2] == f'Waiting on certificate issuance from order {FOUND}: "ready"'
    assert bench.events == []


RENEWALS = {
    "a certificate that is there": ({}, RENEWED, "web", RENEWED_ID),
    "an issuer that asks for it": ({"renewalInformationSource": "ARI"}, RENEWED, "web", RENEWED_ID),
    "an issuer that forbids it": ({"renewalInformationSource": "None"}, RENEWED, "web", None),
    "no annotation": ({}, RENEWED, None, None),
    "a Certificate that is not there": ({}, RENEWED, "other", None),
    "no certificate yet": ({}, "", "web", None),
    "a certificate without an authority's key id": ({}, certificate().decode(), "web", None),
    "no certificate at all": ({}, "x", "web", None),
}


@pytest.mark.parametrize(("acme", "chain", "annotation", "expected"), RENEWALS.values(), ids=RENEWALS)
def test_an_order_names_what_its_request_renews(acme, chain, annotation, expected):
    """create order with replaces id of the certificate that is being renewed."""
    bench = Bench(issuers=[issuer(**acme)])
    for kind, name, body in (
        (CERTIFICATE, "web", {"spec": {"secretName": "tls", "issuerRef": {"name": "gravel"}, "dnsNames": ["a.test"]}}),
        (SECRET, "tls", {"data": {"tls.crt": encode(chain)} if chain else {}}),
    ):
        metadata = {"name": name, "namespace": "default"}
        bench.keep(kind, {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **body})
    renewing = copy_json(bench.request)
    if annotation:
        renewing["metadata"]["annotations"] = {"cert-manager.io/certificate-name": annotation}
        bench.store.replace(CERTIFICATE_REQUEST, renewing)
    bench.sync()
    (order,) = bench.store.list(ORDER)
    assert expected == order["spec"].get("replaces")
    assert (order["metadata"]["name"] == NAME) == (expected is None)
