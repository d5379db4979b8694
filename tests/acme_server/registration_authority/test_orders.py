"""New orders: which identifiers and which dates are taken (RFC 8555 sections 6.7.1 and 7.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.protocol.times import rfc3339
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, ERROR, START, registered


@pytest.fixture
def client():
    return registered()


def test_an_order_has_all_that_the_rfc_requires_and_keeps_the_order_of_its_names(client):
    names = ["b.example.org", "*.a.example.org", "a.example.org"]
    order = client.order(*names)
    assert order.status == 201
    assert names == [identifier["value"] for identifier in order.json["identifiers"]]
    shown = [("*." if a.get("wildcard") else "") + a["identifier"]["value"] for a in client.authorizations(order)]
    assert names == shown
    assert order.json["expires"] == rfc3339(START + timedelta(days=7))
    assert order.json["finalize"] == order.header("Location") + "/finalize"
    assert not {"certificate", "error", "notBefore", "notAfter"} & order.json.keys()
    assert order.json == client.post(order.header("Location")).json


def test_repeated_names_are_one_whatever_their_case(client):
    order = client.order("www.example.org", "WWW.example.org", "example.org", "www.example.org")
    assert [item["value"] for item in order.json["identifiers"]] == ["www.example.org", "example.org"]
    assert len(order.json["authorizations"]) == 2


@pytest.mark.parametrize(
    "identifiers", [None, [], {}, "example.org", 7, [{"type": "dns", "value": "a.example.org"}] * 101]
)
def test_the_identifiers_are_a_list_of_bounded_length(client, identifiers):
    response = client.post(f"{BASE}/new-order", {"identifiers": identifiers})
    assert response.outcome == (400, "malformed")
    assert "subproblems" not in response.json


def test_the_maximum_is_a_setting():
    client = registered(Settings(max_identifiers=2))
    assert client.order("a.example.org", "b.example.org").status == 201
    assert client.order("a.example.org", "b.example.org", "c.example.org").outcome == (400, "malformed")


@pytest.mark.parametrize(
    "item", [None, "example.org", 7, [], {}, {"type": "dns"}, {"value": "a.example.org"}, {"type": 1, "value": "x"}]
)
def test_an_identifier_is_an_object_with_type_and_value(client, item):
    response = client.post(f"{BASE}/new-order", {"identifiers": [item]})
    assert response.outcome == (400, "malformed")
    assert "subproblems" not in response.json


BAD_NAMES = [
    "",
    ".",
    "example.org.",
    "localhost",
    "*",
    "*.org",
    "*.*.example.org",
    "a*.example.org",
    "a.*.example.org",
    "**.example.org",
    "bücher.example.org",
    "xn--zzzzzzzzzz99999.example.org",
    "xn--.example.org",
    "ab--cd.example.org",
    "under_score.example.org",
    "-a.example.org",
    "a-.example.org",
    "a..example.org",
    "a b.example.org",
    "a\x00.example.org",
    "a\n.example.org",
    "l" * 64 + ".example.org",
    ".".join(["l" * 60] * 4) + ".example.org",
    "x" * 20_000,
    "192.0.2.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "::1",
    "::ffff:127.0.0.1",
    "[::1]",
    "fe80::1%eth0",
    "example.org:80",
    "https://example.org",
    "user@example.org",
]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name[:30]))
def test_a_name_that_no_certificate_can_hold_is_refused_in_a_subproblem(client, name):
    response = client.order(name)
    assert response.outcome == (400, "malformed")
    assert "identifier" not in response.json
    (subproblem,) = response.json["subproblems"]
    assert subproblem["type"] == ERROR + "malformed"
    assert subproblem["identifier"] == {"type": "dns", "value": name[:253]}


def test_other_types_are_not_supported(client):
    response = client.post(f"{BASE}/new-order", {"identifiers": [{"type": "email", "value": "a@example.org"}]})
    assert response.outcome == (400, "unsupportedIdentifier")
    assert [item["type"] for item in response.json["subproblems"]] == [ERROR + "unsupportedIdentifier"]


def test_all_that_is_wrong_is_said_at_once(client):
    bad = [{"type": "dns", "value": "a_b.example.org"}, {"type": "email", "value": "a@example.org"}]
    good = {"type": "dns", "value": "example.org"}
    response = client.post(f"{BASE}/new-order", {"identifiers": [bad[0], good, bad[1]]})
    assert response.outcome == (400, "compound")
    assert bad == [item["identifier"] for item in response.json["subproblems"]]
    alike = client.order("a_b.example.org", "c_d.example.org")
    assert alike.outcome == (400, "malformed")
    assert len(alike.json["subproblems"]) == 2


def at(**ahead):
    return rfc3339(START + timedelta(**ahead))


GOOD_DATES = [
    {"notBefore": at(days=1)},
    {"notBefore": at(seconds=-30)},
    {"notAfter": at(hours=1)},
    {"notAfter": at(days=89)},
    {"notBefore": at(days=90), "notAfter": at(days=180)},
    {"notBefore": "2026-11-22T13:00:00.999999999+01:00"},
    {"notBefore": None, "notAfter": None},
]
BAD_DATES = [
    {"notBefore": at(days=2), "notAfter": at(days=1)},
    {"notBefore": at(days=2), "notAfter": at(days=2)},
    {"notBefore": at(days=-1)},
    {"notAfter": at(days=-1)},
    {"notAfter": at(days=91)},
    {"notBefore": at(days=1), "notAfter": at(days=92)},
    {"notBefore": at(days=91)},
    {"notBefore": "9999-12-31T23:59:59Z"},
    {"notAfter": "9999-12-31T23:59:59Z"},
    {"notAfter": "9999-12-31T23:59:59-01:00"},
    {"notBefore": "0001-01-01T00:00:00+01:00"},
    {"notAfter": "10000-01-01T00:00:00Z"},
    {"notAfter": "2026-13-01T00:00:00Z"},
    {"notAfter": "2026-12-01"},
    {"notAfter": "2026-12-01T00:00:00"},
    {"notAfter": "2026-12-01 00:00:00Z"},
    {"notAfter": "20261201T000000Z"},
    {"notAfter": "tomorrow"},
    {"notAfter": ""},
    {"notBefore": 1795000000},
    {"notBefore": ["2026-12-01T00:00:00Z"]},
]


@pytest.mark.parametrize("dates", GOOD_DATES, ids=str)
def test_dates_that_can_be_issued_are_shown_in_the_order(client, dates):
    order = client.order("www.example.org", **dates)
    assert order.status == 201
    assert {name for name, value in dates.items() if value} == {"notBefore", "notAfter"} & order.json.keys()


@pytest.mark.parametrize("dates", BAD_DATES, ids=str)
def test_dates_that_cannot_be_issued_are_refused_and_not_changed(client, dates):
    assert client.order("www.example.org", **dates).outcome == (400, "malformed")


def test_a_too_long_life_is_told_the_maximum(client):
    assert "90 days" in client.order("www.example.org", notAfter=at(days=91)).json["detail"]


def test_authorizations_are_new_for_every_order(client):
    first, second = client.order("www.example.org"), client.order("www.example.org")
    assert first.json["authorizations"] != second.json["authorizations"]
