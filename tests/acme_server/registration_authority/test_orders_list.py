"""The list of an account's orders, and its pages (RFC 8555 section 7.1.2.1)."""

from __future__ import annotations

import re

import pytest

from acme_server.settings import Settings
from tests.acme_server.rig import Client, key, registered


def next_of(response):
    links = [re.fullmatch(r'<(.+)>;rel="next"', link) for link in response.headers("Link")]
    return next((link[1] for link in links if link), None)


def pages(client):
    """Follow the list from its first page to its last."""
    url, found = f"{client.kid}/orders", []
    while url:
        page = client.post(url)
        assert page.status == 200
        found.append(page.json["orders"])
        url = next_of(page)
    return found


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2]), (5, [2, 2, 1])])
def test_every_order_is_on_one_page_oldest_first(count, sizes):
    client = registered(Settings(orders_per_page=2))
    urls = [client.order(f"n{number}.example.org").header("Location") for number in range(count)]
    found = pages(client)
    assert ([len(page) for page in found], [url for page in found for url in page]) == (sizes, urls)


def test_invalid_orders_take_no_room():
    client = registered(Settings(orders_per_page=2))
    orders = [client.order(f"n{number}.example.org") for number in range(6)]
    for order in orders[1:4]:
        client.post(order.json["authorizations"][0], {"status": "deactivated"})
    shown = [orders[index].header("Location") for index in (0, 4, 5)]
    assert pages(client) == [shown[:2], shown[2:]]


def test_a_page_stays_where_it_was_when_the_order_before_it_ends():
    client = registered(Settings(orders_per_page=2))
    orders = [client.order(f"n{number}.example.org") for number in range(4)]
    url = next_of(client.post(f"{client.kid}/orders"))
    client.post(orders[1].json["authorizations"][0], {"status": "deactivated"})
    assert client.post(url).json["orders"] == [order.header("Location") for order in orders[2:]]


def test_a_page_after_an_order_of_nobody_or_somebody_else_is_not_there():
    client = registered()
    other = Client(client.server, key(2))
    other.register()
    foreign = other.order("www.example.org").header("Location").rpartition("/")[2]
    for after in ("x", foreign):
        assert client.post(f"{client.kid}/orders/{after}").outcome == (404, "malformed")


def test_a_page_holds_a_hundred_unless_told_otherwise():
    client = registered()
    for number in range(101):
        client.order(f"n{number}.example.org")
    assert [len(page) for page in pages(client)] == [100, 1]
