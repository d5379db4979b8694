"""What enterprises ask of an issuer: templates, approval, an audit trail, and what they do not get here, escrow of keys."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography import x509

from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.users import User
from issuer_bridge.resources import CERTIFICATE_REQUEST, ApiError
from tests.issuer_bridge.bridge_resources import csr_of, key_of, pem_csr
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.local_rig import pem_key

OFFICER = User("jane@security")


def decide(rig, name, decision):
    """Do what `gravel approve` does as somebody."""
    request = rig.request(name)
    said = {"type": decision, "status": "True", "reason": "CHG-1042", "message": "reviewed"}
    conditions = [
        *(request.get("status") or {}).get("conditions", []),
        {**said, "lastTransitionTime": rfc3339(rig.driver.now())},
    ]
    decided = rig.store.replace_status(CERTIFICATE_REQUEST, {**request, "status": {"conditions": conditions}})
    rig.operator.record_decision(OFFICER, decided)
    rig.run(minutes=1)


@pytest.mark.seed("B06")
def test_a_template_shapes_what_a_person_has_approved_and_the_journal_tells_all_of_it():
    rig = Rig(approver=False)
    rig.apply_issuer(profile="shortlived")
    for name in ("one", "two"):
        rig.apply(name, f"{name}.http.test")
    rig.run(hours=24)
    assert (rig.orders, rig.ready("one"), rig.ready("two")) == ([], None, None)
    decide(rig, "one", "Approved")
    decide(rig, "two", "Denied")
    leaf = x509.load_pem_x509_certificate(base64.b64decode(rig.request("one")["status"]["certificate"]))
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=6)
    assert rig.ready("two")[1] == "Denied"
    trail = [
        (fact.kind, fact.subject["request"], fact.data)
        for fact in rig.facts("issuer_bridge", "RequestDecided", "RequestIssued")
    ]
    told = {"user": OFFICER.name, "reason": "CHG-1042", "message": "reviewed"}
    assert trail == [
        ("RequestDecided", "default/one", {**told, "decision": "Approved"}),
        ("RequestIssued", "default/one", {}),
        ("RequestDecided", "default/two", {**told, "decision": "Denied"}),
    ]
    assert [entry.at for entry in rig.world.journal] == sorted(entry.at for entry in rig.world.journal)
    kept = json.dumps([rig.store.list(CERTIFICATE_REQUEST), [str(entry) for entry in rig.world.journal]])
    assert base64.b64encode(pem_key(key_of("one.http.test"))).decode() not in kept
    assert "PRIVATE KEY" not in kept


@pytest.mark.seed("B06")
@pytest.mark.parametrize(
    "text",
    [
        pem_key(key_of("a.test")),
        pem_csr("a.test") + pem_key(key_of("a.test")),
        pem_key(key_of("a.test")) + pem_csr("a.test"),
    ],
    ids=["a key", "a key after a CSR", "a key before a CSR"],
)
def test_a_key_in_a_request_is_refused_and_kept_nowhere(text):
    rig = Rig()
    metadata = {"name": "one", "namespace": "default"}
    spec = {"request": base64.b64encode(text).decode(), "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"}}
    with pytest.raises(ApiError) as refused:
        rig.store.insert(CERTIFICATE_REQUEST, {"metadata": metadata, "spec": spec})
    said = 'spec.request: Invalid value: "...": it holds a private key; make another one, and send its CSR alone'
    assert (refused.value.code, said in str(refused.value)) == (422, True)
    assert rig.request("one") is None
    rig.store.insert(CERTIFICATE_REQUEST, {"metadata": metadata, "spec": {**spec, "request": csr_of("a.test")}})
