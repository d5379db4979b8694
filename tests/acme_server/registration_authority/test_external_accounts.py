"""External account binding (RFC 8555 section 7.3.4)."""

from __future__ import annotations

import hmac
import json

import pytest

from acme_server.protocol.encoding import b64url
from acme_server.protocol.jwk import jwk_of
from acme_server.settings import Settings
from tests.acme_server.rig import BASE, Client, key, make_server

URL = f"{BASE}/new-account"
KEYS = {"kid-1": b"k" * 32, "kid-2": b"l" * 48}
REQUIRED = Settings(external_account_required=True, external_accounts=KEYS)
OFFERED = Settings(external_accounts=KEYS)


def binding(client, kid="kid-1", mac_key=KEYS["kid-1"], payload=None, **header):
    """A JWS as a client makes it; None takes a member of its header away."""
    header = {"alg": "HS256", "kid": kid, "url": URL, **header}
    document = dict(jwk_of(client.key.public_key()).members) if payload is None else payload
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    known = {name: value for name, value in header.items() if value is not None}
    protected, body = b64url(json.dumps(known).encode()), b64url(text)
    digest = {"HS384": "sha384", "HS512": "sha512"}.get(header["alg"], "sha256")
    signature = b64url(hmac.digest(mac_key, f"{protected}.{body}".encode(), digest))
    return {"protected": protected, "payload": body, "signature": signature}


def test_the_directory_says_whether_a_binding_is_required():
    assert Client(make_server(REQUIRED)).get("/dir").json["meta"]["externalAccountRequired"] is True
    assert "externalAccountRequired" not in Client(make_server(OFFERED)).get("/dir").json["meta"]


def test_without_a_binding_that_is_required_there_is_no_account():
    client = Client(make_server(REQUIRED))
    assert client.register().outcome == (403, "externalAccountRequired")
    assert client.register(externalAccountBinding=None).outcome == (403, "externalAccountRequired")
    assert Client(make_server(OFFERED)).register().status == 201


@pytest.mark.parametrize("settings", [REQUIRED, OFFERED])
@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_a_binding_is_verified_and_shown_as_it_was_sent(settings, alg):
    client = Client(make_server(settings))
    sent = binding(client, "kid-2", KEYS["kid-2"], alg=alg)
    created = client.register(externalAccountBinding=sent)
    assert (created.status, created.json["externalAccountBinding"]) == (201, sent)
    assert client.post(client.kid).json["externalAccountBinding"] == sent
    assert client.post(client.kid, {"externalAccountBinding": binding(client)}).json["externalAccountBinding"] == sent


OTHER = dict(jwk_of(key(7).public_key()).members)
WRONG = {
    "a MAC under another key": ({"mac_key": b"x" * 32}, (403, "unauthorized")),
    "an unknown kid": ({"kid": "kid-3"}, (403, "unauthorized")),
    "the key of another kid": ({"kid": "kid-2"}, (403, "unauthorized")),
    "no kid": ({"kid": None}, (400, "malformed")),
    "a kid that is no string": ({"kid": 1}, (400, "malformed")),
    "a nonce": ({"nonce": "AAAA"}, (400, "malformed")),
    "another url": ({"url": f"{BASE}/new-order"}, (400, "malformed")),
    "no url": ({"url": None}, (400, "malformed")),
    "another key": ({"payload": OTHER}, (400, "malformed")),
    "no JSON": ({"payload": b"{"}, (400, "malformed")),
    "no key": ({"payload": {}}, (400, "badPublicKey")),
    "a signature's alg": ({"alg": "ES256"}, (400, "badSignatureAlgorithm")),
    "alg none": ({"alg": "none"}, (400, "badSignatureAlgorithm")),
    "an unknown critical member": ({"crit": ["x"]}, (400, "malformed")),
}


@pytest.mark.parametrize(("bent", "outcome"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("settings", [REQUIRED, OFFERED])
def test_a_binding_that_is_wrong_makes_no_account(settings, bent, outcome):
    client = Client(make_server(settings))
    refused = client.register(externalAccountBinding=binding(client, **bent))
    assert refused.outcome == outcome
    assert client.register(onlyReturnExisting=True).outcome == (400, "accountDoesNotExist")
    if refused.type == "badSignatureAlgorithm":
        assert refused.json["algorithms"] == ["HS256", "HS384", "HS512"]


@pytest.mark.parametrize("value", ["x", 7, [], {}, {"protected": "e30"}])
def test_a_binding_is_a_flattened_jws(value):
    assert Client(make_server(OFFERED)).register(externalAccountBinding=value).outcome == (400, "malformed")


def test_where_nobody_has_an_external_account_a_binding_is_neither_looked_at_nor_shown():
    client = Client(make_server())
    created = client.register(externalAccountBinding=binding(client))
    assert (created.status, "externalAccountBinding" in created.json) == (201, False)


def test_an_account_that_is_there_needs_no_binding_again():
    client = Client(make_server(REQUIRED))
    created = client.register(externalAccountBinding=binding(client))
    again = client.register()
    assert (again.status, again.json) == (200, created.json)


def test_several_accounts_may_be_bound_to_one_external_account():
    server = make_server(REQUIRED)
    clients = [Client(server, key(number)) for number in (1, 2)]
    assert [client.register(externalAccountBinding=binding(client)).status for client in clients] == [201, 201]


def test_mac_keys_are_in_no_journal_and_no_repr():
    client = Client(make_server(REQUIRED))
    client.register(externalAccountBinding=binding(client))
    history = json.dumps([entry.to_json() for entry in client.server.world.journal])
    assert "kkkk" not in history + repr(client.server.world)
