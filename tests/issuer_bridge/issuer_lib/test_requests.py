"""A request's loop: issuer-lib's own table in its rows and order, and the rows that differ on purpose."""

import base64
from datetime import timedelta

import attrs
import pytest

from acme_server.protocol.times import rfc3339
from issuer_bridge.issuer_lib.forms import CERTIFICATE_REQUESTS
from issuer_bridge.issuer_lib.outcomes import Bundle, IssuerFault, Pending, Permanent, WithCondition
from issuer_bridge.issuer_lib.requests import decide, mine, signed
from issuer_bridge.issuer_lib.steps import NOTHING, Ask, Event, Step
from issuer_bridge.outcomes import Done, Retry, Wait
from tests.issuer_bridge.issuer_lib.lib_resources import (
    APPROVED,
    BEGUN,
    DENIED,
    HEALTHY,
    KINDS,
    OURS,
    OWNER,
    T1,
    T2,
    TEST_CLUSTER_ISSUER,
    UPSTREAM,
    condition,
    issuer,
    ready,
    request,
)

LATE = T2 - timedelta(minutes=2)
OWN = condition("Own", "True", "OwnReason", "test error")
ERROR = Exception("test error")


def look(resource, found, options, said=ERROR, now=T2):
    """One pass of the loop, with `sign` saying what is given."""
    place = mine(resource, CERTIFICATE_REQUESTS, KINDS, options)
    if place is None:
        return NOTHING
    step = decide(CERTIFICATE_REQUESTS, resource, place, found, now, options)
    return signed(CERTIFICATE_REQUESTS, resource, found, said, now, options) if isinstance(step, Ask) else step


def told(reason, message, status="False", type_="Warning", event=None, then=None, **fields):
    step = {"conditions": [ready(status, reason, message)], **fields}
    return Step(step, Event(type_, event or reason, message), then or Done())


def own(inner, **changes):
    return attrs.evolve(WithCondition(inner, "Own", "True", "OwnReason"), **changes)


def with_own(step, condition_=OWN):
    return attrs.evolve(step, status={**step.status, "conditions": [condition_, *step.status["conditions"]]})


FAILURE = {"failureTime": rfc3339(T2)}
WILL_RETRY = told("Pending", "Failed to sign CertificateRequest, will retry: test error", event="RetryableError")
FAILED = told("Failed", "Failed permanently to sign CertificateRequest: test error", event="PermanentError", **FAILURE)
NOT_READY = "Waiting for issuer to become ready. Current issuer ready condition"
DENIED_TEXT = "Detected that the CertificateRequest is denied, so it will never be Ready."
DENIED_STEP = told("Denied", DENIED_TEXT, event="PermanentError", **FAILURE)
ISSUED = told(
    "Issued",
    "Succeeded signing the CertificateRequest",
    "True",
    "Normal",
    certificate=base64.b64encode(b"a chain").decode(),
)
TWICE = "Signing still in progress. Reason: Signing still in progress. Reason: "
POLLED = told("Pending", f"{TWICE}test error", event="RetryableError", then=Wait(timedelta(seconds=1)))


def waits(text, event):
    return told("Pending", text, type_="Normal", event=event)


def usual(created=T1, *conditions, **fields):
    return request(BEGUN, APPROVED, *conditions, created=created, **fields)


