"""Faults in what becomes of orders, authorizations, accounts and certificates."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509

from acme_server.certificate_authority import Design
from acme_server.certificates import Certificate
from acme_server.faults.rule import read_rule
from acme_server.settings import Settings
from tests.acme_server import rig
from tests.acme_server.rig import BASE, START, key, leaf_of

NAME = "www.example.org"


def registered(**settings):
    return rig.registered(Settings(**settings))


def arm(client, action, match=None, **when):
    document = {"action": action, "match": match or {}, "when": when}
    client.server.world.faults.arm(read_rule(document), client.driver.now())


def status(client, response):
    return client.post(response.header("Location")).json["status"]


def ready_order(client, *names):
    order = client.order(*(names or (NAME,)))
    client.authorize(order)
    return order


def test_an_order_is_processing_for_a_while_and_then_valid():
    client = registered()
    arm(client, {"kind": "processing", "seconds": 30})
    order = client.issue(NAME)
    assert (order.json["status"], order.header("Retry-After")) == ("processing", "1")
    client.driver.pass_time(seconds=29)
    assert status(client, order) == "processing"
    client.driver.pass_time(seconds=1)
    shown = client.post(order.header("Location"))
    assert shown.json["status"] == "valid"
    assert client.post(shown.json["certificate"]).status == 200


def test_what_the_settings_delay_a_fault_delays_further():
    client = registered(issuance_delay=timedelta(seconds=10))
    arm(client, {"kind": "processing", "seconds": 30})
    order = client.issue(NAME)
    client.driver.pass_time(seconds=39)
    assert status(client, order) == "processing"
    client.driver.pass_time(seconds=1)
    assert status(client, order) == "valid"


def test_an_order_is_processing_for_ever():
    client = registered()
    arm(client, "processing", count=1)
    order = client.issue(NAME)
    client.driver.pass_time(days=5)
    assert status(client, order) == "processing"
    assert client.issue(NAME).json["status"] == "valid"


@pytest.mark.parametrize("always_valid", [False, True])
def test_an_authorization_is_pending_until_its_validation_comes(always_valid):
    client = registered(always_valid=always_valid)
    arm(client, {"kind": "pending", "seconds": 60})
    order = ready_order(client)
    assert status(client, order) == "pending"
    client.driver.pass_time(seconds=60)
    client.driver.run()
    assert status(client, order) == "ready"


def test_an_authorization_is_pending_for_ever():
    client = registered()
    arm(client, "pending", {"identifier": "stuck.*"})
    stuck, fine = ready_order(client, "stuck.example.org"), ready_order(client, "fine.example.org")
    client.driver.pass_time(hours=1)
    client.driver.run()
    assert (status(client, stuck), status(client, fine)) == ("pending", "ready")


@pytest.mark.parametrize("always_valid", [False, True])
def test_validation_fails_twice_and_then_is_honest(always_valid):
    client = registered(always_valid=always_valid)
    arm(client, {"kind": "fail-validation", "type": "dns", "detail": "no such name today"}, count=2)
    orders = [ready_order(client) for _ in range(3)]
    assert [status(client, order) for order in orders] == ["invalid", "invalid", "ready"]
    error = client.post(orders[0].header("Location")).json["error"]
    assert error["subproblems"][0]["detail"].endswith("no such name today")


def test_authorizations_expire_just_before_the_finalize():
    client = registered()
    order = ready_order(client)
    assert status(client, order) == "ready"
    arm(client, "expire-authorizations", {"endpoint": "finalize"})
    assert client.finalize(order, [NAME]).outcome == (403, "orderNotReady")
    assert client.post(order.json["authorizations"][0]).json["status"] == "expired"


def test_an_authorization_expires_when_it_is_looked_at():
    client = registered()
    order = client.order(NAME, "two.example.org")
    arm(client, "expire-authorizations", {"endpoint": "authorization", "identifier": "two.*"})
    shown = [client.post(url).json["status"] for url in order.json["authorizations"]]
    assert shown == ["pending", "expired"]


def test_an_account_is_deactivated_mid_flight():
    client = registered()
    arm(client, "deactivate-account", {"endpoint": "newOrder"})
    assert client.order(NAME).status == 201
    assert client.order(NAME).outcome == (401, "unauthorized")


def chain_of(form, **changes):
    client = registered()
    order = client.issue(NAME, **changes)
    honest = client.post(order.json["certificate"]).reply.body
    arm(client, {"kind": "chain", "form": form}, count=1)
    client.driver.pass_time(minutes=5)
    served = client.post(order.json["certificate"])
    assert served.header("Content-Type") == "application/pem-certificate-chain"
    assert client.post(order.json["certificate"]).reply.body == honest
    return client.server.world, leaf_of(honest), served.reply.body


@pytest.mark.parametrize(
    ("form", "names"),
    [("reversed", ["intermediate", "leaf"]), ("leaf-only", ["leaf"]), ("with-root", ["leaf", "intermediate", "root"])],
)
def test_a_chain_is_served_in_another_order_cut_or_too_long(form, names):
    world, leaf, served = chain_of(form)
    known = {"leaf": leaf, "intermediate": world.authority.intermediate, "root": world.authority.root}
    assert x509.load_pem_x509_certificates(served) == [known[name] for name in names]


def test_a_private_key_block_precedes_the_chain():
    _, leaf, served = chain_of("with-key")
    assert served.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert leaf_of(served) == leaf


LEAVES = {
    "expired": lambda leaf, _: leaf.not_valid_after_utc < START,
    "not-yet-valid": lambda leaf, _: leaf.not_valid_before_utc > START + timedelta(hours=1),
    "wrong-key": lambda leaf, _: leaf.public_key() != key(900).public_key(),
    "wrong-name": lambda leaf, honest: leaf.extensions != honest.extensions,
}


@pytest.mark.parametrize("form", LEAVES)
def test_another_leaf_is_served_with_a_proper_signature(form):
    world, honest, served = chain_of(form)
    leaf = leaf_of(served)
    leaf.verify_directly_issued_by(world.authority.intermediate)
    assert LEAVES[form](leaf, honest)
    assert not LEAVES[form](honest, honest)


def test_a_refused_download_stays_a_refusal():
    client = registered()
    arm(client, {"kind": "chain", "form": "reversed"})
    assert client.post(f"{BASE}/cert/unknown").outcome == (404, "malformed")


def test_the_same_seed_gives_the_same_journal_faults_included():
    def digest():
        client = registered()
        arm(client, "rateLimited", {"endpoint": "newOrder"}, probability=0.5)
        arm(client, {"kind": "lognormal-latency", "median": 1})
        for _ in range(20):
            client.order(NAME)
        return client.server.world.journal.digest

    assert digest() == digest()


@pytest.mark.seed("B67")
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("revoked-ca", "the CA's certificate is revoked"),
        ("corrupt-key", "the CA's key is not the key of its certificate"),
    ],
)
@pytest.mark.parametrize("chain_length", [0, 1, 2])
def test_a_ca_that_must_not_sign_lets_the_order_fail_and_says_why(kind, said, chain_length):
    client = registered(authority=Design(chain_length=chain_length))
    arm(client, kind, {"server": "acme"}, until=60.0)
    order = client.issue(NAME).json
    assert (order["status"], order["error"]["detail"], "certificate" in order) == ("invalid", said, False)
    assert client.server.world.store.all(Certificate) == ()
    client.driver.pass_time(seconds=60)
    assert client.issue(NAME).json["status"] == "valid"


@pytest.mark.seed("B67")
@pytest.mark.parametrize("caa_identities", [(), ("gravel.test",)])
def test_an_order_is_processing_until_the_signer_is_back(caa_identities):
    client = registered(caa_identities=caa_identities)
    arm(client, "signer-unavailable", until=300.0)
    order = client.issue(NAME)
    client.driver.pass_time(seconds=299)
    assert status(client, order) == "processing"
    client.driver.pass_time(seconds=6)
    client.driver.run()
    assert status(client, order) == "valid"


def test_a_fault_of_another_ca_is_none_of_the_servers():
    client = registered()
    arm(client, "revoked-ca", {"server": "default/*"})
    arm(client, "revoked-ca", {"identifier": "other.test"})
    assert client.issue(NAME).json["status"] == "valid"
