"""What an Order needs next: upstream's state machine branch by branch, and how its status changes."""

from datetime import UTC, datetime

import pytest

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import Problem
from issuer_bridge.acme_client.resources import AcmeAuthorization, AcmeChallenge, AcmeOrder
from issuer_bridge.cert_manager.order_status import described, failed, identifiers_of, placed, settled
from issuer_bridge.cert_manager.order_steps import (
    CreateChallenges,
    DeleteChallenges,
    FetchAuthorizations,
    Finalize,
    LookAtOrder,
    NewOrder,
    NoSolver,
    Nothing,
    View,
    decide,
)
from tests.issuer_bridge.bridge_resources import issuer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BASE = "https://ca.test"
CALLED = {"url": f"{BASE}/order/1", "finalizeURL": f"{BASE}/order/1/finalize", "state": "pending"}


def offer(kind, number):
    return {"type": kind, "url": f"{BASE}/chall/{number}/{kind}", "token": f"token{number}"}


def authorization(number, name="a.test", **fields):
    offers = [offer("http-01", number), offer("dns-01", number)]
    found = {"url": f"{BASE}/authz/{number}", "identifier": name, "wildcard": False, "initialState": "pending"}
    return {**found, "challenges": offers, **fields}


def order(**status):
    metadata = {"name": "one-1", "namespace": "default", "uid": "uid-order", "labels": {"team": "a"}}
    spec = {"issuerRef": {"name": "gravel", "kind": "ClusterIssuer"}, "dnsNames": ["a.test"]}
    return {"kind": "Order", "metadata": metadata, "spec": spec, "status": status}


def key_authorization(token):
    return KeyAuthorization(token, "thumbprint")


def decided(resource, *, states=None, owned=(), **options):
    """Decide; `states` gives every Challenge that is looked for, in turn, a state (None: it does not exist)."""
    left = list(states or ())

    def find(name):
        state = left.pop(0) if left else None
        if state is None:
            return None
        return {"metadata": {"name": name}, "spec": {"dnsName": "a.test"}, "status": {"state": state}}

    view = {"issuer": issuer(), "key_authorization": key_authorization, "owned": owned, **options}
    return decide(View(resource, find=find, **view))


