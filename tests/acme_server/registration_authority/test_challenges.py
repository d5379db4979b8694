"""Responding to challenges, giving authorizations up (RFC 8555 section 7.5)."""

from __future__ import annotations

import re

import pytest

from acme_server.settings import Settings
from tests.acme_server.rig import Client, key, registered


@pytest.fixture
def client():
    return registered()


def challenge_of(client, order, kind="http-01"):
    (authorization,) = client.authorizations(order)
    return authorization, next(item for item in authorization["challenges"] if item["type"] == kind)


def test_a_challenge_names_itself_and_its_authorization(client):
    order = client.order("www.example.org")
    _, challenge = challenge_of(client, order)
    shown = client.post(challenge["url"])
    assert challenge == shown.json
    assert {"type", "url", "status", "token"} == shown.json.keys()
    assert f'<{order.json["authorizations"][0]}>;rel="up"' in shown.headers("Link")


def test_responding_twice_validates_once(client):
    order = client.order("www.example.org")
    authorization, challenge = challenge_of(client, order)
    client.show(authorization, "http-01")
    responses = [client.post(challenge["url"], {}) for _ in range(2)]
    assert [(r.status, r.json["status"]) for r in responses] == [(200, "processing")] * 2
    assert client.driver.run() == 1
    after = client.post(challenge["url"], {})
    assert (after.status, after.json["status"]) == (200, "valid")
    assert client.driver.run() == 0


def test_responding_after_a_failure_changes_nothing(client):
    order = client.order("www.example.org")
    _, challenge = challenge_of(client, order)
    client.post(challenge["url"], {})
    client.driver.run()
    after = client.post(challenge["url"], {})
    assert (after.status, after.json["status"]) == (200, "invalid")
    other = client.post(challenge["url"].replace("/0", "/1"), {})
    assert (other.status, other.json["status"]) == (200, "pending")
    assert client.driver.waiting == []


@pytest.mark.parametrize("end", ["expired", "deactivated"])
def test_answering_a_finished_challenge_shows_it_whatever_became_of_its_authorization(client, end):
    order = client.order("www.example.org")
    authorization, challenge = challenge_of(client, order)
    client.post(client.show(authorization, "http-01"), {})
    client.driver.run()
    if end == "expired":
        client.driver.pass_time(days=30)
    else:
        client.post(order.json["authorizations"][0], {"status": "deactivated"})
    again = client.post(challenge["url"], {})
    assert (again.status, again.json["status"]) == (200, "valid")
    assert client.driver.waiting == []


def test_unknown_fields_of_a_response_are_ignored(client):
    _, challenge = challenge_of(client, client.order("www.example.org"))
    assert (
        client.post(challenge["url"], {"keyAuthorization": "x", "resource": "challenge"}).json["status"] == "processing"
    )


@pytest.mark.parametrize(
    "payload", [b"[]", b"null", b'"x"', b"7", b"{", b"\xff", b"[" * 1000, b'{"a":1,"a":2}', b"NaN"]
)
def test_a_response_that_is_no_object_is_malformed_and_the_challenge_stays_pending(client, payload):
    _, challenge = challenge_of(client, client.order("www.example.org"))
    assert client.post(challenge["url"], payload).outcome == (400, "malformed")
    assert client.post(challenge["url"]).json["status"] == "pending"


@pytest.mark.parametrize("index", ["3", "-1", "00", "x", "9" * 60])
def test_a_challenge_that_is_not_there_is_not_found(client, index):
    _, challenge = challenge_of(client, client.order("www.example.org"))
    assert client.post(challenge["url"].removesuffix("0") + index).outcome == (404, "malformed")


def test_a_pending_authorization_can_be_given_up_and_its_challenges_with_it(client):
    order = client.order("www.example.org")
    _, challenge = challenge_of(client, order)
    url = order.json["authorizations"][0]
    given_up = client.post(url, {"status": "deactivated"})
    assert (given_up.status, given_up.json["status"]) == (200, "deactivated")
    assert client.post(url, {"status": "deactivated"}).status == 200
    assert client.post(challenge["url"], {}).outcome == (400, "malformed")
    assert client.driver.waiting == []
    assert client.post(order.header("Location")).json["status"] == "invalid"


def test_a_verdict_does_not_revive_an_authorization_that_was_given_up(client):
    order = client.order("www.example.org")
    authorization, challenge = challenge_of(client, order)
    client.post(client.show(authorization, "http-01"), {})
    client.post(order.json["authorizations"][0], {"status": "deactivated"})
    client.driver.run()
    assert client.post(challenge["url"]).json["status"] == "valid"
    assert client.post(order.json["authorizations"][0]).json["status"] == "deactivated"


@pytest.mark.parametrize("payload", [{}, {"status": "valid"}, {"status": "revoked"}, {"status": None}])
def test_no_other_change_of_an_authorization_is_possible(client, payload):
    url = client.order("www.example.org").json["authorizations"][0]
    assert client.post(url, payload).outcome == (400, "malformed")


def test_an_invalid_authorization_cannot_be_given_up(client):
    order = client.order("www.example.org")
    client.post(challenge_of(client, order)[1]["url"], {})
    client.driver.run()
    assert client.post(order.json["authorizations"][0], {"status": "deactivated"}).outcome == (400, "malformed")


def test_an_expired_authorization_takes_no_response(client):
    order = client.order("www.example.org")
    _, challenge = challenge_of(client, order)
    client.driver.pass_time(days=7)
    assert client.post(order.json["authorizations"][0]).json["status"] == "expired"
    assert client.post(challenge["url"], {}).outcome == (400, "malformed")


def test_an_answer_made_with_another_key_is_not_enough():
    client = registered()
    order = client.order("www.example.org")
    authorization, _ = challenge_of(client, order)
    thief = Client(client.server, key(2))
    client.post(thief.show(authorization, "http-01"), {})
    client.driver.run()
    assert client.authorizations(order)[0]["status"] == "invalid"


def test_tokens_and_ids_have_128_random_bits():
    client = registered(Settings(max_identifiers=100))
    order = client.order(*(f"n{number}.example.org" for number in range(100)))
    found = [order.header("Location").rpartition("/")[2]]
    for url, authorization in zip(order.json["authorizations"], client.authorizations(order), strict=True):
        found += [url.rpartition("/")[2], *(challenge["token"] for challenge in authorization["challenges"])]
    assert len(set(found)) == len(found) == 401
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{22}", text) for text in found)
