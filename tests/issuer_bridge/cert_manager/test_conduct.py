"""Where we differ from cert-manager on purpose: each row of `conduct` and of `error_classes`, in both columns."""

from datetime import timedelta

import attrs
import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.cert_manager.conduct import OURS, Conduct, conduct_of
from issuer_bridge.outcomes import Done, Retry, Wait
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
    chain_answer,
    described,
    order_answer,
)
from tests.issuer_bridge.scripted_server import BASE, answer, problem

CERT_MANAGER = conduct_of(NEWEST)
READY = {**described(), "state": "ready"}
PROCESSING = {**described(), "state": "processing"}
UNREAD = {**PLACED, "authorizations": [{"url": f"{BASE}/authz/1"}]}
SOON, LATER = Wait(timedelta(seconds=5)), Wait(timedelta(minutes=1), held=True)

# Where the server errs: (status, states of the Challenges, call, words before the error's).
STEPS = {
    "newOrder": ({}, None, NEW, "Failed to create Order: "),
    "authorization": (UNREAD, None, AUTHZ, "Failed to fetch authorization: "),
    "order": (described(), ["valid"], LOOK, "Failed to retrieve Order resource: "),
    "certificate": ({**described(), "state": "valid"}, ["valid"], CERT, "Failed to retrieve signed certificate: "),
}
REFUSED = HttpAnswer(error="connection refused")
# (the answer, whether it ends the order in our column and in cert-manager's)
ERRORS = {
    "network": (REFUSED, False, False),
    "no JSON": (answer(200, ["no", "object"]), False, False),
    "malformed": (problem("malformed", 400), True, True),
    "rateLimited": (problem("rateLimited", 429, Retry_After="60"), False, True),
    "accountDoesNotExist": (problem("accountDoesNotExist", 400), False, True),
    "unauthorized": (problem("unauthorized", 403), True, True),
    "serverInternal": (problem("serverInternal", 500, Retry_After="60"), False, False),
}


@pytest.mark.parametrize("conduct", [OURS, CERT_MANAGER], ids=["ours", "cert-manager"])
@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("step", STEPS)
def test_an_error_ends_the_order_or_is_tried_again(step, error, conduct):
    """cert-manager#5867: any 4xx, a rate limit among them, is the end there."""
    status, states, call, words = STEPS[step]
    reply, ours, theirs = ERRORS[error]
    before = [order_answer("valid")] if step == "certificate" else []
    bench = OrderBench(*before, reply, status=status, states=states, conduct=conduct)
    outcome = bench.sync()
    assert bench.calls[-1] == call
    if theirs if conduct is CERT_MANAGER else ours:
        assert (outcome, bench.status["state"]) == (Done(), "errored")
        assert bench.status["reason"].startswith(words)
        assert bench.status["failureTime"] == "2026-01-01T00:00:00Z"
    else:
        assert isinstance(outcome, Retry)
        assert outcome.reason.startswith(words)
        assert bench.status.get("state") == status.get("state")


@pytest.mark.parametrize(
    ("conduct", "expected"), [(OURS, timedelta(minutes=1)), (CERT_MANAGER, None)], ids=["ours", "cert-manager"]
)
def test_a_retry_after_is_heeded_or_not(conduct, expected):
    bench = OrderBench(problem("serverInternal", 503, Retry_After="60"), conduct=conduct)
    assert expected == bench.sync().after


@pytest.mark.parametrize(("conduct", "lost"), [(OURS, 1), (CERT_MANAGER, 0)], ids=["ours", "cert-manager"])
def test_a_forgotten_account_is_registered_again_or_not(conduct, lost):
    bench = OrderBench(problem("accountDoesNotExist", 400), conduct=conduct)
    bench.sync()
    assert lost == len(bench.lost)


@pytest.mark.parametrize(
    ("before", "states", "reply", "conduct", "outcome"),
    [
        (described(), ["valid"], "pending", OURS, SOON),
        (described(), ["valid"], "pending", CERT_MANAGER, SOON),
        (described(), ["invalid"], "pending", OURS, SOON),
        (described(), ["invalid"], "pending", CERT_MANAGER, Done()),
        (PROCESSING, ["valid"], "processing", OURS, SOON),
        (PROCESSING, ["valid"], "processing", CERT_MANAGER, Done()),
        (described(), ["valid"], "processing", CERT_MANAGER, Done()),
    ],
)
def test_an_order_that_is_not_decided_is_asked_about_again_or_not(before, states, reply, conduct, outcome):
    """cert-manager#5062 and #2868."""
    bench = OrderBench(order_answer(reply), status=before, states=states, conduct=conduct)
    assert outcome == bench.sync()
    assert bench.calls == [LOOK]


@pytest.mark.parametrize(("conduct", "outcome"), [(OURS, LATER), (CERT_MANAGER, Done())], ids=["ours", "cert-manager"])
def test_a_server_that_says_when_is_asked_then_or_never(conduct, outcome):
    bench = OrderBench(
        order_answer("processing", Retry_After="60"), status=PROCESSING, states=["valid"], conduct=conduct
    )
    assert outcome == bench.sync()


