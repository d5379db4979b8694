"""What a check does, and the verdict that it gets."""

import socket
from contextlib import closing
from threading import Thread

import pytest

from conformance.check import check
from conformance.options import Options
from conformance.runner import judge
from conformance.session import Session
from conformance.verdict import Level, NotOffered, NotReachable, Outcome, expect
from conformance.wire import Exchange


def passes(session):
    """It passes."""


def fails(session):
    expect(met=False, expected="a reply", actual="none")


def is_not_offered(session):
    raise NotOffered("the server says so")


def is_not_reachable(session):
    raise NotReachable("the way ended")


def reads_a_member_that_the_server_left_out(session):
    session.directory["noSuchMember"]


def is_mistaken(session):
    raise TypeError("a mistake of the suite")


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        (passes, Outcome.PASS),
        (fails, Outcome.FAIL),
        (is_not_offered, Outcome.NOT_OFFERED),
        (is_not_reachable, Outcome.NOT_REACHABLE),
        (reads_a_member_that_the_server_left_out, Outcome.NOT_REACHABLE),
        (is_mistaken, Outcome.ERROR),
    ],
)
def test_what_a_check_does_becomes_a_verdict(open_session, run, outcome):
    assert judge(check("6.1", Level.MUST)(run), open_session()).outcome is outcome


def test_a_member_that_the_directory_lacks_is_not_offered(open_session):
    assert judge(check("6.1", Level.MUST, "noSuchMember")(fails), open_session()).outcome is Outcome.NOT_OFFERED


def test_the_time_of_a_run_is_limited(open_session):
    assert judge(check("6.1", Level.MUST)(fails), open_session(time_limit=0.0)).detail == "the run's time was over"


def test_only_a_must_that_fails_breaks(open_session):
    levels = (Level.MUST, Level.SHOULD, Level.MAY)
    assert [judge(check("6.1", level)(fails), open_session()).breaks for level in levels] == [True, False, False]


def test_a_verdict_has_the_exchanges_of_its_check_alone(open_session):
    session = open_session()
    first = judge(check("6.1", Level.MUST)(lambda one: one.stranger().fresh_nonce()), session)
    second = judge(check("6.1", Level.MUST)(lambda one: one.stranger().fresh_nonce()), session)
    assert [exchange.method for exchange in first.exchanges] == ["GET", "HEAD"]
    assert [exchange.method for exchange in second.exchanges] == ["HEAD"]
    assert all(isinstance(exchange, Exchange) and exchange.reply for exchange in first.exchanges)


def hang_up(listener):
    listener.accept()[0].close()


def test_a_server_that_hangs_up_fails_the_check_that_asked():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=hang_up, args=(listener,), daemon=True).start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/dir"
        with closing(Session(Options(directory=url))) as session:
            verdict = judge(check("6.1", Level.MUST)(reads_the_directory), session)
    assert (verdict.outcome, verdict.expected) == (Outcome.FAIL, "an HTTP reply")
    assert [exchange.reply for exchange in verdict.exchanges] == [None]


def reads_the_directory(session):
    assert session.directory
