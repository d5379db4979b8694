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
from tests.conformance.mutants import document, drop


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


@pytest.mark.parametrize(
    ("directory", "destructive", "may"),
    [
        ("https://127.0.0.1:14000/dir", None, True),
        ("https://[::1]:14000/dir", None, True),
        ("https://localhost/dir", None, True),
        ("https://acme.test/dir", None, False),
        ("https://192.0.2.1/dir", None, False),
        ("https://acme.test/dir", True, True),
        ("https://127.0.0.1/dir", False, False),
    ],
)
def test_harm_is_done_on_loopback_or_when_asked_for(directory, destructive, may):
    options = Options(directory=directory, destructive=destructive)
    assert options.may_harm is may
    with closing(Session(options)) as session:
        harmful = check("7.6", Level.MUST, destructive=True)(fails)
        assert judge(harmful, session).outcome is (Outcome.FAIL if may else Outcome.LEFT_OUT)


@pytest.mark.parametrize(
    ("path", "change", "demanded"),
    [
        ("/new-order", drop("finalize"), "7.1.3"),
        ("/new-order", lambda shown: shown.update(authorizations=7), "7.1.3"),
        ("/authz/[^/]+", drop("challenges"), "7.1.4"),
        ("/authz/[^/]+", lambda shown: shown.update(challenges=["http-01"]), "7.1.4"),
    ],
)
def test_an_object_without_what_it_must_have_fails_the_section_that_demands_it(
    open_session, monkeypatch, path, change, demanded
):
    document(path, change)(monkeypatch)
    outcomes = {
        section: judge(check(section, Level.MUST)(reads_an_authorization), open_session()).outcome
        for section in (demanded, "6.3")
    }
    assert outcomes == {demanded: Outcome.FAIL, "6.3": Outcome.NOT_REACHABLE}


def reads_an_authorization(session):
    session.authorization(session.account, session.order(session.account))
