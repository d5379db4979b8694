"""Servers that err: what is waited out, what ends a request, and that no server is asked sooner than it likes."""

import itertools
import json
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CLUSTER_ISSUER, ORDER
from tests.issuer_bridge.bridge_resources import key_of
from tests.issuer_bridge.bridge_rig import START, Rig, kind_of
from tests.issuer_bridge.scripted_server import answer, problem

ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")
REFUSED = HttpAnswer(error="connection refused")


def faulty(rig, kind, *answers):
    """Give these answers to the first questions of a kind, and the server's to all others."""
    left = list(answers)

    def tamper(question):
        if kind_of(question) == kind and left:
            rig.asked.append((rig.driver.now(), kind))
            return left.pop(0)
        return None

    rig.tamper = tamper


def rig_with(kind=None, *answers, **options):
    rig = Rig(**options)
    rig.apply_issuer()
    rig.run(seconds=1)
    if kind:
        faulty(rig, kind, *answers)
    rig.apply("one", "one.http.test")
    return rig


def moments(rig, kind):
    return [int((moment - START).total_seconds()) for moment, asked in rig.asked if asked == kind]


@pytest.mark.seed("B57")
@pytest.mark.parametrize("kind", ["new-order", "authz", "answer", "order", "finalize", "cert"])
@pytest.mark.parametrize(
    "fault",
    [REFUSED, problem("serverInternal", 500), problem("rateLimited", 429), HttpAnswer(502, (), b"<html>bad gateway")],
    ids=["refused", "500", "429", "502"],
)
def test_what_passes_by_itself_is_waited_out_at_every_step(kind, fault):
    rig = rig_with(kind, fault)
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED


@pytest.mark.parametrize("kind", ["dir", "nonce", "new-account"])
@pytest.mark.parametrize("fault", [REFUSED, problem("serverInternal", 500)], ids=["refused", "500"])
def test_an_issuer_registers_when_its_server_comes_up(kind, fault):
    rig = Rig()
    faulty(rig, kind, fault, fault)
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.run(seconds=3)
    (ready,) = rig.store.get(CLUSTER_ISSUER, "", "gravel")["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "ErrRegisterACMEAccount")
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert moments(rig, kind)[:3] == [0, 5, 15]


@pytest.mark.seed("B57")
@pytest.mark.parametrize("wait", ["600", "Thu, 01 Jan 2026 00:10:01 GMT"], ids=["seconds", "date"])
def test_a_rate_limit_is_kept_to_the_second(wait):
    """cert-manager#5867: upstream fails the order."""
    rig = rig_with("new-order", problem("rateLimited", 429, Retry_After=wait))
    rig.run(minutes=9)
    assert (moments(rig, "new-order"), rig.ready("one")[1]) == ([1], "Pending")
    rig.run(minutes=2)
    assert moments(rig, "new-order") == [1, 601]
    assert rig.ready("one") == ISSUED


def test_errors_without_a_time_are_backed_off_from():
    rig = rig_with("new-order", *[problem("serverInternal", 503)] * 4)
    rig.run(minutes=5)
    assert moments(rig, "new-order") == [1, 6, 16, 36, 76]


@pytest.mark.parametrize(
    ("kind", "fault", "text"),
    [
        ("new-order", problem("rejectedIdentifier"), "Failed to create Order: 400 "),
        ("authz", problem("malformed", 404), "Failed to fetch authorization: 404 "),
        ("order", problem("malformed", 404), "Failed to retrieve Order resource: 404 "),
        ("finalize", problem("badCSR"), "Failed to finalize Order: 400 "),
        ("finalize", problem("unauthorized", 403), "Failed to finalize Order: 403 "),
        ("cert", problem("malformed", 404), "Failed to retrieve signed certificate: 404 "),
    ],
)
def test_a_refusal_ends_the_order_and_the_request_with_the_servers_words(kind, fault, text):
    rig = rig_with(kind, fault)
    rig.run(minutes=5)
    (order,) = rig.orders
    assert order["status"]["state"] == "errored"
    assert order["status"]["reason"].startswith(text)
    assert "failureTime" in order["status"]
    assert rig.ready("one")[2].endswith(f'order is in "errored" state: {order["status"]["reason"]}')
    assert rig.request("one")["status"]["failureTime"]


@pytest.mark.parametrize(("fault", "looks"), [(problem("badCSR"), 2), (problem("unauthorized", 403), 3)])
def test_only_a_refusal_that_may_mean_the_orders_state_is_followed_by_a_look(fault, looks):
    rig = rig_with("finalize", fault)
    rig.run(minutes=5)
    assert rig.count("order") == looks


def test_an_account_that_is_refused_is_not_tried_again():
    rig = Rig()
    faulty(rig, "new-account", problem("externalAccountRequired", 403))
    rig.apply_issuer()
    rig.run(hours=1)
    (ready,) = rig.store.get(CLUSTER_ISSUER, "", "gravel")["status"]["conditions"]
    assert ready["message"].startswith("Failed to register ACME account: 403 ")
    assert moments(rig, "new-account") == [0]


def test_a_refused_account_is_tried_again_when_the_issuer_changes():
    rig = Rig()
    faulty(rig, "new-account", problem("invalidContact", 400))
    rig.apply_issuer(email="a@b.test")
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    changed = copy_json(rig.store.get(CLUSTER_ISSUER, "", "gravel"))
    changed["spec"]["acme"]["email"] = "c@d.test"
    rig.driver.spawn(rig.store.update(CLUSTER_ISSUER, changed), lambda _: None)
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


def test_an_account_that_is_deactivated_is_named():
    rig = Rig()
    faulty(rig, "new-account", answer(200, {"status": "deactivated"}, Location="https://acme.test:14000/account/1"))
    rig.apply_issuer()
    rig.run(hours=1)
    (ready,) = rig.store.get(CLUSTER_ISSUER, "", "gravel")["status"]["conditions"]
    assert "the server says that it is deactivated; delete the Secret" in ready["message"]


def test_an_order_that_is_processing_is_asked_about_again():
    """cert-manager#5062: upstream forgets it."""
    rig = rig_with()
    slow = {"until": START + timedelta(minutes=10)}

    def lose(question):
        if kind_of(question) not in ("finalize", "order") or not rig.count("finalize"):
            return None
        if rig.driver.now() >= slow["until"]:
            return None
        order = {"status": "processing", "finalize": f"{question.url}/finalize", "authorizations": []}
        return answer(200, order, Retry_After="30")

    rig.lose = lose
    rig.run(minutes=1)
    labelled = copy_json(rig.orders[0])
    labelled["metadata"]["labels"] = {"looked-at": "by-somebody"}
    rig.driver.spawn(rig.store.update(ORDER, labelled), lambda _: None)  # a change must not cut the server's wait short
    rig.run(minutes=8)
    assert (rig.orders[0]["status"]["state"], rig.ready("one")[2][-12:]) == ("processing", '"processing"')
    asked = moments(rig, "order")[-18:]
    assert {later - sooner for sooner, later in itertools.pairwise(asked)} == {30}
    rig.run(minutes=3)
    assert rig.ready("one") == ISSUED
    assert rig.count("finalize") == 1


def test_a_finalize_whose_answer_was_lost_is_not_repeated():
    rig = rig_with()
    rig.lose = lambda question: REFUSED if kind_of(question) == "finalize" else None
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    assert rig.count("finalize") == 1


def test_an_order_that_was_finalized_meanwhile_is_found_valid():
    """Upstream's case: finalize answers 403, the order is valid."""
    rig = rig_with()
    lost = []

    def lose(question):
        if kind_of(question) == "finalize":
            lost.append(question)
            return problem("orderNotReady", 403)
        return None

    rig.lose = lose
    rig.run(minutes=5)
    assert (rig.ready("one"), len(lost)) == (ISSUED, 1)


def test_a_server_that_contradicts_itself_is_asked_less_and_less_often():
    rig = rig_with("finalize", *[problem("orderNotReady", 403)] * 3)
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED
    times = moments(rig, "finalize")
    assert [later - sooner for sooner, later in itertools.pairwise(times)] == [5, 10, 20]


def test_an_order_that_stays_pending_after_its_challenges_is_looked_at_every_five_seconds():
    """cert-manager#2868."""
    rig = rig_with()

    def lose(question):
        if kind_of(question) != "order" or rig.driver.now() > START + timedelta(seconds=20):
            return None
        order = {"status": "pending", "finalize": f"{question.url}/finalize", "authorizations": []}
        return answer(200, order)

    rig.lose = lose
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert sorted(set(moments(rig, "order")))[:5] == [2, 7, 12, 17, 22]


def test_a_challenge_that_vanished_ends_an_order_that_the_server_leaves_pending():
    """Upstream is stuck here: the server never heard of the failure."""
    rig = rig_with("answer", problem("malformed", 404))
    rig.run(minutes=5)
    assert (rig.challenges[0]["status"]["state"], rig.orders[0]["status"]["state"]) == ("expired", "errored")
    assert "failed: Error accepting challenge: 404 " in rig.ready("one")[2]


def test_a_server_that_forgot_everything_is_registered_with_again():
    """pebble#454: a test server that keeps nothing is restarted under a running bridge."""
    rig = rig_with()
    rig.run(minutes=1)
    rig.new_server()
    rig.apply("two", "two.http.test")
    rig.run(minutes=1)
    assert rig.ready("two") == ISSUED
    assert len(rig.facts("acme_server", "AccountCreated")) == 1


def foreign_chain():
    name, key = x509.Name([]), key_of("somebody else")
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(START).not_valid_after(START + timedelta(days=1)).public_key(key.public_key())
    return HttpAnswer(200, (), builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))


