"""Which errors pass by themselves, and how long the server wants us to wait."""

from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_client.errors import delay_of, is_account_lost, is_transient, problem_in, retry_after
from tests.issuer_bridge.scripted_server import answer, problem

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("120", timedelta(minutes=2)),
        (" 5 ", timedelta(seconds=5)),
        ("0", timedelta(0)),
        ("Thu, 01 Jan 2026 00:01:00 GMT", timedelta(minutes=1)),
        ("Thu, 01 Jan 2026 01:01:00 +0100", timedelta(minutes=1)),
        ("Thu, 01 Jan 2026 00:01:00", timedelta(minutes=1)),
        ("Wed, 31 Dec 2025 00:00:00 GMT", timedelta(0)),
        ("99999999999999999999", timedelta(days=3650)),
        ("-5", None),
        ("1.5", None),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected):
    assert expected == delay_of(text, NOW)


@pytest.mark.parametrize(
    ("given", "transient"),
    [
        (problem("rateLimited", 429), True),
        (problem("serverInternal", 500), True),
        (HttpAnswer(503, (), b"<html>maintenance</html>"), True),
        (HttpAnswer(429, (), b""), True),
        (problem("badNonce", 400), True),
        (problem("malformed", 400), False),
        (problem("unauthorized", 403), False),
        (problem("accountDoesNotExist", 400), False),
        (HttpAnswer(404, (), b"{}"), False),
        (HttpAnswer(302, (("Location", "http://elsewhere"),), b""), False),
    ],
)
def test_rate_limits_and_the_servers_own_errors_pass(given, transient):
    assert transient == is_transient(problem_in(given))


def test_an_error_without_a_problem_document_says_what_came():
    found = problem_in(HttpAnswer(503, (("Retry-After", "9"),), b"down for\nmaintenance"))
    assert str(found) == "503 about:blank: down for maintenance"
    assert retry_after(found, NOW) == timedelta(seconds=9)


def test_only_one_problem_means_that_the_account_is_lost():
    assert [is_account_lost(problem_in(problem(kind))) for kind in ("accountDoesNotExist", "unauthorized")] == [
        True,
        False,
    ]


def test_what_a_stranger_says_is_one_line_that_a_terminal_may_be_shown():
    document = {"type": "urn:x\n", "detail": "\x1b[2Jno\r\n", "subproblems": [{"detail": "\x07"}]}
    found = problem_in(answer(400, document))
    assert (found.kind, found.detail, found.subproblems[0].detail) == ("urn:x ", " [2Jno  ", " ")
    assert len(problem_in(answer(400, {"detail": "x" * 9999})).detail) == 2000


@pytest.mark.parametrize("subproblems", [True, 5, "text", {"detail": "a"}, None])
def test_subproblems_that_are_no_list_are_none(subproblems):
    assert problem_in(answer(400, {"detail": "no", "subproblems": subproblems})).subproblems == ()
