"""Validations that are tried again (RFC 8555 section 8.2)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.settings import Settings
from tests.acme_server.rig import ERROR, registered

NAME = "www.example.org"
THRICE = Settings(validation_attempts=3, validation_retry_after=timedelta(seconds=10))


@pytest.fixture
def client():
    return registered(THRICE)


@pytest.fixture
def authorization(client):
    return client.authorizations(client.order(NAME))[0]


def url_of(authorization, kind="dns-01"):
    return next(item["url"] for item in authorization["challenges"] if item["type"] == kind)


@pytest.fixture
def failed_once(client, authorization):
    """A challenge that was answered before its record was there; returns its URL."""
    url = url_of(authorization)
    client.post(url, {})
    assert client.driver.run() == 1
    return url


def pass_and_run(client, **units):
    """Let time pass; return how many validations began by then."""
    client.driver.pass_time(**units)
    return client.driver.run()


def kinds(client):
    return [entry.kind for entry in client.server.world.journal]


def test_a_challenge_stays_processing_and_says_what_failed_and_when_to_ask_again(client, failed_once):
    shown = client.post(failed_once)
    assert (shown.json["status"], shown.json["error"]["type"]) == ("processing", ERROR + "unauthorized")
    assert "subproblems" not in shown.json["error"]
    assert shown.header("Retry-After") == "11"
    client.driver.pass_time(seconds=4)
    assert client.post(failed_once).header("Retry-After") == "7"


def test_the_authorization_and_the_order_stay_pending_meanwhile(client):
    order = client.order(NAME)
    url = order.json["authorizations"][0]
    client.post(url_of(client.post(url).json), {})
    client.driver.run()
    shown = client.post(url)
    assert (shown.json["status"], shown.header("Retry-After")) == ("pending", "11")
    assert client.post(order.header("Location")).json["status"] == "pending"


def test_a_record_that_comes_late_is_found_by_a_retry(client, authorization, failed_once):
    assert pass_and_run(client, seconds=9) == 0
    client.show(authorization, "dns-01")
    assert pass_and_run(client, seconds=1) == 1
    shown = client.post(failed_once)
    assert (shown.json["status"], "error" in shown.json, shown.header("Retry-After")) == ("valid", False, None)
    assert kinds(client)[-4:] == [
        "ChallengeResponded", "ValidationFailed", "ChallengeValidated", "AuthorizationValidated"
    ]  # fmt: skip
    assert pass_and_run(client, hours=1) == 0


def test_the_error_has_an_entry_for_every_failure_until_all_attempts_are_spent(client, authorization, failed_once):
    for failures, status in ((2, "processing"), (3, "invalid")):
        assert pass_and_run(client, seconds=10) == 1
        shown = client.post(failed_once)
        assert (shown.json["status"], len(shown.json["error"]["subproblems"])) == (status, failures)
    assert shown.header("Retry-After") is None
    assert pass_and_run(client, hours=1) == 0
    assert kinds(client).count("ChallengeFailed") == 1


def test_a_client_that_answers_again_is_looked_at_once_more_at_once(client, authorization, failed_once):
    client.show(authorization, "dns-01")
    again = client.post(failed_once, {})
    assert (again.status, again.json["status"], again.header("Retry-After")) == (200, "processing", "1")
    assert client.post(failed_once, {}).status == 200
    assert client.driver.run() == 1
    assert client.post(failed_once).json["status"] == "valid"
    assert pass_and_run(client, hours=1) == 0


def test_asking_spends_attempts_so_that_nobody_asks_for_ever(client, failed_once):
    validations = 0
    for _ in range(20):
        assert client.post(failed_once, {}).status == 200
        validations += client.driver.run()
    assert validations == 2
    assert client.post(failed_once).json["status"] == "invalid"
    assert pass_and_run(client, hours=1) == 0


def test_what_was_planned_does_not_come_on_top_of_what_was_asked_for(client, failed_once):
    client.post(failed_once, {})
    assert client.driver.run() == 1
    assert pass_and_run(client, seconds=9) == 0
    assert pass_and_run(client, seconds=1) == 1
    assert client.post(failed_once).json["status"] == "invalid"


def test_another_challenge_may_succeed_meanwhile(client, authorization, failed_once):
    client.post(client.show(authorization, "http-01"), {})
    client.driver.run()
    assert pass_and_run(client, seconds=10) == 1
    assert client.post(failed_once).json["status"] == "invalid"
    assert "AuthorizationFailed" not in kinds(client)


def test_a_challenge_of_an_authorization_that_was_given_up_is_not_retried_for_long(client):
    order = client.order(NAME)
    url = url_of(client.authorizations(order)[0])
    client.post(url, {})
    client.driver.run()
    client.post(order.json["authorizations"][0], {"status": "deactivated"})
    assert client.post(url, {}).outcome == (400, "malformed")
    assert [pass_and_run(client, seconds=10) for _ in range(2)] == [1, 0]
    assert client.post(url).json["status"] == "invalid"


def test_there_is_one_attempt_unless_told_otherwise():
    client = registered()
    url = url_of(client.authorizations(client.order(NAME))[0])
    client.post(url, {})
    client.driver.run()
    assert client.post(url).json["status"] == "invalid"
