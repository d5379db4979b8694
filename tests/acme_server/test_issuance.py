"""Whole issuances, from account to certificate, as RFC 8555 section 7 tells them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from acme_server.authorizations import Authorization
from acme_server.protocol.times import rfc3339
from acme_server.settings import Settings
from tests.acme_server.rig import START, leaf_of, registered


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("http-01", ["www.example.org"]),
        ("dns-01", ["www.example.org", "example.org"]),
        ("dns-01", ["*.example.org"]),
        ("dns-01", ["example.org", "*.example.org"]),
    ],
)
def test_a_certificate_is_issued_for_exactly_the_names_of_the_order(kind, names):
    client = registered()
    order = client.issue(*names, kind=kind)
    assert order.status == 200
    assert order.json["status"] == "valid"
    chain = client.post(order.json["certificate"])
    assert chain.status == 200
    assert chain.header("Content-Type") == "application/pem-certificate-chain"
    leaf, intermediate = x509.load_pem_x509_certificates(chain.reply.body)
    sans = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names == sans.get_values_for_type(x509.DNSName)
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(client.server.world.authority.root)


def test_every_step_shows_the_statuses_of_the_rfc():
    client = registered()
    order = client.order("www.example.org")
    assert (order.status, order.json["status"]) == (201, "pending")
    (authorization,) = client.authorizations(order)
    assert authorization["status"] == "pending"
    assert [c["type"] for c in authorization["challenges"]] == ["http-01", "dns-01", "tls-alpn-01"]
    assert {c["status"] for c in authorization["challenges"]} == {"pending"}
    responded = client.post(client.show(authorization, "http-01"), {})
    assert responded.json["status"] == "processing"
    assert responded.header("Retry-After") == "1"
    assert client.post(order.json["authorizations"][0]).header("Retry-After") == "1"
    assert client.driver.run() == 1
    settled = client.post(responded.json["url"])
    assert settled.json["status"] == "valid"
    assert settled.json["validated"] == rfc3339(START)
    assert settled.header("Retry-After") is None
    (authorization,) = client.authorizations(order)
    assert authorization["status"] == "valid"
    assert authorization["expires"] == rfc3339(START + timedelta(days=30))
    assert [c["type"] for c in authorization["challenges"]] == ["http-01"]
    assert client.post(order.header("Location")).json["status"] == "ready"
    finalized = client.finalize(order, ["www.example.org"])
    assert finalized.json["status"] == "valid"
    assert finalized.header("Location") == order.header("Location")


def test_a_wildcard_is_authorized_under_its_base_name_and_through_dns_only():
    client = registered()
    (authorization,) = client.authorizations(client.order("*.example.org"))
    assert authorization["identifier"] == {"type": "dns", "value": "example.org"}
    assert authorization["wildcard"] is True
    assert [c["type"] for c in authorization["challenges"]] == ["dns-01"]
    (authorization,) = client.authorizations(client.order("example.org"))
    assert "wildcard" not in authorization


def test_a_failed_challenge_makes_authorization_and_order_invalid_and_says_why():
    client = registered()
    order = client.order("www.example.org", "example.org")
    first = client.authorizations(order)[0]
    challenge = next(c for c in first["challenges"] if c["type"] == "dns-01")
    client.post(challenge["url"], {})
    client.driver.run()
    failed = client.post(challenge["url"]).json
    assert failed["status"] == "invalid"
    assert failed["error"]["type"].endswith((":unauthorized", ":dns"))
    first = client.authorizations(order)[0]
    assert first["status"] == "invalid"
    assert [c["type"] for c in first["challenges"]] == ["dns-01"]
    order = client.post(order.header("Location")).json
    assert order["status"] == "invalid"
    assert order["error"]["type"] == failed["error"]["type"]
    assert order["error"]["subproblems"][0]["identifier"] == {"type": "dns", "value": "www.example.org"}


def test_the_validation_record_is_kept_on_the_challenge():
    client = registered()
    client.authorize(client.order("www.example.org"), "http-01")
    (entry,) = [e for e in client.server.world.journal if e.kind == "ChallengeValidated"]
    authorization = client.server.world.store.get(Authorization, entry.subject["authorization"])
    assert authorization.challenges[0].record
    assert authorization.challenges[1].record == ()


def test_one_valid_challenge_is_enough_and_a_late_failure_of_another_changes_nothing():
    client = registered()
    order = client.order("www.example.org")
    (authorization,) = client.authorizations(order)
    http, dns, _ = authorization["challenges"]
    client.post(client.show(authorization, "http-01"), {})
    client.post(dns["url"], {})
    client.driver.run()
    assert client.post(dns["url"]).json["status"] == "invalid"
    assert client.post(http["url"]).json["status"] == "valid"
    assert client.authorizations(order)[0]["status"] == "valid"
    assert client.post(order.header("Location")).json["status"] == "ready"


def test_a_validation_that_breaks_ends_the_challenge():
    client = registered()
    order = client.order("www.example.org")
    (authorization,) = client.authorizations(order)
    client.post(authorization["challenges"][0]["url"], {})
    ((inquiry, _, failed),) = client.driver.waiting
    inquiry.close()
    failed(RuntimeError("the vantage broke"))
    (authorization,) = client.authorizations(order)
    assert authorization["status"] == "invalid"
    assert authorization["challenges"][0]["error"]["type"].endswith(":serverInternal")


def test_a_driver_that_cannot_start_a_validation_ends_the_challenge(monkeypatch):
    client = registered()
    order = client.order("www.example.org")
    (authorization,) = client.authorizations(order)

    def refuse(inquiry, done, failed):
        inquiry.close()
        raise RuntimeError("closed")

    monkeypatch.setattr(type(client.driver), "spawn", staticmethod(refuse))
    assert client.post(authorization["challenges"][0]["url"], {}).status == 200
    assert client.authorizations(order)[0]["status"] == "invalid"


def test_always_valid_asks_the_network_nothing_and_answers_at_once():
    client = registered(Settings(always_valid=True))
    order = client.order("www.example.org")
    (authorization,) = client.authorizations(order)
    assert client.post(authorization["challenges"][0]["url"], {}).json["status"] == "valid"
    assert client.driver.waiting == []
    assert client.finalize(order, ["www.example.org"]).json["status"] == "valid"


def test_the_certificate_has_the_validity_that_was_asked_for():
    client = registered(Settings(always_valid=True))
    start, end = START + timedelta(days=1), START + timedelta(days=11)
    order = client.order("www.example.org", notBefore=rfc3339(start), notAfter=rfc3339(end))
    assert (order.json["notBefore"], order.json["notAfter"]) == (rfc3339(start), rfc3339(end))
    client.authorize(order)
    leaf = leaf_of(client.post(client.finalize(order, ["www.example.org"]).json["certificate"]).reply.body)
    assert (rfc3339(leaf.not_valid_before_utc), rfc3339(leaf.not_valid_after_utc)) == (rfc3339(start), rfc3339(end))


def test_without_dates_the_certificate_lives_as_long_as_it_may():
    client = registered(Settings(always_valid=True))
    leaf = leaf_of(client.post(client.issue("www.example.org").json["certificate"]).reply.body)
    assert leaf.not_valid_before_utc == START.replace(microsecond=0) - timedelta(minutes=1)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == timedelta(days=90) - timedelta(seconds=1)


def test_an_order_does_not_outlive_the_certificate_it_asks_for():
    client = registered()
    end = START + timedelta(hours=2)
    assert client.order("www.example.org", notAfter=rfc3339(end)).json["expires"] == rfc3339(end)


def test_a_client_gets_its_orders_listed_without_the_invalid_ones():
    client = registered()
    orders = client.register().json["orders"]
    assert client.post(orders).json == {"orders": []}
    lost, kept = client.order("a.example.org"), client.order("b.example.org")
    client.post(lost.json["authorizations"][0], {"status": "deactivated"})
    assert client.post(orders).json == {"orders": [kept.header("Location")]}


def test_the_same_seed_gives_the_same_history_and_the_same_certificate():
    def run(seed):
        client = registered(seed=seed)
        chain = client.post(client.issue("www.example.org", "*.example.org").json["certificate"]).reply.body
        return client.server.world.journal.digest, chain

    assert run(7) == run(7)
    assert run(7) != run(8)