@pytest.mark.parametrize(
    ("conduct", "state"), [(OURS, "errored"), (CERT_MANAGER, "pending")], ids=["ours", "cert-manager"]
)
@pytest.mark.parametrize("verdict", ["errored", "expired"])
def test_our_own_verdict_on_a_challenge_ends_its_order_or_does_not(conduct, state, verdict):
    bench = OrderBench(order_answer("pending"), status=described(), states=[verdict], conduct=conduct)
    bench.sync()
    assert state == bench.status["state"]


@pytest.mark.parametrize(
    ("conduct", "calls"),
    [(OURS, [LOOK, FINALIZE, CERT]), (CERT_MANAGER, [FINALIZE, CERT, LOOK])],
    ids=["ours", "cert-manager"],
)
def test_finalize_is_looked_before_or_after(conduct, calls):
    """cert-manager#2765: what was finalized before a crash is not finalized again."""
    answers = {
        LOOK: order_answer("ready" if conduct is OURS else "valid"),
        FINALIZE: order_answer("valid"),
        CERT: chain_answer("root"),
    }
    bench = OrderBench(*[answers[call] for call in calls], status=READY, states=["valid"], conduct=conduct)
    bench.sync()
    assert calls == bench.calls
    assert bench.status["certificate"]


@pytest.mark.parametrize(
    ("conduct", "reason"),
    [(OURS, "challenge {} for a.test failed: it is invalid"), (CERT_MANAGER, None)],
    ids=["ours", "cert-manager"],
)
def test_an_invalid_order_says_why_or_does_not(conduct, reason):
    bench = OrderBench(order_answer("invalid"), status=described(), states=["invalid"], conduct=conduct)
    bench.sync()
    name = f"{bench.order['metadata']['name']}-"
    found = bench.status.get("reason")
    assert (reason is None) == (found is None)
    assert reason is None or (found.startswith(f"challenge {name}"), found.endswith(reason[13:])) == (True, True)


@pytest.mark.parametrize("conduct", [OURS, CERT_MANAGER], ids=["ours", "cert-manager"])
def test_an_order_without_a_solver_hangs_and_tells_in_an_event(conduct):
    """Ours writes it into the Order too, and tells once."""
    bench = OrderBench(status=described("tls-alpn-01"), conduct=conduct)
    assert [bench.sync(), bench.sync()] == [Done(), Done()]
    ((_, reason, text),) = bench.events
    assert reason == "Solver"
    assert (bench.status.get("reason") == text) == conduct.explains
    assert bench.calls == []


@pytest.mark.parametrize("conduct", [OURS, CERT_MANAGER], ids=["ours", "cert-manager"])
def test_what_is_renewed_is_named_or_not(conduct):
    placed = order_answer("pending", code=201, location=ORDER_URL)
    directory = {"renewalInfo": f"{BASE}/renewal-info"}
    bench = OrderBench(placed, spec={"replaces": "aki.serial"}, directory=directory, conduct=conduct)
    bench.sync()
    assert bench.server.payload(-1).get("replaces") == ("aki.serial" if conduct is OURS else None)


ARI = {"directory": {"renewalInfo": f"{BASE}/renewal-info"}}
REFUSALS = [
    problem("alreadyReplaced", 409),
    answer(400, {"type": "urn:ietf:params:acme:error:malformed", "detail": 'path "Replaces" is no certificate'}),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=["alreadyReplaced", "malformed"])
def test_a_server_that_refuses_what_is_replaced_is_asked_once_more_without(refusal):
    placed = order_answer("pending", code=201, location=ORDER_URL)
    bench = OrderBench(refusal, placed, spec={"replaces": "aki.serial"}, conduct=OURS, **ARI)
    assert bench.sync() == Done()
    assert [bench.server.payload(number).get("replaces") for number in (-2, -1)] == ["aki.serial", None]
    assert bench.status["url"] == ORDER_URL


@pytest.mark.parametrize(
    ("answers", "posts"),
    [
        ([problem("alreadyReplaced", 409)] * 2, 2),
        ([problem("malformed", 400)], 1),
        ([problem("rejectedIdentifier", 400)], 1),
    ],
    ids=["refused twice", "malformed otherwise", "refused otherwise"],
)
def test_what_is_refused_for_another_reason_is_not_asked_again(answers, posts):
    bench = OrderBench(*answers, spec={"replaces": "aki.serial"}, conduct=OURS, **ARI)
    bench.sync()
    assert (bench.calls, bench.status["state"]) == ([NEW] * posts, "errored")


def test_a_server_without_renewal_information_is_not_told_what_is_replaced():
    placed = order_answer("pending", code=201, location=ORDER_URL)
    bench = OrderBench(placed, spec={"replaces": "aki.serial"}, conduct=OURS)
    bench.sync()
    assert "replaces" not in bench.server.payload(-1)


def test_every_row_differs():
    names = [field.name for field in attrs.fields(Conduct)]
    assert [name for name in names if getattr(OURS, name) == getattr(CERT_MANAGER, name)] == []
