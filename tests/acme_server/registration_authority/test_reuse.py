"""Orders that take over what is there: valid authorizations, or an unfinished order for the same."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.settings import Settings
from tests.acme_server.rig import START, Client, key, registered

NAMES = ("a.example.org", "*.example.org")


def settled(**settings):
    """Return a client with a valid authorization for each name, and their URLs."""
    client = registered(Settings(always_valid=True, **settings))
    order = client.order(*NAMES)
    client.authorize(order)
    return client, order.json["authorizations"]


def test_a_valid_authorization_is_taken_over_and_the_order_is_ready_at_once():
    client, authorizations = settled(authorization_reuse=1.0)
    order = client.order(*NAMES)
    assert (order.status, order.json["status"], order.json["authorizations"]) == (201, "ready", authorizations)
    assert client.finalize(order, NAMES).json["status"] == "valid"


def test_the_journal_says_what_was_taken_over():
    client, authorizations = settled(authorization_reuse=1.0)
    client.order("new.example.org", "a.example.org")
    first, second = [entry.data for entry in client.server.world.journal if entry.kind == "OrderCreated"]
    assert "taken_over" not in first
    assert [authorizations[0].rpartition("/")[2]] == second["taken_over"] == second["authorizations"][1:]


def test_an_order_ends_with_the_authorization_that_it_took_over():
    client, _ = settled(authorization_reuse=1.0, valid_authorization_lifetime=timedelta(days=3))
    client.driver.pass_time(days=1)
    assert parse_rfc3339(client.order(*NAMES).json["expires"]) == (START + timedelta(days=3)).replace(microsecond=0)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_an_authorization_is_taken_over_as_often_as_was_said(probability):
    client, (first, _) = settled(authorization_reuse=probability)
    orders = [client.order(NAMES[0]).json for _ in range(200)]
    taken_over = sum(order["authorizations"] == [first] for order in orders)
    assert abs(taken_over / len(orders) - probability) <= 0.1 * (0 < probability < 1)


def deactivate(client, url):
    client.post(url, {"status": "deactivated"})


def expire(client, _):
    client.driver.pass_time(days=30)


def change_accounts(client, _):
    other = Client(client.server, key(2))
    other.register()
    client.key, client.kid = other.key, other.kid


@pytest.mark.parametrize("spoil", [deactivate, expire, change_accounts])
def test_what_is_not_valid_or_not_the_accounts_own_is_not_taken_over(spoil):
    client, (first, _) = settled(authorization_reuse=1.0)
    spoil(client, first)
    assert client.order(NAMES[0]).json["status"] == "pending"


def test_a_wildcard_is_not_the_name_below_it():
    client, _ = settled(authorization_reuse=1.0)
    assert client.order("example.org", "*.a.example.org").json["status"] == "pending"


def test_an_unfinished_order_for_the_same_is_returned_again():
    client = registered(Settings(order_reuse=True))
    first, again = client.order(*NAMES), client.order(*reversed(NAMES))
    assert (again.status, again.header("Location"), again.json) == (201, first.header("Location"), first.json)
    kinds = [entry.kind for entry in client.server.world.journal][1:]
    assert kinds == ["OrderCreated", "OrderReused"]


def test_every_order_is_new_unless_said_otherwise():
    client = registered()
    assert client.order(*NAMES).header("Location") != client.order(*NAMES).header("Location")


@pytest.mark.parametrize(
    ("names", "dates"), [(NAMES[:1], {}), ((*NAMES, "c.example.org"), {}), (NAMES, {"notAfter": START})]
)
def test_an_order_for_something_else_is_new(names, dates):
    client = registered(Settings(order_reuse=True))
    first = client.order(*NAMES)
    dates = {name: rfc3339(moment + timedelta(days=1)) for name, moment in dates.items()}
    assert client.order(*names, **dates).header("Location") != first.header("Location")


def finalize(client, order):
    client.authorize(order)
    client.finalize(order, NAMES)


def fail(client, order):
    client.post(order.json["authorizations"][0], {"status": "deactivated"})


@pytest.mark.parametrize("end", [finalize, fail, lambda client, _: expire(client, None)])
def test_an_order_that_has_ended_is_not_returned_again(end):
    client = registered(Settings(order_reuse=True, always_valid=True))
    first = client.order(*NAMES)
    end(client, first)
    again = client.order(*NAMES)
    assert again.header("Location") != first.header("Location")
