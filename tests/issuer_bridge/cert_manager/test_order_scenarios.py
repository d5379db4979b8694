"""Upstream's order scenarios by name (pkg/controller/acmeorders/sync_test.go, TestSync), with `--compat cert-manager`.

Each says what the server is asked, and what the Order's status, its events and
the outcome are afterwards.
"""

from datetime import timedelta

import pytest

from issuer_bridge.cert_manager.conduct import conduct_of
from issuer_bridge.outcomes import Done, Retry, Wait
from issuer_bridge.resources import CHALLENGE
from scheduler.versions import NEWEST
from tests.issuer_bridge.cert_manager.order_bench import (
    AUTHZ,
    CERT,
    FINALIZE,
    LOOK,
    NEW,
    ORDER_URL,
    PLACED,
    OrderBench,
    authorization,
    authorization_answer,
    chain_answer,
    chain_of,
    described,
    order_answer,
)
from tests.issuer_bridge.scripted_server import BASE, answer, problem

CERT_MANAGER = conduct_of(NEWEST)
FAILED_AT = {"failureTime": "2026-01-01T00:00:00Z"}
READY = {**described(), "state": "ready"}
VALID = {**described(), "state": "valid"}
COMPLETE = ("Normal", "Complete", "Order completed successfully")
AGAIN = Wait(timedelta(seconds=5))
OTHER = f"{BASE}/cert/other"
NO_SOLVER = (
    "Failed to determine a valid solver configuration for the set of domains on the Order: no configured challenge solvers "
    "can be used for this challenge: no solver of the issuer fits a.test, for which the server offers unknown-01"
)
LATE = "error finalizing order: "


def changed(before, **fields):
    return {**before, **fields}


