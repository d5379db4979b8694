"""Orders and Challenges that a tenant wrote: nobody's issuer, Secret or solver works for them (GHSA-8rvj-mm4h-c258)."""

import pytest

from issuer_bridge.cert_manager.challenges import FOREIGN
from issuer_bridge.conditions import APPROVED
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, ORDER
from scheduler.versions import NEWEST
from solvers.dns.writers import Writers
from tests.issuer_bridge.bridge_resources import HTTP01, csr_of
from tests.issuer_bridge.bridge_rig import Rig

MINE = {"dns01": {"rfc2136": {"nameserver": "6.6.6.6:53", "tsigSecretSecretRef": {"name": "theirs", "key": "secret"}}}}
COMPAT = pytest.mark.parametrize("compat", [None, NEWEST], ids=["ours", "cert-manager"])


def rig_with_order(compat, *solvers):
    """A bridge with an Order whose Challenge cannot pass, stopped; and that Challenge."""
    rig = Rig(errors=compat)
    rig.hide = lambda question: True
    rig.writers = Writers(anyone=True)
    rig.apply_issuer(solvers=list(solvers) or [HTTP01])
    rig.apply("one", "a.http.test")
    rig.run(seconds=5)
    (challenge,) = rig.challenges
    return rig, challenge


def updates(rig):
    return [asked for asked in rig.zone.history if asked.opcode == "UPDATE"]


def forged(challenge, name="forged", owner=None, **spec):
    metadata = {"name": name, "namespace": "default"}
    if owner:
        metadata["ownerReferences"] = owner
    fields = {key: challenge[key] for key in ("apiVersion", "kind")}
    return {**fields, "metadata": metadata, "spec": {**challenge["spec"], **spec}}


FORGERIES = {
    "as it is, without an owner": (False, {}),
    "with a solver of the tenant's own": (True, {"type": "DNS-01", "solver": MINE}),
    "for another name": (True, {"dnsName": "victim.test"}),
    "with another key": (True, {"key": "attacker.thumbprint"}),
    "with another token": (True, {"token": "attacker"}),
    "for an authorization that the order does not have": (
        True,
        {"authorizationURL": "https://acme.test:14000/authz/x"},
    ),
    "with another URL": (True, {"url": "https://attacker.test/chall"}),
}


@COMPAT
@pytest.mark.parametrize(("owned", "spec"), FORGERIES.values(), ids=FORGERIES)
def test_a_challenge_that_the_bridge_would_not_make_is_left_alone(owned, spec, compat):
    rig, challenge = rig_with_order(compat)
    shown = dict(rig.responder._keys)
    rig.create(CHALLENGE, forged(challenge, owner=challenge["metadata"]["ownerReferences"] if owned else None, **spec))
    rig.run(seconds=5)
    assert len(rig.facts("scheduler", "ChallengeQueued")) == 1
    assert ("Foreign", FOREIGN) in rig.events("Challenge")
    assert (updates(rig), rig.responder._keys) == ([], shown)


@COMPAT
def test_a_challenge_that_was_written_before_the_order_made_it_is_not_taken_for_the_order_s(compat):
    """Its name can be computed; so it may be there first, with other contents."""
    rig, challenge = rig_with_order(compat)
    name, owner = challenge["metadata"]["name"], challenge["metadata"]["ownerReferences"]
    rig.crash()
    rig.driver.spawn(rig.store.delete(CHALLENGE, "default", name), lambda _: None)
    held = copy_json(rig.store.get(CHALLENGE, "default", name))
    held["metadata"]["finalizers"] = []
    rig.store.replace(CHALLENGE, held)
    rig.create(CHALLENGE, forged(challenge, name, owner, type="DNS-01", solver=MINE))
    rig.start()
    rig.run(minutes=1)
    assert rig.operator.scheduler.challenges == ()
    assert "status" not in rig.challenges[0]


@COMPAT
def test_a_foreign_challenge_with_our_finalizer_may_go_and_nobody_cleans_up_for_it(compat):
    rig, challenge = rig_with_order(compat)
    made = forged(challenge, type="DNS-01", solver=MINE)
    made["metadata"]["finalizers"] = ["acme.cert-manager.io/finalizer"]
    rig.create(CHALLENGE, made)
    rig.run(seconds=1)
    rig.driver.spawn(rig.store.delete(CHALLENGE, "default", "forged"), lambda _: None)
    rig.run(seconds=5)
    assert [item["metadata"]["name"] for item in rig.challenges] == [challenge["metadata"]["name"]]
    assert updates(rig) == []


ORDERS = {
    "without a request": lambda order: {"metadata": {"name": "forged", "namespace": "default"}},
    "for another name": lambda order: {"spec": {**order["spec"], "dnsNames": ["victim.test"]}},
    "with another CSR": lambda order: {"spec": {**order["spec"], "request": csr_of("victim.test")}},
    "of another issuer": lambda order: {
        "spec": {**order["spec"], "issuerRef": {"name": "other", "kind": "ClusterIssuer"}}
    },
}


@COMPAT
@pytest.mark.parametrize("forge", ORDERS.values(), ids=ORDERS)
def test_an_order_that_no_approved_request_asks_for_is_left_alone(forge, compat):
    rig, _ = rig_with_order(compat)
    rig.apply_issuer("other", privateKeySecretRef={"name": "other"})
    rig.run(seconds=1)
    (order,) = rig.orders
    placed = rig.count("new-order")
    metadata = {"name": "forged", "namespace": "default", "ownerReferences": order["metadata"]["ownerReferences"]}
    made = {key: order[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    rig.create(ORDER, made | forge(order))
    rig.run(minutes=1)
    found = rig.store.get(ORDER, "default", "forged")
    assert not found.get("status")
    assert rig.count("new-order") == placed
    assert len(rig.challenges) == 1
    assert "Foreign" in [reason for reason, _ in rig.events("Order")]


def test_an_order_of_a_request_that_nobody_approved_is_left_alone():
    rig = Rig(approver=False)
    rig.apply_issuer()
    rig.apply("one", "a.http.test")
    rig.run(seconds=1)
    request = copy_json(rig.request("one"))
    owner = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "name": "one", "controller": True}
    metadata = {
        "name": "mine",
        "namespace": "default",
        "ownerReferences": [{**owner, "uid": request["metadata"]["uid"]}],
    }
    spec = {**{key: request["spec"][key] for key in ("request", "issuerRef")}, "dnsNames": ["a.http.test"]}
    rig.create(ORDER, {"apiVersion": ORDER.api_version, "kind": "Order", "metadata": metadata, "spec": spec})
    rig.run(seconds=5)
    assert rig.count("new-order") == 0
    assert APPROVED not in [item["type"] for item in request.get("status", {}).get("conditions", [])]
    request["status"] = {"conditions": [{"type": APPROVED, "status": "True", "reason": "me", "message": "yes"}]}
    rig.store.replace_status(CERTIFICATE_REQUEST, request)
    rig.run(minutes=1)
    assert rig.issued("one")


def test_what_was_shown_for_an_issuer_that_is_gone_is_still_taken_away():
    rig, _ = rig_with_order(None)
    assert rig.responder._keys
    rig.driver.spawn(rig.store.delete(CERTIFICATE_REQUEST, "default", "one"), lambda _: None)
    rig.store.remove(CLUSTER_ISSUER, "", "gravel")
    rig.run(minutes=1)
    assert (rig.responder._keys, rig.challenges) == ({}, [])
