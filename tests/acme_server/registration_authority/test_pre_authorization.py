"""Authorizations ahead of any order (RFC 8555 section 7.4.1)."""

from __future__ import annotations

import pytest

from acme_server.settings import Settings
from tests.acme_server.rig import BASE, ERROR, Client, key, registered

NAME = "www.example.org"


def authorize_ahead(client, name=NAME, kind="dns"):
    return client.post(f"{BASE}/new-authz", {"identifier": {"type": kind, "value": name}})


def obtain(client, name=NAME):
    """An authorization that is valid; returns its URL."""
    created = authorize_ahead(client, name)
    client.post(client.show(created.json, "dns-01"), {})
    client.driver.run()
    return created.header("Location")


@pytest.fixture
def client():
    return registered()


def test_an_authorization_is_created_pending_with_its_challenges(client):
    created = authorize_ahead(client)
    assert (created.status, created.json["status"]) == (201, "pending")
    assert created.json["identifier"] == {"type": "dns", "value": NAME}
    assert {item["type"] for item in created.json["challenges"]} == {"http-01", "dns-01", "tls-alpn-01"}
    assert created.json == client.post(created.header("Location")).json


def test_orders_rest_on_it_once_it_is_valid(client):
    url = obtain(client)
    for _ in range(2):
        order = client.order(NAME, "example.org")
        assert order.json["authorizations"][0] == url
        assert client.post(order.json["authorizations"][1]).json["status"] == "pending"
    order = client.order(NAME)
    assert order.json["status"] == "ready"
    assert client.finalize(order, [NAME]).json["status"] == "valid"


@pytest.mark.parametrize("event", ["pending", "deactivated", "expired", "another account", "another name"])
def test_orders_do_not_rest_on_what_gives_no_authority(client, event):
    url = authorize_ahead(client).header("Location") if event == "pending" else obtain(client)
    orderer, name = client, NAME
    if event == "deactivated":
        client.post(url, {"status": "deactivated"})
    elif event == "expired":
        client.driver.pass_time(days=30)
    elif event == "another account":
        orderer = Client(client.server, key(2))
        orderer.register()
    elif event == "another name":
        name = f"*.{NAME}"
    order = orderer.order(name)
    assert order.json["authorizations"] != [url]
    assert order.json["status"] == "pending"


def test_a_certificate_is_revoked_on_the_word_of_who_is_authorized_ahead(client):
    chain = client.post(client.issue(NAME).json["certificate"]).reply.body
    other = Client(client.server, key(2))
    other.register()
    assert other.revoke(chain).outcome == (403, "unauthorized")
    obtain(other)
    assert other.revoke(chain).status == 200


@pytest.mark.parametrize(
    ("name", "kind", "problem"),
    [
        ("a_b.example.org", "dns", "malformed"),
        ("a@example.org", "email", "unsupportedIdentifier"),
    ],
)
def test_an_identifier_that_cannot_be_authorized_is_named_in_a_subproblem(client, name, kind, problem):
    refused = authorize_ahead(client, name, kind)
    assert refused.outcome == (400, problem)
    assert [(item["type"], item["identifier"]) for item in refused.json["subproblems"]] == [
        (ERROR + problem, {"type": kind, "value": name})
    ]


@pytest.mark.parametrize("identifier", [None, 7, [], {}, {"type": "dns", "value": f"*.{NAME}"}])
def test_one_identifier_is_wanted_and_no_wildcard(client, identifier):
    assert client.post(f"{BASE}/new-authz", {"identifier": identifier}).outcome == (400, "malformed")


def test_it_need_not_be_offered():
    assert authorize_ahead(registered(Settings(pre_authorization=False))).outcome == (404, "malformed")