# Name, request, issuer, what `sign` says, what comes of it; the numbers are those of issuer-lib's table.
TABLE = [
    ("2 neither approved nor denied", request(), issuer(HEALTHY), ERROR, NOTHING),
    ("3 another group", usual(group="other"), issuer(HEALTHY), ERROR, NOTHING),
    ("4 another kind", usual(kind="Other"), issuer(HEALTHY), ERROR, NOTHING),
    ("5 ready", request(ready("True", "Issued", "m"), APPROVED), issuer(HEALTHY), ERROR, NOTHING),
    ("6 failed", request(ready("False", "Failed", "m"), APPROVED), issuer(HEALTHY), ERROR, NOTHING),
    ("7 denied", request(ready("False", "Denied", "m"), APPROVED), issuer(HEALTHY), ERROR, NOTHING),
    (
        "8 initialize",
        request(APPROVED),
        issuer(HEALTHY),
        ERROR,
        Step({"conditions": [{**BEGUN, "lastTransitionTime": rfc3339(T2)}]}),
    ),
    ("9 denied and approved", usual(T1, DENIED), issuer(HEALTHY), ERROR, DENIED_STEP),
    (
        "10 no issuer",
        usual(),
        None,
        ERROR,
        waits(
            'testissuers.testing.cert-manager.io "issuer-1" not found. Waiting for it to be created.',
            "WaitingForIssuerExist",
        ),
    ),
    ("11 issuer without Ready", usual(), issuer(), ERROR, waits(f"{NOT_READY}: <none>.", "WaitingForIssuerReady")),
    (
        "12 issuer not ready",
        usual(),
        issuer(ready("False", "[REASON]", "[MESSAGE]", T1, 70)),
        ERROR,
        waits(f'{NOT_READY} is "[REASON]": [MESSAGE].', "WaitingForIssuerReady"),
    ),
    (
        "13 issuer outdated",
        usual(),
        issuer(HEALTHY, generation=71),
        ERROR,
        waits(f"{NOT_READY} is outdated.", "WaitingForIssuerReady"),
    ),
    ("14 too late to retry", usual(LATE), issuer(HEALTHY), ERROR, FAILED),
    ("15 pending", usual(LATE), issuer(HEALTHY), Pending("test error"), POLLED),
    (
        "16 pending for so long",
        usual(LATE),
        issuer(HEALTHY),
        Pending("test error", timedelta(seconds=5)),
        attrs.evolve(POLLED, then=Wait(timedelta(seconds=5))),
    ),
    ("17 own condition, new", usual(T2), issuer(HEALTHY), own(ERROR), with_own(WILL_RETRY)),
    (
        "18 own condition, known",
        usual(T2, condition("Own", "True", "OldReason", "old", T1)),
        issuer(HEALTHY),
        own(ERROR),
        with_own(
            attrs.evolve(WILL_RETRY, then=Retry("test error")), condition("Own", "True", "OwnReason", "test error", T1)
        ),
    ),
    ("19 own condition, new, too late", usual(LATE), issuer(HEALTHY), own(ERROR), with_own(FAILED)),
    (
        "20 own condition, known, too late",
        usual(LATE, condition("Own", "True", "OldReason", "old", T1)),
        issuer(HEALTHY),
        own(ERROR),
        with_own(FAILED, condition("Own", "True", "OwnReason", "test error", T1)),
    ),
    (
        "21 own condition and pending",
        usual(LATE),
        issuer(HEALTHY),
        own(Pending("test error")),
        with_own(attrs.evolve(POLLED, then=Done())),
    ),
    ("22 own condition and permanent", usual(T2), issuer(HEALTHY), own(Permanent("test error")), with_own(FAILED)),
    ("23 permanent", usual(T2), issuer(HEALTHY), Permanent("test error"), FAILED),
    ("24 retry", usual(T2), issuer(HEALTHY), ERROR, attrs.evolve(WILL_RETRY, then=Retry("test error"))),
    ("25 issued", usual(), issuer(HEALTHY), Bundle(b"a chain", b"a root"), ISSUED),
    (
        "26 issued by a cluster-wide issuer",
        usual(kind="TestClusterIssuer", name="cluster-issuer-1"),
        issuer(HEALTHY, kind=TEST_CLUSTER_ISSUER, name="cluster-issuer-1"),
        Bundle(b"a chain"),
        ISSUED,
    ),
]
# What of the table is otherwise by default: each row with its delta.
POLL = told("Pending", "Signing still in progress. Reason: test error", type_="Normal", event="Pending")
AGAIN = Wait(timedelta(seconds=1), keeps_failures=True)
EXPECTED_DIFFERENCES = {
    "14 too late to retry": FAILED,
    "15 pending": attrs.evolve(POLL, then=AGAIN),  # D2, D4
    "16 pending for so long": attrs.evolve(POLL, then=Wait(timedelta(seconds=5), keeps_failures=True)),
    "21 own condition and pending": with_own(POLL),
}


