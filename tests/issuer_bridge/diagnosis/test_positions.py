"""States that no table of known faults has: every object that stands still is told, whatever its status says."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.diagnosis.cluster import Cluster
from issuer_bridge.diagnosis.diagnosing import about, diagnose
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    EVENT,
    NAMESPACE,
    ORDER,
    VALIDATING_WEBHOOKS,
)
from tests.issuer_bridge.bridge_resources import APPROVED, csr_of
from tests.issuer_bridge.diagnosis.diagnosed import told

BORN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = BORN + timedelta(hours=2)
REFERENCE = {"name": "gravel", "kind": "ClusterIssuer"}
READY = {"type": "Ready", "status": "True", "reason": "x", "message": "y", "lastTransitionTime": "2026-01-01T00:00:00Z"}
ISSUER = {"metadata": {"name": "gravel", "uid": "i"}, "spec": {"acme": {}}, "status": {"conditions": [READY]}}
HELD = ["acme.cert-manager.io/finalizer"]


def made(name, spec, status, owner=None, **metadata):
    references = [{"kind": owner[0], "name": owner[1], "uid": owner[1], "controller": True}] if owner else []
    about_it = {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    spec = {"issuerRef": REFERENCE, **spec}
    return {"metadata": {**about_it, "ownerReferences": references, **metadata}, "spec": spec, "status": status}


def request(**status):
    conditions = {"conditions": [APPROVED, *status.pop("conditions", ())]}
    return made("request", {"request": csr_of("a.example")}, conditions | status)


def order(**status):
    return made("order", {"dnsNames": ["a.example"]}, status, ("CertificateRequest", "request"))


def challenge(name="challenge", dns_name="a.example", type_="DNS-01", solver=None, status=None, **metadata):
    spec = {"dnsName": dns_name, "type": type_, "key": "k", "solver": solver or {"dns01": {}}, "authorizationURL": "u"}
    return made(name, spec, status or {}, ("Order", "order"), **metadata)


def cluster(*challenges, **kinds):
    objects = {CLUSTER_ISSUER: [ISSUER], CERTIFICATE_REQUEST: [request()], CHALLENGE: challenges}
    named = {"order": ORDER, "request": CERTIFICATE_REQUEST, "certificate": CERTIFICATE, "event": EVENT}
    named |= {"namespace": NAMESPACE, "webhook": VALIDATING_WEBHOOKS}
    return Cluster(objects | {named[kind]: [item] for kind, item in kinds.items()})


PLACED = {"url": "o", "finalizeURL": "f", "state": "pending"}
KNOWN = {"url": "u", "identifier": "a.example", "initialState": "pending"}
RUNNING = {"processing": True}
STILL = [
    ("a request that nobody takes up", cluster(), "not-taken-up"),
    ("an Order without a status", cluster(order=order()), "order-not-placed"),
    ("one that names no authorizations", cluster(order=order(**PLACED)), "order-lags"),
    ("one that cannot read them", cluster(order=order(**PLACED, authorizations=[{"url": "u"}])), "authorizations-unread"),
    ("one without Challenges", cluster(order=order(**PLACED, authorizations=[KNOWN])), "no-solver"),
    ("one that is ready", cluster(order=order(**{**PLACED, "state": "ready"})), "not-finalized"),
    ("one without its certificate", cluster(order=order(**{**PLACED, "state": "valid"})), "not-downloaded"),
    ("one in a state of another world", cluster(order=order(**{**PLACED, "state": "deactivated"})), "order-unknown"),
    ("a Challenge that gets no slot", cluster(challenge(), order=order(**PLACED)), "not-scheduled"),
    ("one with a slot and nothing else", cluster(challenge(status=RUNNING), order=order(**PLACED)), "state-unread"),
    (
        "one that says nothing",
        cluster(challenge(status={**RUNNING, "state": "pending"}), order=order(**PLACED)),
        "no-verdict",
    ),
    (
        "one with words that nobody knows",
        cluster(challenge(status={**RUNNING, "state": "pending", "reason": "the moon"}), order=order(**PLACED)),
        "not-presented",
    ),
    (
        "one that was presented, with words that nobody knows",
        cluster(
            challenge(status={**RUNNING, "state": "pending", "presented": True, "reason": "the moon"}),
            order=order(**PLACED),
        ),
        "no-verdict",
    ),
    (
        "one that is to be accepted",
        cluster(
            challenge(status={**RUNNING, "presented": True, "state": "pending", "reason": "Error accepting challenge: ?"}),
            order=order(**PLACED),
        ),
        "not-accepted",
    ),
    (
        "one that is valid, but not cleaned up",
        cluster(challenge(status={**RUNNING, "state": "valid"}, finalizers=HELD), order=order(**PLACED, certificate="c")),
        "not-cleaned-up",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "code"), [(seen, code) for _, seen, code in STILL], ids=[name for name, _, _ in STILL]
)
def test_what_stands_still_is_told_with_its_place_and_waits_before_it_blocks(seen, code):
    assert code in [found for found, _ in told(diagnose(seen, LATER))]
    assert told(diagnose(seen, BORN + timedelta(seconds=5))) == []


STATES = st.sampled_from(["", "pending", "processing", "ready", "valid", "invalid", "expired", "errored", "odd"])


@given(
    state=STATES,
    order_state=STATES,
    flags=st.fixed_dictionaries({"processing": st.booleans(), "presented": st.booleans()}),
    reason=st.sampled_from(["", "x", "Waiting for DNS-01 challenge propagation: y", "Error accepting challenge: z"]),
    placed=st.booleans(),
    held=st.booleans(),
)
def test_no_combination_of_states_of_an_unfinished_request_is_silent(state, order_state, flags, reason, placed, held):
    found = {"url": "o", "state": order_state} if placed else {}
    known = {**found, "authorizations": [KNOWN]}
    seen = cluster(
        challenge(status={**flags, "state": state, "reason": reason}, finalizers=HELD if held else []),
        order=order(**known),
    )
    findings = diagnose(seen, LATER)
    assert [one for one in findings if one.blocks] != []
    assert all(one.cause and one.awaited and one.who and one.attempt for one in findings)
    assert set(findings) >= set(about(seen, "certificaterequest/shop/request", LATER))


def test_an_issuer_with_people_behind_it_has_longer():
    venafi = {**ISSUER, "spec": {"venafi": {}}}
    seen = Cluster({CLUSTER_ISSUER: [venafi], CERTIFICATE_REQUEST: [request()]})
    assert told(diagnose(seen, BORN + timedelta(minutes=9))) == []
    assert told(diagnose(seen, BORN + timedelta(minutes=11))) == [("not-taken-up", "certificaterequest")]


def test_a_namespace_that_stays_because_of_a_challenge_is_told():
    gone = "2026-01-01T00:00:00Z"
    namespace = {"metadata": {"name": "shop", "deletionTimestamp": gone, "creationTimestamp": gone}}
    seen = cluster(challenge(deletionTimestamp=gone, finalizers=HELD), namespace=namespace)
    found = {one.code: one for one in diagnose(seen, LATER)}
    assert (found["namespace-terminating"].pain, found["namespace-terminating"].blocks) == (22, True)
    assert "challenge/shop/challenge" in found["namespace-terminating"].cause
    assert found["not-cleaned-up"].pain == 22


def test_names_that_follow_one_alias_may_overwrite_each_other():
    solver = {"dns01": {"cnameStrategy": "Follow"}}
    status = {**RUNNING, "presented": True, "state": "pending", "reason": 'Waiting for DNS-01 challenge propagation: DNS record for "x" not yet propagated'}  # fmt: skip
    two = [challenge(name, f"{name}.example", solver=solver, status=status) for name in ("a", "b")]
    assert [one.subject for one in diagnose(cluster(*two), LATER) if one.pain == 19] == [
        "challenge/shop/a",
        "challenge/shop/b",
    ]
    assert [one for one in diagnose(cluster(two[0]), LATER) if one.pain == 19] == []


def test_a_webhook_that_fails_and_one_that_nobody_can_trust_are_told():
    involved = {"kind": "Certificate", "namespace": "shop", "name": "www"}
    message = 'Internal error occurred: failed calling webhook "webhook.cert-manager.io": connection refused'
    event = {
        "metadata": {"name": "e", "namespace": "shop"},
        "involvedObject": involved,
        "type": "Warning",
        "reason": "x",
        "message": message,
        "lastTimestamp": "2026-01-01T01:59:00Z",
    }
    annotations = {"cert-manager.io/inject-ca-from-secret": "cert-manager/ca"}
    webhook = {
        "metadata": {
            "name": "cert-manager-webhook",
            "annotations": annotations,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "webhooks": [{"name": "webhook.cert-manager.io", "clientConfig": {"service": {"name": "w"}}}],
    }
    seen = cluster(event=event, webhook=webhook)
    found = {one.code: one.subject for one in diagnose(seen, LATER)}
    assert found["webhook-fails"] == "certificate/shop/www"
    assert found["webhook-untrusted"] == "validatingwebhookconfiguration/cert-manager-webhook"


def test_names_in_commands_are_quoted_for_a_shell():
    reason = "Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'"
    status = {**RUNNING, "presented": True, "state": "pending", "reason": reason}
    hostile = challenge("a;reboot", "$(reboot).example", "HTTP-01", status=status)
    (found,) = [one for one in diagnose(cluster(hostile), LATER) if one.code == "http01-not-routed"]
    assert "gravel check '$(reboot).example' --type http-01 --key-authorization=k" in found.attempt
    hostile = challenge("a", "a.example", "HTTP-01;reboot", status=status)
    (found,) = [one for one in diagnose(cluster(hostile), LATER) if one.code == "http01-not-routed"]
    assert "--type 'http-01;reboot'" in found.attempt
    hostile = challenge("a;reboot", "$(reboot).example")
    (found,) = [one for one in diagnose(cluster(hostile), LATER) if one.subject == "challenge/shop/a;reboot"]
    assert ";reboot" not in found.attempt.replace("'a;reboot'", "")


@pytest.mark.parametrize(
    ("uid", "attempt"),
    [("www", "cmctl renew -n shop www"), ("another", "create the CertificateRequest anew")],
)
def test_a_certificate_that_was_made_anew_does_not_own_what_the_old_one_did(uid, attempt):
    denied = {"type": "Denied", "status": "True", "reason": "no", "message": "no"}
    asked = made("r", {"request": csr_of("a.example")}, {"conditions": [denied]}, ("Certificate", "www"))
    certificate = made("www", {"secretName": "s"}, {"conditions": [READY]}, uid=uid)
    seen = Cluster({CERTIFICATE: [certificate], CERTIFICATE_REQUEST: [asked], CLUSTER_ISSUER: [ISSUER]})
    (found,) = diagnose(seen, LATER)
    assert (found.code, found.attempt) == ("denied", attempt)
