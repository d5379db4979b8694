"""Revocation: by whom, of what, for which reason (RFC 8555 section 7.6)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.encoding import b64url
from tests.acme_server.rig import BASE, Client, key, leaf_of, registered

NAMES = ("www.example.org", "*.example.org")
CERTIFICATE_KEY = key(900)


@pytest.fixture
def client():
    return registered()


@pytest.fixture
def certificate(client):
    """The leaf, in base64url."""
    chain = client.post(client.issue(*NAMES, private_key=CERTIFICATE_KEY).json["certificate"])
    return b64url(leaf_of(chain.reply.body).public_bytes(Encoding.DER))


def revoke(client, certificate, **payload):
    return client.post(f"{BASE}/revoke-cert", {"certificate": certificate, **payload})


def revocations(client):
    return [entry.data for entry in client.server.world.journal if entry.kind == "CertificateRevoked"]


def test_the_issuing_account_revokes_once(client, certificate):
    response = revoke(client, certificate, reason=4)
    assert (response.status, response.reply.body) == (200, b"")
    assert revoke(client, certificate, reason=4).outcome == (400, "alreadyRevoked")
    (data,) = revocations(client)
    assert (data["reason"], data["authority"]) == (4, "account")


def test_the_holder_of_the_certificates_key_revokes(client, certificate):
    holder = Client(client.server, CERTIFICATE_KEY)
    assert revoke(holder, certificate, reason=1).status == 200
    assert [data["authority"] for data in revocations(client)] == ["certificate key"]


def test_an_account_that_controls_every_name_revokes(client, certificate):
    other = Client(client.server, key(2))
    other.register()
    other.authorize(other.order(NAMES[0]))
    assert revoke(other, certificate).outcome == (403, "unauthorized")
    other.authorize(other.order("example.org"))
    assert revoke(other, certificate).outcome == (403, "unauthorized")
    other.authorize(other.order(NAMES[1]))
    assert revoke(other, certificate).status == 200
    assert [data["authority"] for data in revocations(client)] == ["authorizations"]


def test_an_authorization_that_is_gone_gives_no_authority(client, certificate):
    other = Client(client.server, key(2))
    other.register()
    order = other.order(*NAMES)
    other.authorize(order)
    other.post(order.json["authorizations"][0], {"status": "deactivated"})
    assert revoke(other, certificate).outcome == (403, "unauthorized")


@pytest.mark.parametrize("registers", [True, False])
def test_a_stranger_does_not_revoke(client, certificate, registers):
    stranger = Client(client.server, key(3))
    if registers:
        stranger.register()
    assert revoke(stranger, certificate).outcome == (403, "unauthorized")
    assert revocations(client) == []


def test_authority_is_looked_at_before_anything_is_said_about_the_certificate(client, certificate):
    revoke(client, certificate)
    stranger = Client(client.server, key(3))
    assert revoke(stranger, certificate).outcome == (403, "unauthorized")
    assert revoke(stranger, certificate, reason=7).outcome == (403, "unauthorized")


@pytest.mark.parametrize("reason", [2, 6, 7, 8, 9, 10, 11, -1, 1.0, True, "1", [], {}, 10**400])
def test_a_reason_that_no_subscriber_may_give_is_refused_with_those_that_are_allowed(client, certificate, reason):
    response = revoke(client, certificate, reason=reason)
    assert response.outcome == (400, "badRevocationReason")
    assert "0, 1, 3, 4, 5" in response.json["detail"]
    assert revocations(client) == []


@pytest.mark.parametrize("reason", [None, 0, 1, 3, 4, 5])
def test_the_reason_is_optional_and_kept(client, certificate, reason):
    assert revoke(client, certificate, **({} if reason is None else {"reason": reason})).status == 200
    assert [reason] == [data["reason"] for data in revocations(client)]


def test_a_certificate_of_another_authority_is_not_found(client, certificate):
    elsewhere = registered(seed=2)
    chain = elsewhere.post(elsewhere.issue(*NAMES).json["certificate"]).reply.body
    foreign = b64url(leaf_of(chain).public_bytes(Encoding.DER))
    assert revoke(client, foreign).outcome == (404, "malformed")
    intermediate = client.server.world.authority.intermediate.public_bytes(Encoding.DER)
    assert revoke(client, b64url(intermediate)).outcome == (404, "malformed")
    assert revoke(client, b64url(b"no DER")).outcome == (404, "malformed")


@pytest.mark.parametrize("value", [None, 7, [], "-----BEGIN CERTIFICATE-----", "AA==", "+/+/", "A"])
def test_a_certificate_is_base64url(client, value):
    assert revoke(client, value).outcome == (400, "malformed")
