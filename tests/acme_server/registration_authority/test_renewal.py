"""Orders that replace a certificate (RFC 9773 section 5)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.accounts import Account
from acme_server.execution import carry_out
from acme_server.protocol.encoding import b64url
from acme_server.registration_authority.orders import new_order
from acme_server.renewal_info import certid_of
from acme_server.settings import Settings
from acme_server.store import Conflict
from tests.acme_server.rig import BASE, START, Client, key, leaf_of, registered

OLD = ("a.example.org", "b.example.org")


@pytest.fixture
def client():
    return registered(Settings(always_valid=True))


def certid(client, *names):
    return certid_of(leaf_of(client.post(client.issue(*(names or OLD)).json["certificate"]).reply.body))


def created(client):
    return [entry for entry in client.server.world.journal if entry.kind == "OrderCreated"]


def test_an_order_says_what_it_replaces_from_then_on(client):
    replaces = certid(client)
    order = client.order(*OLD, replaces=replaces)
    assert (order.status, order.json["replaces"]) == (201, replaces)
    client.authorize(order)
    finalized = client.finalize(order, OLD)
    assert (finalized.json["status"], finalized.json["replaces"]) == ("valid", replaces)
    assert client.post(order.header("Location")).json["replaces"] == replaces


def test_the_journal_says_which_certificate_is_replaced(client):
    client.order("c.example.org", replaces=None)
    client.order(*OLD, replaces=certid(client))
    issued = next(entry for entry in client.server.world.journal if entry.kind == "CertificateIssued")
    expected = [None, None, issued.subject["certificate"]]
    assert expected == [entry.data.get("replaces") for entry in created(client)]


def test_an_order_that_replaces_nothing_has_no_such_member(client):
    assert "replaces" not in client.order(*OLD).json


def test_one_name_in_common_is_enough(client):
    assert client.order("b.example.org", "c.example.org", replaces=certid(client)).status == 201


# What `replaces` holds -> the reply to newOrder.
BAD = [
    (7, (400, "malformed")),
    ("", (400, "malformed")),
    ("AAAA", (400, "malformed")),
    ("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AAE", (400, "malformed")),
    ("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", (404, "malformed")),
]


@pytest.mark.parametrize(("replaces", "outcome"), BAD)
def test_what_names_no_certificate_replaces_none(client, replaces, outcome):
    refused = client.order(*OLD, replaces=replaces)
    assert refused.outcome == outcome
    # cert-manager leaves `replaces` out the next time when the detail speaks of it.
    assert "replaces" in refused.json["detail"]
    assert created(client) == []


def test_a_certificate_of_another_account_cannot_be_replaced(client):
    replaces, other = certid(client), Client(client.server, key(2))
    other.register()
    assert other.order(*OLD, replaces=replaces).outcome == (403, "unauthorized")
    assert client.order(*OLD, replaces=replaces).status == 201


def test_a_certificate_for_other_names_cannot_be_replaced(client):
    refused = client.order("c.example.org", "*.a.example.org", replaces=certid(client))
    assert refused.outcome == (400, "malformed")
    assert "shares no identifier" in refused.json["detail"]


def ready(client, order):
    client.authorize(order)


def valid(client, order):
    client.authorize(order)
    client.finalize(order, OLD)


def deactivated(client, order):
    client.post(order.json["authorizations"][1], {"status": "deactivated"})


def expired(client, _):
    client.driver.pass_time(days=7)


# What became of the first order that replaced it -> the reply to the second.
SECOND = [
    (lambda *_: None, (409, "alreadyReplaced")),
    (ready, (409, "alreadyReplaced")),
    (valid, (409, "alreadyReplaced")),
    (deactivated, 201),
    (expired, 201),
]


@pytest.mark.parametrize(("become", "expected"), SECOND)
def test_a_certificate_is_replaced_once_unless_the_order_came_to_nothing(client, become, expected):
    replaces = certid(client)
    become(client, client.order(*OLD, replaces=replaces))
    second = client.order(*OLD, replaces=replaces)
    assert expected == (second.outcome if second.status >= 400 else second.status)


def test_a_new_certificate_can_be_replaced_in_its_turn(client):
    first = certid(client)
    order = client.order(*OLD, replaces=first)
    client.authorize(order)
    chain = client.post(client.finalize(order, OLD).json["certificate"]).reply.body
    assert client.order(*OLD, replaces=certid_of(leaf_of(chain))).status == 201
    assert client.order(*OLD, replaces=first).outcome == (409, "alreadyReplaced")


def test_a_revoked_certificate_can_be_replaced(client):
    leaf = leaf_of(client.post(client.issue(*OLD).json["certificate"]).reply.body)
    client.post(f"{BASE}/revoke-cert", {"certificate": b64url(leaf.public_bytes(Encoding.DER))})
    assert client.order(*OLD, replaces=certid_of(leaf)).status == 201


def test_of_two_orders_that_race_to_replace_one_is_written(client):
    replaces, world = certid(client), client.server.world
    account = world.store.get(Account, client.kid.rpartition("/")[2])
    document = {"identifiers": [{"type": "dns", "value": name} for name in OLD], "replaces": replaces}
    first, second = [new_order(world, account, document, START) for _ in range(2)]
    carry_out(world, second, START)
    with pytest.raises(Conflict):
        carry_out(world, first, START)
