"""What an error means for a challenge: upstream's rows (sync_test.go, Test_HandleError), and ours beside them."""

import pytest

from acme_server.protocol.problem import Problem
from issuer_bridge.acme_client.errors import NetworkError, TransportError
from issuer_bridge.cert_manager.error_classes import ROWS, ErrorClass, class_of, judged
from scheduler.versions import NEWEST, version

REFUSED = "Failed to retrieve Order resource: "


def problem(status, kind="unauthorized"):
    return Problem(kind, "no", status)


ERRORS = [
    (NetworkError("no verdict within 120 seconds"), ErrorClass.NETWORK),
    (NetworkError("dial tcp: i/o timeout"), ErrorClass.NETWORK),
    (TransportError("some unexpected non-network error"), ErrorClass.UNEXPECTED),
    (problem(400, "malformed"), ErrorClass.MALFORMED),
    (problem(404, "malformed"), ErrorClass.MALFORMED),
    (problem(429, "rateLimited"), ErrorClass.PASSING),
    (problem(400, "badNonce"), ErrorClass.PASSING),
    (problem(400, "accountDoesNotExist"), ErrorClass.PASSING),
    (problem(404), ErrorClass.REFUSED),
    (problem(500, "serverInternal"), ErrorClass.SERVER),
    (problem(503, "rateLimited"), ErrorClass.SERVER),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS, ids=str)
def test_every_error_has_its_row(error, expected):
    assert expected is class_of(error)


def test_every_class_has_an_error_and_a_row():
    assert list(dict.fromkeys(expected for _, expected in ERRORS)) == list(ROWS) == list(ErrorClass)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (NetworkError("dial tcp: i/o timeout"), "", ""),
        (TransportError("odd"), "errored", "unexpected non-ACME API error: odd"),
        (problem(400, "malformed"), "expired", ""),
        (problem(404), "errored", f"{REFUSED}404 urn:ietf:params:acme:error:unauthorized: no"),
        (problem(429, "rateLimited"), "errored", f"{REFUSED}429 urn:ietf:params:acme:error:rateLimited: no"),
        (problem(500), "", ""),
    ],
    ids=str,
)
def test_the_newest_cert_manager_judges_so(error, state, reason):
    assert (state, reason) == judged(error, NEWEST)


@pytest.mark.parametrize(
    ("release", "network", "unexpected"),
    [("1.15", "", ""), ("1.16", "errored", "errored"), ("1.20", "errored", "errored"), ("1.21", "", "errored")],
)
def test_what_is_no_acme_problem_is_judged_by_the_release(release, network, unexpected):
    rules = version(release)
    assert network == judged(NetworkError("reset"), rules)[0]
    assert unexpected == judged(TransportError("odd"), rules)[0]


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (NetworkError("reset"), ""),
        (TransportError("odd"), ""),
        (problem(400, "malformed"), "expired"),
        (problem(429, "rateLimited"), ""),
        (problem(400, "accountDoesNotExist"), ""),
        (problem(403), "errored"),
        (problem(500), ""),
    ],
    ids=str,
)
def test_by_our_rules_nothing_ends_that_waiting_helps(error, state):
    assert (state, "") == judged(error)
