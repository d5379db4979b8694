"""Accepting a challenge: what the server may say, and what becomes of the challenge then."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_client.client import Client
from issuer_bridge.cert_manager.accepting import Acceptance
from issuer_bridge.cert_manager.accounts import Accounts, Target
from issuer_bridge.cert_manager.conduct import conduct_of
from scheduler.events import (
    Accept,
    Accepted,
    AcceptFailed,
    Decided,
    FetchState,
    StateFetched,
    SyncFailed,
    WaitAuthorization,
)
from scheduler.versions import NEWEST
from tests.issuer_bridge.bridge_resources import issuer
from tests.issuer_bridge.scripted_server import BASE, ScriptedServer, answer, problem

SPEC = {"authorizationURL": f"{BASE}/authz/1", "url": f"{BASE}/chall/1"}
CONNECTION = {"type": "urn:ietf:params:acme:error:connection", "detail": "refused", "status": 400}
TOLD = "Error accepting authorization: acme: authorization error for a.test: "
PENDING, VALID, INVALID = "pending", "valid", "invalid"


def challenge(status=PENDING, error=None):
    document = {"type": "http-01", "url": f"{BASE}/chall/1", "status": status, "token": "t"}
    return document | ({"error": error} if error else {})


def authorization(status=PENDING, *challenges, **headers):
    listed = list(challenges) or [challenge("pending" if status == PENDING else status)]
    document = {"status": status, "identifier": {"type": "dns", "value": "a.test"}, "challenges": listed}
    return answer(200, document, **headers)


class Bench:
    def __init__(self, *script, registered=True, **choices):
        self.server = ScriptedServer(answer(201, {"status": "valid"}, Location=f"{BASE}/account/1"), *script)
        client = Client(f"{BASE}/dir", ec.derive_private_key(7, ec.SECP256R1()), self.server.clock)
        self.server.run(client.register())
        accounts, self.lost = Accounts(), []
        if registered:
            accounts.put(issuer(), Target("", None, verify=True, key_hash="", email="", generation=1), client)
        self.acceptance = Acceptance(self.server.clock, accounts, self.lost.append, **choices)

    def ask(self, effect=Accept, resource=None):
        return self.server.run(self.acceptance.perform(effect("c"), SPEC, resource or issuer()))

    def accept(self):
        """Accept, and wait for the verdict."""
        told = self.ask()
        return self.ask(WaitAuthorization) if told == Accepted("c") else told

    @property
    def posts(self):
        return [item for item in self.server.asked if isinstance(item, str) and item.startswith("POST")][1:]


LOOK, RESPOND = "POST /authz/1", "POST /chall/1"


def test_the_authorization_is_read_the_challenge_answered_and_the_verdict_awaited():
    bench = Bench(authorization(), answer(200, challenge("processing")), authorization(), authorization(VALID))
    assert bench.accept() == Decided("c", "valid", "Successfully authorized domain")
    assert bench.posts == [LOOK, RESPOND, LOOK, LOOK]


@pytest.mark.parametrize("status", [VALID, INVALID, "expired", "deactivated", "revoked"])
def test_what_is_decided_is_not_answered(status):
    bench = Bench(authorization(status, challenge(VALID if status == VALID else INVALID)))
    assert isinstance(bench.accept(), Decided)
    assert bench.posts == [LOOK]


def test_what_was_answered_before_a_crash_is_not_answered_again():
    bench = Bench(authorization(PENDING, challenge("processing")), authorization(VALID))
    assert bench.accept().state == "valid"
    assert bench.posts == [LOOK, LOOK]


@pytest.mark.seed("X17")
@pytest.mark.parametrize(
    ("status", "challenges", "state", "reason"),
    [
        (
            INVALID,
            [challenge(INVALID, CONNECTION)],
            "invalid",
            f"{TOLD}400 urn:ietf:params:acme:error:connection: refused",
        ),
        (
            INVALID,
            [challenge(INVALID)],
            "invalid",
            TOLD,
        ),
        ("expired", [challenge()], "expired", "Error accepting authorization: it has expired"),
        ("deactivated", [challenge()], "errored", "Error accepting authorization: it was deactivated"),
    ],
)
def test_a_verdict_comes_with_upstreams_words(status, challenges, state, reason):
    assert Bench(authorization(status, *challenges)).accept() == Decided("c", state, reason)


@pytest.mark.seed("K25")
@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (authorization(), StateFetched("c")),
        (authorization(PENDING, challenge("processing")), StateFetched("c")),
        (authorization(VALID), Decided("c", "valid", "Successfully authorized domain")),
        (
            authorization("expired", challenge()),
            Decided("c", "expired", "Error accepting authorization: it has expired"),
        ),
        (
            problem("serverInternal", 500),
            SyncFailed(
                "c", "Error getting authorization: 500 urn:ietf:params:acme:error:serverInternal: serverInternal it is"
            ),
        ),
    ],
)
def test_the_state_is_that_of_the_authorization_and_nothing_is_answered(reply, expected):
    bench = Bench(reply)
    assert expected == bench.ask(FetchState)
    assert bench.posts == [LOOK]


def test_cert_manager_s_errors_hold_when_asked_for():
    found = Bench(problem("rateLimited", 429, Retry_After="9"), conduct=conduct_of(NEWEST)).accept()
    assert (found.state, found.reason[:36]) == ("errored", "Failed to retrieve Order resource: 4")


def test_a_wait_may_be_as_long_as_it_takes():
    """cert-manager before 1.16."""
    waits = [authorization(PENDING, challenge("processing"), Retry_After="86400") for _ in range(3)]
    bench = Bench(*waits, authorization(VALID), wait=None)
    assert bench.accept().state == "valid"
    assert sum(bench.server.pauses, timedelta(0)) == timedelta(days=2)


def test_a_challenge_that_the_authorization_does_not_have_is_an_error():
    other = challenge() | {"url": f"{BASE}/chall/2"}
    decided = Bench(authorization(PENDING, other)).accept()
    assert (decided.state, "does not have a challenge with the URL" in decided.reason) == ("errored", True)


def test_without_a_verdict_within_two_minutes_it_is_tried_again():
    waits = [authorization(PENDING, challenge("processing"), Retry_After="86400") for _ in range(3)]
    bench = Bench(*waits)
    assert bench.accept() == SyncFailed("c", "Error accepting authorization: no verdict within 120 seconds")
    assert sum(bench.server.pauses, timedelta(0)) == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (HttpAnswer(error="connection refused"), AcceptFailed),
        (HttpAnswer(200, (), b"<html>"), AcceptFailed),
        (problem("serverInternal", 500), AcceptFailed),
        (problem("rateLimited", 429), AcceptFailed),
        (problem("accountDoesNotExist", 400), AcceptFailed),
        (problem("malformed", 400), "expired"),
        (problem("malformed", 404), "expired"),
        (problem("unauthorized", 403), "errored"),
    ],
)
@pytest.mark.parametrize("after", [[], [authorization()]], ids=["looking", "answering"])
def test_errors_are_classed(reply, expected, after):
    found = Bench(*after, reply).accept()
    if expected is AcceptFailed:
        assert isinstance(found, AcceptFailed)
    else:
        assert expected == found.state
    assert found.reason.startswith("Error accepting challenge: ")


def test_a_rate_limited_server_is_not_asked_before_it_said_so():
    bench = Bench(problem("rateLimited", 429, Retry_After="3600"), authorization(VALID))
    first = bench.accept()
    bench.server.now += timedelta(minutes=59)
    assert bench.accept() == first
    assert bench.posts == [LOOK]
    bench.server.now += timedelta(minutes=1)
    assert bench.accept().state == "valid"


def test_an_account_that_the_server_forgot_is_reported():
    bench = Bench(problem("accountDoesNotExist"))
    bench.accept()
    assert bench.lost == [issuer()]


@pytest.mark.parametrize("gone", [False, True])
def test_without_a_registered_account_nothing_is_asked(gone):
    bench = Bench(registered=False)
    found = bench.server.run(bench.acceptance.perform(Accept("c"), SPEC, None if gone else issuer()))
    assert found == AcceptFailed("c", "ACME client for issuer not initialised/available")
    assert bench.posts == []