@pytest.mark.seed("L16", "L18", "L19", "L20")
@pytest.mark.parametrize(
    ("resource", "found", "said", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_as_issuer_lib(resource, found, said, expected):
    assert look(resource, found, UPSTREAM, said) == expected


@pytest.mark.parametrize(("name", "resource", "found", "said", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_by_default(name, resource, found, said, expected):
    assert look(resource, found, OURS, said) == EXPECTED_DIFFERENCES.get(name, expected)


@pytest.mark.seed("L10", "X15")
def test_9b_denied_only_is_an_end_and_not_so_in_issuer_lib():
    """issuer-lib#507: its README says that it is."""
    denied = request(BEGUN, DENIED)
    assert look(denied, issuer(HEALTHY), OURS) == DENIED_STEP
    assert look(denied, issuer(HEALTHY), UPSTREAM) == NOTHING


@pytest.mark.seed("L17")
def test_a_fault_of_the_issuer_is_reported_and_the_request_waits():
    fault = IssuerFault("no such account")
    for options in (OURS, UPSTREAM):
        step = look(usual(LATE), issuer(HEALTHY), options, own(fault))
        assert step == attrs.evolve(waits(f"{NOT_READY} is outdated.", "WaitingForIssuerReady"), report=fault)


@pytest.mark.parametrize(("options", "failed"), [(OURS, True), (UPSTREAM, False)])
def test_d3_pending_has_an_end(options, failed):
    step = look(usual(T2 - timedelta(days=7, seconds=1)), issuer(HEALTHY), options, Pending("test error"))
    assert (step.status["conditions"][-1]["reason"] == "Failed") == failed


def test_d4_a_poll_that_says_something_new_is_progress():
    polled = request(ready("False", "Pending", "Signing still in progress. Reason: queued"), APPROVED)
    assert look(polled, issuer(HEALTHY), OURS, Pending("queued")).then == AGAIN
    assert look(polled, issuer(HEALTHY), OURS, Pending("approved")).then == Wait(timedelta(seconds=1))


def test_d2_a_poll_that_says_the_same_is_not_told_again():
    polled = request(ready("False", "Pending", "Signing still in progress. Reason: queued"), APPROVED)
    assert look(polled, issuer(HEALTHY), OURS, Pending("queued")).event is None


def test_d6_a_request_at_fault_is_marked_invalid():
    said = Permanent("test error", invalid_request=True)
    assert look(usual(), issuer(HEALTHY), UPSTREAM, said) == FAILED
    invalid = condition("InvalidRequest", "True", "InvalidRequest", "test error")
    failed = FAILED.status["conditions"][0]
    assert look(usual(), issuer(HEALTHY), OURS, said).status["conditions"] == [failed, invalid]


@pytest.mark.parametrize(("options", "reason"), [(OURS, "Pending"), (UPSTREAM, "Failed")])
def test_d12_a_request_has_its_time_again_when_its_issuer_is_back(options, reason):
    back = issuer(ready("True", "Checked", "m", T2 - timedelta(seconds=30), 70))
    assert look(usual(LATE), back, options).status["conditions"][-1]["reason"] == reason


@pytest.mark.seed("L16")
def test_the_bound_of_retries_is_strict():
    assert look(usual(T2 - timedelta(minutes=1)), issuer(HEALTHY), UPSTREAM).then == Retry("test error")


def test_a_request_of_nobodys_business_is_left_alone():
    for function in ("ignores_request", "ignores_issuer"):
        options = attrs.evolve(UPSTREAM, **{function: lambda value: value.name in ("cr1", "issuer-1")})
        assert look(usual(), issuer(HEALTHY), options) == NOTHING


@pytest.mark.seed("K10")
def test_the_ca_is_written_only_when_asked_for():
    step = look(usual(), issuer(HEALTHY), attrs.evolve(OURS, set_ca=True), Bundle(b"a chain", b"a root"))
    assert step.status["ca"] == base64.b64encode(b"a root").decode()


def test_messages_name_the_owner():
    assert OWNER in look(request(APPROVED), None, OURS).status["conditions"][0]["message"]
