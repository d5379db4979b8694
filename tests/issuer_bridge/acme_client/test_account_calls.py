"""What the client says of its account: external accounts, another key, the end; and of what was issued."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jose import parse_jws, verify
from acme_server.protocol.jwk import jwk_of
from acme_server.protocol.problem import Problem
from issuer_bridge.acme_client.client import Client
from issuer_bridge.acme_client.errors import TransportError
from issuer_bridge.acme_client.external_account import ExternalAccount
from issuer_bridge.acme_client.renewal import certificate_id
from tests.issuer_bridge.acme_client.made_certificates import KEY, certificate
from tests.issuer_bridge.scripted_server import BASE, DIRECTORY, NOW, ScriptedServer, answer, problem

ACCOUNT = f"{BASE}/account/1"
OTHER_KEYS = (
    ec.derive_private_key(9, ec.SECP256R1()),
    ec.derive_private_key(9, ec.SECP521R1()),
    ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)),
    rsa.generate_private_key(65537, 2048),
)
MORE = {"keyChange": f"{BASE}/key-change", "newAuthz": f"{BASE}/new-authz", "renewalInfo": f"{BASE}/renewal"}
AUTHORIZATION = {"status": "pending", "identifier": {"type": "dns", "value": "a.test"}, "challenges": []}
# The example of RFC 9773 section 4.1.
NAMED = certificate(0x87654321, key_identifier=bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4")).decode()
CERTIFICATE_ID = "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


@pytest.fixture(autouse=True)
def _whole_directory(monkeypatch):
    for name, url in MORE.items():
        monkeypatch.setitem(DIRECTORY, name, url)


def registered(*answers):
    """A server, and a client whose first POST there was newAccount."""
    server = ScriptedServer(answer(201, {"status": "valid"}, Location=ACCOUNT), *answers)
    client = Client(f"{BASE}/dir", KEY, server.clock)
    server.run(client.register())
    return server, client


@pytest.mark.parametrize(("algorithm", "name"), [("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")])
def test_an_external_account_signs_the_account_key_for_the_url_of_newaccount(algorithm, name):
    server = ScriptedServer(answer(201, {"status": "valid"}, Location=ACCOUNT))
    external = ExternalAccount("kid-1", b"secret", algorithm)
    server.run(Client(f"{BASE}/dir", KEY, server.clock).register(external=external))
    binding = server.payload(0)["externalAccountBinding"]
    signed = f"{binding['protected']}.{binding['payload']}".encode()
    assert binding["signature"] == b64url(hmac.digest(b"secret", signed, getattr(hashlib, name)))
    header, payload = (json.loads(b64url_decode(binding[part])) for part in ("protected", "payload"))
    assert header == {"alg": algorithm, "kid": "kid-1", "url": f"{BASE}/account"}
    assert payload == dict(jwk_of(KEY.public_key()).members)


def test_an_external_account_shows_its_key_to_nobody_and_knows_three_algorithms():
    assert "secret" not in repr(ExternalAccount("kid-1", b"secret"))
    with pytest.raises(ValueError, match="HS1"):
        ExternalAccount("kid-1", b"secret", "HS1")


@pytest.mark.parametrize("key", OTHER_KEYS, ids=["P-256", "P-521", "Ed25519", "RSA"])
def test_a_key_is_changed_by_both_keys_and_the_new_one_signs_from_then_on(key):
    server, client = registered(answer(200), answer(200, {"status": "valid"}))
    server.run(client.change_key(key))
    server.run(client.update_contact([]))
    server.verify(1, jwk_of(KEY.public_key()))
    inner, jwk = parse_jws(json.dumps(server.payload(1)).encode()), jwk_of(key.public_key())
    verify(inner, jwk)
    assert (inner.header["jwk"], inner.header["url"]) == (dict(jwk.members), f"{BASE}/key-change")
    assert "nonce" not in inner.header
    assert json.loads(inner.payload) == {"account": ACCOUNT, "oldKey": dict(jwk_of(KEY.public_key()).members)}
    server.verify(2, jwk)
    assert client.key_authorization("t").thumbprint == jwk.thumbprint


def test_a_key_that_the_server_refuses_is_not_used():
    server, client = registered(problem("malformed", 409), answer(200, {"status": "valid"}))
    with pytest.raises(Problem, match="409"):
        server.run(client.change_key(OTHER_KEYS[0]))
    server.run(client.update_contact([]))
    server.verify(2, jwk_of(KEY.public_key()))


def test_an_account_is_deactivated_at_its_url():
    server, client = registered(answer(200, {"status": "deactivated"}))
    assert server.run(client.deactivate()).status == "deactivated"
    assert (server.posts[1].url, server.payload(1)) == (ACCOUNT, {"status": "deactivated"})


def test_an_account_of_before_needs_no_request():
    server = ScriptedServer(answer(200, {"status": "valid"}))
    client = Client(f"{BASE}/dir", KEY, server.clock)
    client.resume(ACCOUNT)
    server.run(client.update_contact([]))
    assert (server.asked, server.header(0)["kid"]) == (["GET /dir", "HEAD /nonce", "POST /account/1"], ACCOUNT)


def test_only_a_201_made_the_account():
    found = answer(200, {"status": "valid"}, Location=ACCOUNT)
    server = ScriptedServer(answer(201, {"status": "valid"}, Location=ACCOUNT), found)
    client = Client(f"{BASE}/dir", KEY, server.clock)
    assert [server.run(client.register()).created for _ in range(2)] == [True, False]


def test_an_order_may_say_from_when_to_when_and_what_it_replaces():
    document = {"status": "pending", "finalize": f"{BASE}/f", "authorizations": []}
    server, client = registered(answer(201, document, Location=f"{BASE}/order/1"))
    times = {"not_before": NOW, "not_after": NOW + timedelta(days=1)}
    server.run(client.new_order([Identifier("ip", "::1")], **times, replaces=CERTIFICATE_ID))
    assert server.payload(1) == {
        "identifiers": [{"type": "ip", "value": "::1"}],
        "notBefore": "2026-01-01T00:00:00Z",
        "notAfter": "2026-01-02T00:00:00Z",
        "replaces": CERTIFICATE_ID,
    }


def test_an_authorization_is_asked_for_looked_at_and_given_up():
    made = answer(201, AUTHORIZATION, Location=f"{BASE}/authz/1")
    server, client = registered(made, answer(200, {**AUTHORIZATION, "status": "deactivated"}))
    found = server.run(client.preauthorize(Identifier("dns", "a.test")))
    assert (server.payload(1), found.url) == ({"identifier": {"type": "dns", "value": "a.test"}}, f"{BASE}/authz/1")
    assert server.run(client.deactivate_authorization(found.url)).status == "deactivated"
    assert (server.posts[2].url, server.payload(2)) == (found.url, {"status": "deactivated"})


def test_a_certificate_is_revoked_by_its_own_key_without_an_account():
    server = ScriptedServer(answer(200))
    client = Client(f"{BASE}/dir", KEY, server.clock)
    server.run(client.revoke(b"der", reason=1, key=OTHER_KEYS[0]))
    jwk = jwk_of(OTHER_KEYS[0].public_key())
    server.verify(0, jwk)
    assert (server.header(0)["jwk"], "kid" in server.header(0)) == (dict(jwk.members), False)


def test_a_certificate_has_the_identifier_of_rfc_9773():
    assert certificate_id(NAMED) == CERTIFICATE_ID


@pytest.mark.parametrize("pem", ["", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", certificate().decode()])
def test_what_says_nothing_of_its_authority_has_no_identifier(pem):
    with pytest.raises(ValueError):
        certificate_id(pem)


WINDOW = {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}


@pytest.mark.parametrize(
    ("header", "wait"),
    [({}, 6 * 3600), ({"Retry_After": "7200"}, 7200), ({"Retry_After": "1"}, 60), ({"Retry_After": "999999"}, 86400)],
    ids=["none", "two hours", "a second", "long"],
)
def test_renewal_information_is_asked_for_by_name_and_unsigned(header, wait):
    document = {"suggestedWindow": WINDOW, "explanationURL": "https://a.test/why"}
    server = ScriptedServer(answer(200, document, **header))
    info = server.run(Client(f"{BASE}/dir", KEY, server.clock).renewal_info(NAMED))
    assert server.asked == ["GET /dir", f"GET /renewal/{CERTIFICATE_ID}"]
    assert (info.start, info.end) == (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
    assert (info.explanation_url, info.retry_after) == ("https://a.test/why", timedelta(seconds=wait))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"suggestedWindow": []},
        {"suggestedWindow": {"start": WINDOW["start"]}},
        {"suggestedWindow": {**WINDOW, "end": 5}},
        {"suggestedWindow": {**WINDOW, "end": "tomorrow"}},
        {"suggestedWindow": {**WINDOW, "end": WINDOW["start"]}},
    ],
)
def test_a_window_that_is_none_is_no_answer(document):
    server = ScriptedServer(answer(200, document))
    with pytest.raises(TransportError, match="suggestedWindow"):
        server.run(Client(f"{BASE}/dir", KEY, server.clock).renewal_info(NAMED))


@pytest.mark.parametrize(
    ("verb", "arguments", "name"),
    [
        ("change_key", (OTHER_KEYS[0],), "keyChange"),
        ("preauthorize", (Identifier("dns", "a.test"),), "newAuthz"),
        ("renewal_info", (NAMED,), "renewalInfo"),
    ],
)
def test_what_a_server_does_not_have_is_named(monkeypatch, verb, arguments, name):
    monkeypatch.delitem(DIRECTORY, name)
    server, client = registered()
    with pytest.raises(TransportError, match=rf"the directory at https://ca\.test/dir has no '{name}'"):
        server.run(getattr(client, verb)(*arguments))