def test_an_order_that_is_being_deleted_is_left_alone():
    resource = order()
    resource["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert decided(resource) == Nothing("being deleted")


@pytest.mark.parametrize("state", ["invalid", "expired", "errored"])
def test_failure_is_for_ever(state):
    assert decided(order(state=state)) == Nothing("failed")


@pytest.mark.parametrize("missing", ["issuer", "key_authorization"])
def test_an_order_waits_for_its_issuers_account(missing):
    assert decided(order(), **{missing: None}) == Nothing("its issuer has no registered account")


def test_an_order_without_a_url_is_placed():
    assert decided(order()) == NewOrder()


def test_an_order_without_a_finalize_url_is_read():
    assert decided(order(url=f"{BASE}/order/1", state="pending")) == LookAtOrder()


def test_all_authorizations_that_are_not_known_are_read_in_one_step():
    listed = [authorization(1), {"url": f"{BASE}/authz/2"}, {"url": f"{BASE}/authz/3"}]
    assert decided(order(**CALLED, authorizations=listed)) == FetchAuthorizations(
        (f"{BASE}/authz/2", f"{BASE}/authz/3")
    )


@pytest.mark.parametrize("state", ["valid", "processing"])
def test_an_order_that_is_with_the_server_is_asked_about_again(state):
    """cert-manager#5062: upstream never asks about `processing` again."""
    assert decided(order(**{**CALLED, "state": state}, authorizations=[authorization(1)])) == LookAtOrder()


def test_a_complete_order_keeps_its_challenges():
    complete = order(**{**CALLED, "state": "valid"}, certificate="x")
    assert decided(complete, owned=["one-1-2"]) == Nothing("complete")


def test_a_complete_order_deletes_its_challenges_as_upstream_when_told_so():
    complete = order(**{**CALLED, "state": "valid"}, certificate="x")
    assert decided(complete, owned=["one-1-2"], keep_challenges=False) == DeleteChallenges(("one-1-2",))
    assert decided(complete, keep_challenges=False) == Nothing("complete")


def test_a_complete_order_needs_no_issuer_any_more():
    assert decided(order(**{**CALLED, "state": "valid"}, certificate="x"), issuer=None) == Nothing("complete")


def test_challenges_are_created_with_their_keys():
    step = decided(
        order(**CALLED, authorizations=[authorization(1), authorization(2, "dns.test", wildcard=True)]),
        states=[None, None],
    )
    assert isinstance(step, CreateChallenges)
    http, dns = (challenge["spec"] for challenge in step.challenges)
    assert {
        "url": f"{BASE}/chall/1/http-01",
        "authorizationURL": f"{BASE}/authz/1",
        "dnsName": "a.test",
        "wildcard": False,
        "type": "HTTP-01",
        "token": "token1",
        "key": "token1.thumbprint",
        "solver": {"http01": {"ingress": {}}},
        "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
    } == http
    assert ("DNS-01", "dns.test", True, key_authorization("token2").dns_value) == (
        dns["type"],
        dns["dnsName"],
        dns["wildcard"],
        dns["key"],
    )
    assert step.challenges[0]["metadata"]["ownerReferences"][0] == {
        "apiVersion": "acme.cert-manager.io/v1",
        "kind": "Order",
        "name": "one-1",
        "uid": "uid-order",
        "controller": True,
        "blockOwnerDeletion": True,
    }


def test_only_missing_challenges_are_created():
    step = decided(
        order(**CALLED, authorizations=[authorization(1), authorization(2, "b.test")]), states=["pending", None]
    )
    assert isinstance(step, CreateChallenges)
    assert [challenge["spec"]["dnsName"] for challenge in step.challenges] == ["b.test"]


def test_challenges_that_are_not_needed_any_more_are_deleted():
    listed = order(**CALLED, authorizations=[authorization(1, initialState="valid")])
    assert decided(listed, owned=["old"]) == DeleteChallenges(("old",))


@pytest.mark.seed("K22")
def test_an_authorization_that_was_valid_from_the_start_needs_no_challenge():
    assert decided(order(**CALLED, authorizations=[authorization(1, initialState="valid")])) == LookAtOrder()


def test_a_name_that_no_solver_fits_is_named():
    alpn = {"type": "tls-alpn-01", "url": f"{BASE}/chall/1", "token": "t"}
    step = decided(order(**CALLED, authorizations=[authorization(1, challenges=[alpn])]))
    assert step == NoSolver(
        "no configured challenge solvers can be used for this challenge: "
        "no solver of the issuer fits a.test, for which the server offers tls-alpn-01"
    )


TWO = [authorization(1), authorization(2, "b.test")]


@pytest.mark.parametrize(
    ("state", "states", "expected"),
    [
        ("pending", ["pending", "valid"], Nothing),
        ("pending", ["", ""], Nothing),
        ("pending", ["valid", "valid"], LookAtOrder),
        ("pending", ["invalid", "pending"], LookAtOrder),
        ("pending", ["errored", ""], LookAtOrder),
        ("ready", ["valid", "valid"], Finalize),
        ("ready", ["pending", "valid"], Finalize),
    ],
)
def test_what_becomes_of_the_challenges_decides(state, states, expected):
    step = decided(order(**{**CALLED, "state": state}, authorizations=TWO), states=states)
    assert isinstance(step, expected)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"dnsNames": ["b.test", "a.test", "b.test"]}, [("dns", "a.test"), ("dns", "b.test")]),
        ({"dnsNames": ["b.test"], "commonName": "a.test"}, [("dns", "a.test"), ("dns", "b.test")]),
        ({"ipAddresses": ["10.0.0.1"], "commonName": "10.0.0.1"}, [("ip", "10.0.0.1")]),
        ({"ipAddresses": ["fd00::1"], "commonName": "10.0.0.1"}, [("ip", "10.0.0.1"), ("ip", "fd00::1")]),
        ({"dnsNames": ["*.a.test"], "commonName": "*.a.test"}, [("dns", "*.a.test")]),
        ({"dnsNames": ["a.test"], "commonName": "Some Name"}, [("dns", "a.test")]),
        ({"dnsNames": ["a.test"], "ipAddresses": ["10.0.0.1"]}, [("dns", "a.test"), ("ip", "10.0.0.1")]),
    ],
)
def test_identifiers_are_sorted_and_each_comes_once(spec, expected):
    assert [Identifier(*pair) for pair in expected] == identifiers_of(spec)


