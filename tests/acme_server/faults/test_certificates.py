"""Faults in what becomes of certificates: revoked early, signed by another issuer, to be renewed at another time."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.ca_keys import SEEDED
from acme_server.certificate_authority import Design
from acme_server.protocol.encoding import b64url
from acme_server.protocol.times import parse_rfc3339, rfc3339
from acme_server.renewal_info import certid_of
from tests.acme_server.faults.test_states import NAME, arm, ready_order, registered
from tests.acme_server.rig import BASE, START, leaf_of


def certificates_of(client, *orders):
    return [leaf_of(client.post(order.json["certificate"]).reply.body) for order in orders]


def revocations(client):
    return [entry.data for entry in client.server.world.journal if entry.kind == "CertificateRevoked"]


def test_a_certificate_is_revoked_as_soon_as_it_is_issued():
    client = registered(always_valid=True)
    arm(client, {"kind": "revoke", "reason": 1}, count=1)
    (leaf, other) = certificates_of(client, order := client.issue(NAME), client.issue(NAME))
    assert order.json["status"] == "valid"
    data = {"serial": f"{leaf.serial_number:x}", "reason": 1, "authority": "certificate authority"}
    assert revocations(client) == [data]
    ends = [client.get(f"/renewal-info/{certid_of(each)}").json["suggestedWindow"]["end"] for each in (leaf, other)]
    assert ends[0] < rfc3339(START) < ends[1]


def test_a_certificate_is_revoked_a_while_after_it_was_issued():
    client = registered(always_valid=True)
    arm(client, {"kind": "revoke", "seconds": 3600})
    client.issue(NAME)
    client.driver.pass_time(seconds=3599)
    assert revocations(client) == []
    client.driver.pass_time(seconds=1)
    assert [data["reason"] for data in revocations(client)] == [None]


def test_what_the_client_revoked_first_is_not_revoked_again():
    client = registered(always_valid=True)
    arm(client, {"kind": "revoke", "seconds": 60})
    (leaf,) = certificates_of(client, client.issue(NAME))
    der = b64url(leaf.public_bytes(Encoding.DER))
    assert client.post(f"{BASE}/revoke-cert", {"certificate": der, "reason": 4}).status == 200
    client.driver.pass_time(seconds=60)
    assert [data["reason"] for data in revocations(client)] == [4]


def test_the_issuer_changes_between_order_and_finalize():
    client = registered(always_valid=True)
    root = client.server.world.authority.root
    before, under_way = client.issue(NAME), ready_order(client)
    arm(client, "rotate-issuer", count=1)
    after = client.finalize(under_way, [NAME])
    chains = [
        x509.load_pem_x509_certificates(client.post(order.json["certificate"]).reply.body)
        for order in (before, after, client.issue(NAME))
    ]
    assert chains[0][1] != chains[1][1] == chains[2][1]
    assert chains[0][1].subject != chains[1][1].subject
    for leaf, intermediate in chains:
        leaf.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)
        assert client.get(f"/renewal-info/{certid_of(leaf)}").status == 200


def test_each_certificate_keeps_its_own_issuer_when_that_changes():
    client = registered(always_valid=True)
    before = client.issue(NAME)
    arm(client, "rotate-issuer")
    after = client.issue(NAME)
    for order in (before, after):
        leaf, issuer = x509.load_pem_x509_certificates(client.post(order.json["certificate"]).reply.body)
        leaf.verify_directly_issued_by(issuer)
        assert issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_the_new_issuer_has_a_key_of_the_old_ones_kind():
    client = registered(always_valid=True, authority=Design(new_key=SEEDED["P-384"]))
    world = client.server.world
    before = world.authority.intermediate
    arm(client, "rotate-issuer")
    client.issue(NAME)
    after = world.authority.intermediate
    assert before.public_key() != after.public_key()
    assert (before.public_key().key_size, after.public_key().key_size) == (384, 384)


def window(client, leaf):
    suggested = client.get(f"/renewal-info/{certid_of(leaf)}").json["suggestedWindow"]
    return [parse_rfc3339(suggested[name]) for name in ("start", "end")]


# The window that a fault suggests -> its start and end, in seconds from now.
WINDOWS = [
    ({"form": "now"}, (-1, 0)),
    ({"form": "past"}, (-3600, -1800)),
    ({"form": "inverted"}, (3600, 0)),
    ({"start": -5, "end": 86400}, (-5, 86400)),
    ({"start": 60, "end": 60}, (60, 60)),
]


@pytest.mark.parametrize(("members", "expected"), WINDOWS, ids=str)
def test_renewal_information_suggests_another_window(members, expected):
    client = registered(always_valid=True)
    (leaf,) = certificates_of(client, client.issue(NAME))
    usual = window(client, leaf)
    arm(client, {"kind": "renewal-window", **members}, {"identifier": NAME}, count=1)
    client.driver.pass_time(days=1)
    now = client.driver.now().replace(microsecond=0)
    assert [(moment - now).total_seconds() for moment in window(client, leaf)] == list(expected)
    assert window(client, leaf) == usual


def test_renewal_information_that_is_not_there_has_no_window():
    client = registered()
    arm(client, {"kind": "renewal-window", "form": "now"})
    refused = client.get("/renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE")
    assert (refused.outcome, "suggestedWindow" in refused.json) == ((404, "malformed"), False)
