"""Solver and validation of tls-alpn-01 meet in virtual time, without a socket."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.settings import Settings
from acme_server.validation_authority import Attempt, validate
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from solvers.dns.answer import answer_question
from solvers.dns.zone import Zone
from solvers.solver import TLSALPN01, NotReady, Presentation, Ready
from solvers.tlsalpn01.responder import Responder
from solvers.tlsalpn01.solver import TlsAlpn01Solver
from tests.solvers.vantages import shake

START = datetime(2026, 1, 1, tzinfo=UTC)
NAME, KEY = "www.example.test", KeyAuthorization("token", "thumbprint")
PRESENTATION = Presentation(TLSALPN01, NAME, "token", KEY.http_body)
SETTINGS = Settings(tls_alpn_port=5001)


def validated(key):
    return validate(Attempt("tls-alpn-01", Identifier("dns", NAME), key, SETTINGS, lambda: START))


@pytest.fixture
def place():
    """Return a solver, and what conducts an inquiry and says what came of it and how many seconds it took."""
    zone, responder = Zone(), Responder()
    network = VirtualNetwork(
        dns=lambda question: answer_question(zone, question),
        latency=timedelta(seconds=1),
        tls_routes={"127.0.0.1:5001": lambda question: shake(responder, question)},
    )
    driver = VirtualDriver(START, network)

    def conduct(inquiry):
        results, before = [], driver.now()
        driver.spawn(inquiry, results.append)
        driver.run()
        return results[0], (driver.now() - before).total_seconds()

    return TlsAlpn01Solver(responder, 5001, random.Random(1).randbytes, driver.now), conduct


def test_what_the_solver_presents_is_valid_to_the_server(place):
    solver, conduct = place
    conduct(solver.present(PRESENTATION))
    assert conduct(solver.check(PRESENTATION)) == (Ready(), 3.0)
    verdict, seconds = conduct(validated(KEY))
    assert (verdict.valid, verdict.problem, seconds) == (True, None, 3.0)


def test_what_it_does_not_is_not(place):
    solver, conduct = place
    conduct(solver.present(PRESENTATION))
    conduct(solver.clean_up(PRESENTATION))
    assert isinstance(conduct(solver.check(PRESENTATION))[0], NotReady)
    verdict, _ = conduct(validated(KEY))
    assert (verdict.valid, verdict.problem.kind) == (False, "tls")


def test_another_account_s_answer_is_not_valid(place):
    solver, conduct = place
    conduct(solver.present(PRESENTATION))
    verdict, _ = conduct(validated(KeyAuthorization("token", "x")))
    assert (verdict.valid, verdict.problem.kind) == (False, "unauthorized")