def acme(status, **fields):
    return AcmeOrder(CALLED["url"], status, CALLED["finalizeURL"], (f"{BASE}/authz/1",), **fields)


def test_a_placed_order_knows_its_urls():
    assert placed({}, acme("pending"), NOW) == {**CALLED, "authorizations": [{"url": f"{BASE}/authz/1"}]}


def test_an_authorization_is_described_in_its_place():
    found = AcmeAuthorization(
        f"{BASE}/authz/2", "b.test", "pending", True, (AcmeChallenge("dns-01", f"{BASE}/c", "pending", "t"),)
    )
    status = {"authorizations": [{"url": f"{BASE}/authz/1"}, {"url": f"{BASE}/authz/2"}]}
    assert described(status, found)["authorizations"] == [
        {"url": f"{BASE}/authz/1"},
        {
            "url": f"{BASE}/authz/2",
            "identifier": "b.test",
            "wildcard": True,
            "initialState": "pending",
            "challenges": [{"url": f"{BASE}/c", "token": "t", "type": "dns-01"}],
        },
    ]


def challenge(state, reason=""):
    return {"metadata": {"name": "c1"}, "spec": {"dnsName": "a.test"}, "status": {"state": state, "reason": reason}}


@pytest.mark.parametrize(
    ("answer", "challenges", "state", "reason"),
    [
        (acme("ready"), [challenge("valid")], "ready", None),
        (acme("processing"), [], "processing", None),
        (acme("pending"), [challenge("valid")], "pending", None),
        (acme("pending"), [challenge("invalid", "the server said so")], "pending", None),
        (
            acme("pending"),
            [challenge("errored", "404")],
            "errored",
            "challenge c1 for a.test failed: 404",
        ),
        (acme("pending"), [challenge("expired")], "errored", "challenge c1 for a.test failed: it is expired"),
        (
            acme("invalid"),
            [challenge("valid"), challenge("invalid", "no answer")],
            "invalid",
            "challenge c1 for a.test failed: no answer",
        ),
        (
            acme("invalid", error=Problem("unauthorized", "caa says no")),
            [challenge("invalid", "no answer")],
            "invalid",
            "403 urn:ietf:params:acme:error:unauthorized: caa says no",
        ),
        (acme("invalid"), [], "invalid", None),
    ],
)
def test_what_the_server_says_is_copied_with_the_reason_of_a_failure(answer, challenges, state, reason):
    status = settled({**CALLED, "authorizations": [{"url": "x"}]}, answer, challenges, NOW)
    assert (state, reason) == (status["state"], status.get("reason"))
    assert ("2026-01-01T00:00:00Z" if state in ("invalid", "errored") else None) == status.get("failureTime")
    assert status["authorizations"] == [{"url": "x"}]


def test_a_complaint_about_solvers_is_forgotten_when_the_order_goes_on():
    assert "reason" not in settled({**CALLED, "reason": "no solver"}, acme("ready"), [], NOW)


def test_a_failure_keeps_what_is_known():
    assert failed(CALLED, "errored", "why", NOW) == {
        **CALLED,
        "state": "errored",
        "reason": "why",
        "failureTime": "2026-01-01T00:00:00Z",
    }