def test_a_certificate_for_another_key_is_thrown_away_and_ordered_anew():
    rig = rig_with("cert", foreign_chain())
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert len(rig.facts("issuer_bridge", "OrderDiscarded")) == 1
    assert (rig.count("new-order"), len(rig.orders)) == (2, 1)


def test_a_chain_that_is_cut_short_is_fetched_again():
    rig = rig_with("cert", HttpAnswer(200, (), b"-----BEGIN CERTIFICATE-----\nMII"))
    rig.run(seconds=4)
    assert (rig.orders[0]["status"]["state"], "certificate" in rig.orders[0]["status"]) == ("valid", False)
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert (rig.count("cert"), rig.count("finalize")) == (2, 1)


@pytest.mark.parametrize(
    ("profiles", "text"),
    [
        (None, "Failed to create Order: acme: certificate authority does not support profiles"),
        (
            {"short": "6 days"},
            "Failed to create Order: acme: certificate authority does not advertise a profile with name fast; it has: short",
        ),
    ],
)
def test_a_profile_that_the_server_does_not_have_ends_the_order(profiles, text):
    rig = Rig()

    def lose(question):
        if kind_of(question) != "dir":
            return None
        base = "https://acme.test:14000"
        names = {"newNonce": "nonce", "newAccount": "new-account", "newOrder": "new-order"}
        meta = {"meta": {"profiles": profiles}} if profiles else {}
        return HttpAnswer(200, (), json.dumps({**{k: f"{base}/{v}" for k, v in names.items()}, **meta}).encode())

    rig.lose = lose
    rig.apply_issuer(profile="fast")
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert rig.orders[0]["status"]["reason"] == text
    assert rig.count("new-order") == 0
