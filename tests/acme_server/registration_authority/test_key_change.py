"""Account key rollover (RFC 8555 section 7.3.5)."""

from __future__ import annotations

import json

import pytest

from acme_server.protocol.jose import sign
from acme_server.protocol.jwk import jwk_of
from tests.acme_server.rig import BASE, Client, key, registered

URL = f"{BASE}/key-change"
NEW = key(500)


def members(private_key):
    return dict(jwk_of(private_key.public_key()).members)


def inner(client, new=NEW, signer=None, header=None, payload=None, **changes):
    """The inner JWS of a proper key change, with changes; None takes a member away."""
    header = {"jwk": members(new), "url": URL, **(header or {})}
    if payload is None:
        wanted = {"account": client.kid, "oldKey": members(client.key), **changes}
        payload = json.dumps({name: value for name, value in wanted.items() if value is not None}).encode()
    return sign(signer or new, {name: value for name, value in header.items() if value is not None}, payload)


def test_the_new_key_speaks_for_the_account_from_then_on_and_the_old_one_does_not():
    client = registered()
    before, old = client.post(client.kid).json, client.key
    changed = client.post(URL, inner(client))
    assert (changed.status, changed.json) == (200, before)
    assert client.post(client.kid).outcome == (400, "malformed")
    client.key = NEW
    assert client.post(client.kid).json == before
    found, kid = client.register(onlyReturnExisting=True), client.kid
    assert (found.status, found.header("Location")) == (200, kid)
    assert Client(client.server, old).register(onlyReturnExisting=True).outcome == (400, "accountDoesNotExist")
    assert [e.data for e in client.server.world.journal if e.kind == "AccountKeyChanged"] == [{"key_type": "P-256"}]


def test_the_old_key_is_free_for_another_account_then():
    client = registered()
    old, kid = client.key, client.kid
    client.post(URL, inner(client))
    created = Client(client.server, old).register()
    assert (created.status, created.header("Location") != kid) == (201, True)


def test_orders_go_on_and_challenges_are_answered_with_the_new_key():
    client = registered()
    order = client.order("www.example.org")
    client.post(URL, inner(client))
    client.key = NEW
    client.authorize(order)
    assert client.finalize(order, ["www.example.org"]).json["status"] == "valid"


BENT = {
    "another url": {"header": {"url": f"{BASE}/new-account"}},
    "no url": {"header": {"url": None}},
    "a nonce": {"header": {"nonce": "AAAA"}},
    "no jwk": {"header": {"jwk": None}},
    "a kid too": {"header": {"kid": "x"}},
    "a signature of another key": {"signer": key(501)},
    "no account": {"account": None},
    "another account": {"account": f"{BASE}/account/x"},
    "another old key": {"oldKey": members(key(501))},
    "the new key as the old": {"oldKey": members(NEW)},
    "a payload that is no JSON": {"payload": b"{"},
    "a payload that is no object": {"payload": b"[]"},
    "no payload": {"payload": b""},
}


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT)
def test_an_inner_jws_that_is_wrong_changes_nothing(bent):
    client = registered()
    assert client.post(URL, inner(client, **bent)).outcome == (400, "malformed")
    assert client.post(client.kid).status == 200
    assert Client(client.server, NEW).register(onlyReturnExisting=True).outcome == (400, "accountDoesNotExist")


@pytest.mark.parametrize("payload", [{}, {"payload": "e30"}, {"account": "x", "oldKey": {}}])
def test_the_payload_is_a_jws(payload):
    assert registered().post(URL, payload).outcome == (400, "malformed")


@pytest.mark.parametrize("old", [None, 7, {}])
def test_an_old_key_is_a_key(old):
    client = registered()
    change = inner(client, payload=json.dumps({"account": client.kid, "oldKey": old}).encode())
    assert client.post(URL, change).outcome == (400, "badPublicKey")


@pytest.mark.parametrize("holder", [1, 2])
def test_a_key_that_has_an_account_is_a_conflict_which_names_it(holder):
    client = registered()
    other = Client(client.server, key(2))
    other.register()
    refused = client.post(URL, inner(client, new=key(holder)))
    assert refused.outcome == (409, "malformed")
    assert refused.header("Location") == {1: client.kid, 2: other.kid}[holder]


def test_a_deactivated_account_changes_no_key():
    client = registered()
    client.post(client.kid, {"status": "deactivated"})
    assert client.post(URL, inner(client)).outcome == (401, "unauthorized")


def test_a_key_that_was_taken_meanwhile_is_still_a_conflict():
    client = registered()
    store = client.server.world.store
    commit = store.commit

    def overtaken(changes, facts, at):
        store.commit = commit
        assert Client(client.server, NEW).register().status == 201
        commit(changes, facts, at)

    store.commit = overtaken
    assert client.post(URL, inner(client)).outcome == (409, "malformed")
