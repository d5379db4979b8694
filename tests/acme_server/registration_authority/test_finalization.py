"""Finalizing: which orders, which CSRs, and one certificate whatever happens (RFC 8555 section 7.4)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server import certificate_authority
from acme_server.protocol.encoding import b64url
from acme_server.protocol.times import rfc3339
from acme_server.settings import Settings
from tests.acme_server.rig import START, Client, csr, key, registered

NAMES = ["www.example.org", "example.org"]


@pytest.fixture
def client():
    return registered()


@pytest.fixture
def ready(client):
    order = client.order(*NAMES)
    client.authorize(order)
    assert status(client, order) == "ready"
    return order


def status(client, order):
    return client.post(order.header("Location")).json["status"]


def issued(client):
    return [entry for entry in client.server.world.journal if entry.kind == "CertificateIssued"]


@pytest.mark.parametrize(
    "names",
    [
        ["www.example.org"],
        [*NAMES, "more.example.org"],
        ["other.example.org", "example.org"],
        ["*.example.org", "example.org"],
        [],
    ],
)
def test_a_csr_with_other_names_is_a_bad_csr_and_the_order_stays_ready(client, ready, names):
    assert client.finalize(ready, names).outcome == (400, "badCSR")
    assert status(client, ready) == "ready"
    assert client.finalize(ready, NAMES).json["status"] == "valid"


def test_what_is_wrong_with_the_names_is_said(client, ready):
    detail = client.finalize(ready, ["www.example.org", "more.example.org"]).json["detail"]
    assert "lacks example.org" in detail
    assert "has more.example.org" in detail


@pytest.mark.parametrize("names", [NAMES[::-1], ["WWW.Example.ORG", "EXAMPLE.org"], [*NAMES, *NAMES]])
def test_neither_order_nor_case_nor_repetition_of_names_matters(client, ready, names):
    assert client.finalize(ready, names).json["status"] == "valid"


@pytest.mark.parametrize("owner", [1, 2])
def test_the_key_of_any_account_is_refused(client, ready, owner):
    Client(client.server, key(2)).register()
    assert client.finalize(ready, NAMES, key(owner)).outcome == (400, "badCSR")
    assert status(client, ready) == "ready"


DER = csr(NAMES)
BAD_TEXTS = {
    "PEM": "-----BEGIN CERTIFICATE REQUEST-----",
    "padding": b64url(DER + b"\0" * (3 - len(DER) % 3)) + "=",
    "standard alphabet": "+/+/",
    "white space": b64url(DER)[:8] + "\n" + b64url(DER)[8:],
    "a number": 7,
    "null": None,
    "an array": [b64url(DER)],
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_csr_is_base64url(client, ready, text):
    assert client.post(ready.json["finalize"], {"csr": text}).outcome == (400, "malformed")
    assert client.post(ready.json["finalize"], {}).outcome == (400, "malformed")
    assert status(client, ready) == "ready"


@pytest.mark.parametrize(
    "der", [b"", b"hello", DER[:-1], DER + b"\0", DER[:-1] + bytes([DER[-1] ^ 1]), DER[: len(DER) // 2]]
)
def test_a_csr_that_does_not_parse_or_verify_is_a_bad_csr(client, ready, der):
    assert client.post(ready.json["finalize"], {"csr": b64url(der)}).outcome == (400, "badCSR")
    assert status(client, ready) == "ready"


def test_an_order_is_finalized_only_when_it_is_ready(client):
    pending = client.order("a.example.org")
    assert client.finalize(pending, ["a.example.org"]).outcome == (403, "orderNotReady")
    invalid = client.order("b.example.org")
    client.post(client.authorizations(invalid)[0]["challenges"][0]["url"], {})
    client.driver.run()
    assert status(client, invalid) == "invalid"
    assert client.finalize(invalid, ["b.example.org"]).outcome == (403, "orderNotReady")
    valid = client.issue("c.example.org")
    url = {"finalize": valid.json["finalize"]}
    assert client.post(url["finalize"], {"csr": b64url(csr(["c.example.org"]))}).outcome == (403, "orderNotReady")
    assert len(issued(client)) == 1


def test_twenty_finalizations_make_one_certificate(client, ready):
    requests = [client.signed(ready.json["finalize"], {"csr": b64url(csr(NAMES))}) for _ in range(20)]
    responses = [client.send(request) for request in requests]
    assert [response.status for response in responses] == [200] + [403] * 19
    assert {response.type for response in responses[1:]} == {"orderNotReady"}
    assert len(issued(client)) == 1


@pytest.mark.parametrize("event", ["deactivated", "expired"])
def test_authorization_that_is_gone_by_then_stops_the_order(event):
    client = registered(Settings(valid_authorization_lifetime=timedelta(hours=1)))
    order = client.order(*NAMES)
    client.authorize(order)
    if event == "deactivated":
        client.post(order.json["authorizations"][1], {"status": "deactivated"})
    else:
        client.driver.pass_time(hours=1)
    assert client.finalize(order, NAMES).outcome == (403, "orderNotReady")
    error = client.post(order.header("Location")).json["error"]
    assert event in error["subproblems"][-1]["detail"]
    assert issued(client) == []


def test_an_order_that_expired_is_not_finalized(client, ready):
    client.driver.pass_time(days=7)
    assert client.finalize(ready, NAMES).outcome == (403, "orderNotReady")
    assert status(client, ready) == "invalid"


def test_the_certificate_names_nothing_that_only_the_csr_asked_for(client, ready):
    order = client.finalize(ready, NAMES)
    (entry,) = issued(client)
    assert entry.data["identifiers"] == NAMES
    assert entry.data["not_before"] == rfc3339(START - timedelta(minutes=1))
    assert entry.subject["order"] == order.header("Location").rpartition("/")[2]


def test_an_order_is_processing_for_as_long_as_the_settings_say():
    client = registered(Settings(issuance_delay=timedelta(seconds=30)))
    finalized = client.issue(*NAMES)
    assert (finalized.status, finalized.json["status"], "certificate" in finalized.json) == (200, "processing", False)
    url = finalized.header("Location")
    assert [client.post(url).header(name) for name in ("Retry-After", "Location")] == ["1", None]
    assert client.finalize(finalized, NAMES).outcome == (403, "orderNotReady")
    client.driver.pass_time(seconds=29)
    assert client.post(url).json["status"] == "processing"
    client.driver.pass_time(seconds=1)
    order = client.post(url)
    assert (order.json["status"], order.header("Retry-After")) == ("valid", None)
    assert client.post(order.json["certificate"]).status == 200


def test_when_signing_fails_the_order_fails_and_says_so(client, ready, monkeypatch, caplog):
    def refuse(*_):
        raise RuntimeError("the key is locked at /secret/path")

    monkeypatch.setattr(certificate_authority, "issue", refuse)
    order = client.finalize(ready, NAMES)
    assert (order.status, order.json["status"]) == (200, "invalid")
    assert order.json["error"]["type"].endswith(":serverInternal")
    assert "/secret/path" not in order.reply.body.decode()
    assert "/secret/path" in caplog.text
    assert client.finalize(ready, NAMES).outcome == (403, "orderNotReady")