# Upstream's name: (status before, states of the Challenges, answers; status after, calls, events, outcome).
SCENARIOS = {
    "create a new order with the acme server, set the order url on the status resource": (
        {}, None, [order_answer("pending", code=201, location=ORDER_URL)],
        changed(PLACED, authorizations=[{"url": f"{BASE}/authz/1"}]), [NEW], [], Done(),
    ),
    "fetch the authorizations' metadata": (
        changed(PLACED, authorizations=[{"url": f"{BASE}/authz/1"}]), None, [authorization_answer()],
        described(), [AUTHZ], [], Done(),
    ),
    "create a challenge resource for the test.com dnsName on the order": (
        described(), None, [], described(), [], [("Normal", "Created", 'Created Challenge resource "{}" for domain "a.test"')], Done(),
    ),
    "should refuse to create a challenge if only an unknown challenge type is offered": (
        described("unknown-01"), None, [], described("unknown-01"), [],
        [("Warning", "Solver", NO_SOLVER)], Done(),
    ),
    "skip creating a Challenge for an already valid authorization, reschedule if the ACME Order is still pending": (
        changed(PLACED, authorizations=[authorization("valid")]), None, [order_answer("pending")],
        changed(PLACED, authorizations=[authorization("valid")]), [LOOK], [], AGAIN,
    ),
    "skip creating a Challenge for an already valid authorization": (
        changed(PLACED, authorizations=[authorization("valid")]), None, [order_answer("valid")],
        changed(PLACED, state="valid", authorizations=[authorization("valid")]), [LOOK], [], Done(),
    ),
    "do nothing if the challenge for test.com is still pending": (
        described(), ["pending"], [], described(), [], [], Done(),
    ),
    "call GetOrder and update the order state to 'ready' if all challenges are 'valid'": (
        described(), ["valid"], [order_answer("ready")], READY, [LOOK], [], Done(),
    ),
    "call FinalizeOrder and update the order state to 'errored' if finalize fails with a 4xx ACME error": (
        READY, ["valid"], [problem("rateLimited", 429)],
        changed(READY, state="errored", reason="Failed to finalize Order: 429 urn:ietf:params:acme:error:rateLimited: "
                "rateLimited it is", **FAILED_AT), [FINALIZE], [], Done(),
    ),
    "call FinalizeOrder, return error if finalize fails with an unspecified error": (
        READY, ["valid"], [answer(200, {"status": "processing", "finalize": FINALIZE}), order_answer("ready")],
        READY, [FINALIZE, LOOK], [], Retry(LATE + 'Post "": unsupported protocol scheme ""'),
    ),
    "an error of the server's at finalize": (
        READY, ["valid"], [problem("serverInternal", 500), order_answer("processing")],
        changed(READY, state="processing"), [FINALIZE, LOOK], [],
        Retry(LATE + "500 urn:ietf:params:acme:error:serverInternal: serverInternal it is"),
    ),
    "a refusal of the look that follows finalize": (
        READY, ["valid"], [problem("serverInternal", 500), problem("malformed", 404)],
        changed(READY, state="errored", reason="Failed to retrieve Order resource: 404 urn:ietf:params:acme:error:malformed: "
                "malformed it is", **FAILED_AT), [FINALIZE, LOOK], [], Done(),
    ),
    "a 403 at finalize of an order that is not valid": (
        READY, ["valid"], [problem("orderNotReady", 403), order_answer("ready")],
        changed(READY, state="errored", reason="Failed to finalize Order: 403 urn:ietf:params:acme:error:orderNotReady: "
                "orderNotReady it is", **FAILED_AT), [FINALIZE, LOOK], [], Done(),
    ),
    "call GetOrder and update the order state if the challenge is 'failed'": (
        described(), ["invalid"], [order_answer("invalid")], changed(described(), state="invalid", **FAILED_AT), [LOOK], [], Done(),
    ),
    "should leave the order state as-is if the challenge is marked invalid but the acme order is pending": (
        described(), ["invalid"], [order_answer("pending")], described(), [LOOK], [], Done(),
    ),
    "an order that the server has lost": (
        described(), ["valid"], [problem("malformed", 404)],
        changed(described(), state="errored", reason="Failed to retrieve Order resource: 404 urn:ietf:params:acme:error:"
                "malformed: malformed it is", **FAILED_AT), [LOOK], [], Done(),
    ),
    "an order that is processing": (
        described(), ["valid"], [order_answer("processing")], changed(described(), state="processing"), [LOOK], [], Done(),
    ),
    "do nothing if the order is invalid": (
        changed(described(), state="invalid"), ["invalid"], [], changed(described(), state="invalid"), [], [], Done(),
    ),
    "do nothing if the order is in errored state with no url or finalize url on status": (
        {"state": "errored"}, None, [], {"state": "errored"}, [], [], Done(),
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("before", "states", "answers", "after", "calls", "events", "outcome"), SCENARIOS.values(), ids=SCENARIOS
)
def test_upstream_scenario(before, states, answers, after, calls, events, outcome):
    bench = OrderBench(*answers, status=before, states=states, conduct=CERT_MANAGER)
    assert outcome == bench.sync()
    assert after == bench.status
    assert calls == bench.calls
    made = [challenge["metadata"]["name"] for challenge in bench.store.list(CHALLENGE)]
    assert [(kind, reason, text.format(*made)) for kind, reason, text in events] == bench.events


FIRST, SECOND = ("intermediate", "first root"), ("intermediate", "second root")
CHAINS = [chain_answer(*FIRST, alternates=[OTHER]), chain_answer(*SECOND)]
BY_OTHER = [CERT, "POST /cert/other"]

# Upstream's name: (preferredChain, state before, answers; calls, the issuers of the chain that is kept).
COMPLETIONS = {
    "call FinalizeOrder and update the order state to 'valid' if finalize succeeds": (
        None, "ready", [order_answer("valid"), CHAINS[0], order_answer("valid")], [FINALIZE, CERT, LOOK], FIRST,
    ),
    "finalize succeeds after the server took its time, where the Location said": (
        None, "ready",
        [order_answer("processing", location=ORDER_URL), order_answer("processing", Retry_After="9"), order_answer("valid"),
         CHAINS[0], order_answer("valid")], [FINALIZE, LOOK, LOOK, CERT, LOOK], FIRST,
    ),
    "call FinalizeOrder, recover if finalize fails because order is already finalized": (
        None, "ready", [problem("orderNotReady", 403), order_answer("valid"), CHAINS[0]], [FINALIZE, LOOK, CERT], FIRST,
    ),
    "call FinalizeOrder, recover if finalize fails because order is already finalized and fetch alternate cert chain": (
        "second root", "ready", [problem("orderNotReady", 403), order_answer("valid"), *CHAINS], [FINALIZE, LOOK, *BY_OTHER], SECOND,
    ),
    "call FinalizeOrder fetch alternate cert chain": (
        "second root", "ready", [order_answer("valid"), *CHAINS, order_answer("valid")], [FINALIZE, *BY_OTHER, LOOK], SECOND,
    ),
    "preferred chain is default cert chain": (
        "first root", "ready", [order_answer("valid"), CHAINS[0], order_answer("valid")], [FINALIZE, CERT, LOOK], FIRST,
    ),
    "no chain is the preferred one": (
        "nobody's", "ready", [order_answer("valid"), *CHAINS, order_answer("valid")], [FINALIZE, *BY_OTHER, LOOK], FIRST,
    ),
    "a valid order without its certificate gets it": (
        None, "valid", [order_answer("valid"), CHAINS[0]], [LOOK, CERT], FIRST,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("preferred", "state", "answers", "calls", "issuers"), COMPLETIONS.values(), ids=COMPLETIONS)
def test_upstream_completion(preferred, state, answers, calls, issuers):
    acme = {"preferredChain": preferred} if preferred else {}
    bench = OrderBench(*answers, status=changed(READY, state=state), states=["valid"], conduct=CERT_MANAGER, acme=acme)
    assert bench.sync() == Done()
    assert calls == bench.calls
    assert bench.certificate == chain_of(*issuers)
    assert {**bench.status, "certificate": ""} == {**VALID, "certificate": ""}
    assert bench.events == [COMPLETE]
    assert bench.sync() == Done()  # "do nothing if the order is valid", but that its Challenges go
    assert (bench.calls, bench.store.list(CHALLENGE)) == (calls, [])


def test_a_finalize_hands_in_the_csr_of_the_request():
    bench = OrderBench(problem("badCSR"), status=READY, states=["valid"], conduct=CERT_MANAGER)
    bench.sync()
    assert set(bench.server.payload(-1)) == {"csr"}


@pytest.mark.parametrize(
    ("names", "csr", "expected"),
    [
        (["b.test", "a.test"], {"common_name": "b.test"}, [("dns", "a.test"), ("dns", "b.test")]),
        (
            ["a.test"],
            {"addresses": ["10.0.0.2", "10.0.0.1"]},
            [("dns", "a.test"), ("ip", "10.0.0.1"), ("ip", "10.0.0.2")],
        ),
        ([], {"addresses": ["10.0.0.1"], "common_name": "10.0.0.1"}, [("ip", "10.0.0.1")]),
        ([], {"addresses": ["2001:db8::1"], "common_name": "2001:db8::1"}, [("ip", "2001:db8::1")]),
    ],
    ids=["DNS", "DNS and IPv4", "IPv4", "IPv6"],
)
def test_an_order_is_placed_with_all_its_identifiers_sorted(names, csr, expected):
    """create a new order with the acme server with an IPv4, an IPv6 address."""
    placed = order_answer("pending", code=201, location=ORDER_URL)
    bench = OrderBench(placed, names=names, conduct=CERT_MANAGER, **csr)
    bench.sync()
    assert bench.server.payload(-1) == {"identifiers": [{"type": kind, "value": value} for kind, value in expected]}


def test_a_duration_becomes_not_after_from_now():
    placed = order_answer("pending", code=201, location=ORDER_URL)
    bench = OrderBench(placed, spec={"duration": "24h0m0s"}, conduct=CERT_MANAGER)
    bench.sync()
    assert bench.server.payload(-1)["notAfter"] == "2026-01-02T00:00:00Z"


@pytest.mark.seed("B06")
@pytest.mark.parametrize(
    ("profile", "sent", "reason"),
    [
        ("short", "short", None),
        (
            "long",
            None,
            "Failed to create Order: acme: certificate authority does not advertise a profile with name long; it has: short",
        ),
    ],
)
def test_a_profile_is_one_of_the_directory_or_the_end(profile, sent, reason):
    """acme-profiles:profile-not-supported."""
    placed = order_answer("pending", code=201, location=ORDER_URL)
    bench = OrderBench(placed, spec={"profile": profile}, conduct=CERT_MANAGER)
    bench.sync()
    assert reason == bench.status.get("reason")
    assert ([NEW] if sent else []) == bench.calls
    assert not sent or bench.server.payload(-1)["profile"] == sent
