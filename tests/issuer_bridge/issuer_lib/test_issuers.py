"""An issuer's loop: issuer-lib's own table in its rows, and the rows that differ on purpose."""

from datetime import timedelta

import pytest

from issuer_bridge.issuer_lib.issuers import checked, decide
from issuer_bridge.issuer_lib.outcomes import IssuerFault, Permanent
from issuer_bridge.issuer_lib.steps import NOTHING, Ask, Event, Step
from issuer_bridge.outcomes import Done, Retry, Wait
from tests.issuer_bridge.issuer_lib.lib_resources import CHECKED, OURS, OWNER, T1, T2, UPSTREAM, issuer, ready

TEXT = "[specific error]"
FAULT, ERROR = IssuerFault(TEXT), Exception(TEXT)
BEGUN = ready("Unknown", "Initializing", f"{OWNER} has started reconciling this Issuer", T1, 80)
READY = ready("True", "Checked", CHECKED, T1, 80)
FAILED = ready("False", "Failed", "x", T1, 80)
NOT_READY = f"Not ready yet: {TEXT}"
IN_TEN_MINUTES = Wait(timedelta(minutes=10))


def look(resource, options, said, reported=None, reopened=False):
    step = decide(resource, reported, T2, options, reopened=reopened)
    return checked(resource, said, T2, options, 0.5) if isinstance(step, Ask) else step


def told(condition, type_, reason, then=None):
    return Step({"conditions": [condition]}, Event(type_, reason, condition["message"]), then or Done())


def good(since=T2, generation=80):
    return told(ready("True", "Checked", CHECKED, since, generation), "Normal", "Checked")


RETRIED = told(ready("False", "Pending", NOT_READY, T2, 80), "Warning", "RetryableError", Retry(TEXT))
# Name, conditions, generation, what `check` says, what was reported, what comes of it.
TABLE = [
    ("2 ready stays ready", [READY], 80, None, None, good(T1)),
    ("3 failed is left alone", [FAILED], 80, None, None, NOTHING),
    ("4 failed, whatever is reported", [FAILED], 80, None, FAULT, NOTHING),
    ("5 ready and reported", [READY], 80, None, FAULT, RETRIED),
    ("6 ready, of another generation", [READY], 81, None, None, good(T1, 81)),
    (
        "7 initialize",
        [],
        80,
        None,
        None,
        Step({"conditions": [{**BEGUN, "lastTransitionTime": READY["lastTransitionTime"].replace("07:", "11:", 1)}]}),
    ),
    ("8 error", [BEGUN], 80, ERROR, None, RETRIED),
    (
        "9 permanent",
        [BEGUN],
        80,
        Permanent(TEXT),
        None,
        told(ready("False", "Failed", f"Failed permanently: {TEXT}", T2, 80), "Warning", "PermanentError"),
    ),
    ("10 success", [BEGUN], 80, None, None, good()),
    ("11 failed, of an older generation", [FAILED], 81, None, None, good(T2, 81)),
    ("12 not ready and reported", [ready("False", "Pending", "x", T1, 80)], 80, None, FAULT, good()),
]


@pytest.mark.seed("L14", "L15", "L21", "X16")
@pytest.mark.parametrize(
    ("conditions", "generation", "said", "reported", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_as_issuer_lib(conditions, generation, said, reported, expected):
    assert look(issuer(*conditions, generation=generation), UPSTREAM, said, reported) == expected


@pytest.mark.parametrize(
    ("conditions", "generation", "said", "reported", "expected"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_by_default(conditions, generation, said, reported, expected):
    """D7: what was good is looked at again."""
    step = look(issuer(*conditions, generation=generation), OURS, said, reported)
    if expected.event and expected.event.reason == "Checked":
        expected = Step(expected.status, expected.event, IN_TEN_MINUTES)
    assert step == expected


@pytest.mark.parametrize(("options", "reason"), [(OURS, "Failed"), (UPSTREAM, "Checked")])
def test_d11_a_fault_for_good_is_not_lost_on_an_issuer_in_trouble(options, reason):
    trouble = issuer(ready("False", "Pending", "x", T1, 80), generation=80)
    step = look(trouble, options, None, IssuerFault(TEXT, permanent=True))
    assert step.status["conditions"][0]["reason"] == reason


@pytest.mark.parametrize(("chance", "minutes"), [(0, 8), (0.5, 10), (1, 12)])
def test_d7_the_next_look_is_spread(chance, minutes):
    assert checked(issuer(READY), None, T2, OURS, chance).then == Wait(timedelta(minutes=minutes))


@pytest.mark.parametrize(("options", "expected"), [(OURS, Ask()), (UPSTREAM, NOTHING)])
def test_d10_a_failed_issuer_is_looked_at_when_its_secrets_are_others(options, expected):
    assert decide(issuer(FAILED, generation=80), None, T2, options, reopened=True) == expected


def test_a_fault_that_says_when_is_checked_then_and_a_change_does_not_have_to_wait():
    step = look(issuer(READY, generation=80), OURS, None, IssuerFault(TEXT, after=timedelta(hours=1)))
    assert step.then == Wait(timedelta(hours=1), keeps_failures=True)


def test_a_fault_for_good_fails_the_issuer():
    step = look(issuer(READY, generation=80), UPSTREAM, None, IssuerFault(TEXT, permanent=True))
    assert step.status["conditions"][0]["reason"] == "Failed"
