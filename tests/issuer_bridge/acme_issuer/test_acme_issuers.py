"""AcmeIssuers from a manifest to a certificate: account, account key, restarts, rotation, the breaker and the gate."""

import base64
from datetime import timedelta
from itertools import pairwise

import attrs
import pytest
from cryptography import x509

from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.acme_issuer.translation import in_our_words
from issuer_bridge.cert_manager.account_keys import new_key, secret_with
from issuer_bridge.references import issuer_for, refers_to
from issuer_bridge.resources import ACME_CLUSTER_ISSUER, ACME_ISSUER, CERTIFICATE_REQUEST, ORDER, SECRET
from tests.issuer_bridge.acme_issuer.acme_rig import ISSUED, REFERENCE, AcmeRig, acme_issuer
from tests.issuer_bridge.acme_issuer.test_signer_errors import page, problem
from tests.issuer_bridge.bridge_resources import request
from tests.issuer_bridge.bridge_rig import entropy_of
from tests.issuer_bridge.cert_manager.test_issuers import keep, mac_text, require_external_account

DOWN = HttpAnswer(502, (), b"<html>bad gateway")


def change(rig, **spec):
    changed = {**rig.issuer, "spec": {**rig.issuer["spec"], **spec}}
    rig.driver.spawn(rig.store.update(ACME_CLUSTER_ISSUER, changed), lambda _: None)


@pytest.mark.seed("B05", "E07")
@pytest.mark.parametrize("names", [("one.http.test",), ("*.dns.test",), ("two.dns.test", "two.http.test")])
def test_a_request_gets_its_certificate_by_either_challenge(names):
    rig = AcmeRig()
    rig.apply("one", *names)
    rig.run(seconds=10)
    assert rig.ready("one") == ISSUED
    status = rig.request("one")["status"]
    leaf = x509.load_pem_x509_certificates(base64.b64decode(status["certificate"]))[0]
    sans = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(sorted(sans.get_values_for_type(x509.DNSName))) == tuple(sorted(names))


@pytest.mark.seed("B09", "B11")
def test_an_issuer_of_a_namespace_has_its_secrets_there():
    rig = AcmeRig(issuer={"kind": "AcmeIssuer"})
    assert rig.store.get(SECRET, "default", "account")
    rig.apply("one", "one.http.test", issuerRef={"name": "gravel", "group": "gravel.test"})
    rig.run(seconds=10)
    assert rig.ready("one") == ISSUED
    assert rig.store.get(ACME_ISSUER, "default", "gravel")["status"]["accountURL"]


def test_an_issuer_remembers_its_account():
    rig = AcmeRig(issuer={"email": "a@example.test"})
    (account,) = rig.facts("acme_server", "AccountCreated")
    status = rig.issuer["status"]
    assert status["accountURL"].endswith(account.subject["account"])
    assert (status["lastRegisteredEmail"], len(base64.b64decode(status["lastKeyHash"]))) == ("a@example.test", 32)


def test_a_changed_address_is_told_to_the_server():
    rig = AcmeRig(issuer={"email": "a@example.test"})
    change(rig, email="b@example.test")
    rig.run(seconds=10)
    assert rig.issuer["status"]["lastRegisteredEmail"] == "b@example.test"
    assert [entry.kind for entry in rig.world.journal if entry.kind.startswith("Account")] == [
        "AccountCreated",
        "AccountUpdated",
    ]


def test_an_external_account_binds_the_account_when_its_secret_is_there_and_is_needed_once():
    rig = AcmeRig(issuer={"eab": {"keyID": "kid-1", "secretRef": {"name": "eab", "key": "key"}}})
    assert rig.said()[:2] == ("False", "Failed")
    require_external_account(rig)
    keep(rig, "eab", key=mac_text())
    rig.run(minutes=1)
    assert rig.said()[:2] == ("True", "Checked")
    spent = attrs.evolve(rig.world.settings, external_accounts={})
    rig.world.reconfigure(spent, Fact("Reconfigured", {}, {}), rig.driver.now())
    rig.run(minutes=30)
    assert rig.said()[:2] == ("True", "Checked")


@pytest.mark.seed("B18")
def test_another_key_in_the_secret_is_another_account_without_a_restart():
    rig = AcmeRig()
    secret = rig.store.get(SECRET, "kube-system", "account")
    other = secret_with(new_key(entropy_of(7)), {"name": "account"}, "kube-system")
    rig.driver.spawn(rig.store.update(SECRET, {**secret, "data": other["data"]}), lambda _: None)
    rig.run(seconds=10)
    assert len(rig.facts("acme_server", "AccountCreated")) == 2
    rig.apply("one", "one.http.test")
    rig.run(seconds=10)
    assert rig.ready("one") == ISSUED
    assert rig.issuer["status"]["accountURL"].endswith(rig.facts("acme_server", "AccountCreated")[1].subject["account"])


def test_after_a_restart_the_account_is_found_again():
    rig = AcmeRig()
    rig.crash()
    rig.apply("one", "one.http.test")
    rig.start()
    rig.run(seconds=30)
    assert rig.ready("one") == ISSUED
    assert len(rig.facts("acme_server", "AccountCreated")) == 1


def test_a_spec_that_cannot_be_is_told_in_its_own_words():
    rig = AcmeRig(issuer={"directory": "gravel://elsewhere"})
    status, reason, message = rig.said()
    assert (status, reason) == ("False", "Failed")
    assert message.startswith("Failed permanently: spec.directory 'gravel://elsewhere' names a world that does not run")
    change(rig, directory="gravel://default")
    rig.run(seconds=10)
    assert rig.said()[:2] == ("True", "Checked")


def test_a_name_that_no_solver_fits_waits_for_another_issuer():
    rig = AcmeRig(issuer={"solvers": []})
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    assert "no solver of the issuer fits one.http.test" in rig.ready("one")[2]
    change(rig, solvers=acme_issuer()["spec"]["solvers"])
    rig.run(seconds=30)
    assert rig.ready("one") == ISSUED


def test_a_duration_is_not_asked_for_unless_the_issuer_says_so():
    rig = AcmeRig()
    rig.apply("one", "one.http.test", duration="24h")
    rig.run(seconds=10)
    assert "DurationIgnored" in [reason for reason, _ in rig.events("CertificateRequest")]
    change(rig, enableDuration=True)
    rig.apply("two", "two.http.test", duration="24h")
    rig.run(seconds=10)
    (order,) = [order for order in rig.orders if order["metadata"]["name"].startswith("two-")]
    assert order["spec"]["duration"] == "24h0m0s"


def test_an_order_of_somebody_else_is_not_this_requests():
    rig = AcmeRig()
    rig.apply("one", "one.http.test")
    rig.run(milliseconds=120)
    (order,), asked = rig.orders, rig.count("new-order")
    rig.store.remove(ORDER, "default", order["metadata"]["name"])
    foreign = {key: order["metadata"][key] for key in ("name", "namespace", "ownerReferences")}
    rig.create(ORDER, {"metadata": foreign, "spec": {**order["spec"], "dnsNames": ["other.http.test"]}})
    rig.run(minutes=1)
    assert "is not this request's" in rig.ready("one")[2]
    assert rig.count("new-order") == asked
    rig.store.remove(ORDER, "default", order["metadata"]["name"])
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED


def test_requests_of_cert_managers_issuers_are_left_to_their_controllers():
    rig = AcmeRig()
    rig.apply("one", "one.http.test", issuerRef={"name": "gravel", "kind": "ClusterIssuer"})
    rig.run(seconds=30)
    assert (rig.orders, rig.ready("one")[1]) == ([], "Pending")
    assert "clusterissuer.cert-manager.io" in rig.ready("one")[2]


def test_an_issuer_whose_kinds_are_not_served_is_left_alone():
    rig = AcmeRig(acme_issuers=None)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert (rig.issuer.get("status"), rig.ready("one")) == (None, None)


@pytest.mark.seed("B24")
def test_five_errors_in_a_row_open_the_circuit_and_nobody_asks_any_more():
    rig = AcmeRig(page("newOrder", 5), page("directory", 8))
    for number in range(5):
        rig.apply(f"r{number}", f"r{number}.http.test")
    rig.run(seconds=30)
    assert rig.said()[:2] == ("False", "Pending")
    assert rig.count("new-order") == 5
    assert "circuit open after 5 failures: newOrder: 502" in rig.events("AcmeClusterIssuer")[1][1]
    parked = 'Waiting for issuer to become ready. Current issuer ready condition is "Pending": '
    assert rig.ready("r1")[2].startswith(parked)
    rig.run(minutes=20)
    assert all(rig.issued(f"r{number}") for number in range(5))


@pytest.mark.seed("B24")
def test_a_half_open_circuit_is_tried_by_a_check_less_and_less_often():
    rig = AcmeRig(page("newOrder", 5))
    begun = rig.count("dir")
    rig.arm(page("directory", 5))
    for number in range(5):
        rig.apply(f"r{number}", f"r{number}.http.test")
    rig.run(minutes=5)
    asked = rig.moments("dir")[begun:]
    assert [later - sooner for sooner, later in pairwise(asked[:6])] == [2, 4, 8, 16, 32]
    assert rig.said()[:2] == ("True", "Checked")


def test_an_open_circuit_behind_a_closed_gate_waits_for_the_gate():
    rig = AcmeRig(page("newOrder", 4), problem("serverInternal", "newOrder", retry_after=600))
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    asked, checks = len(rig.asked), len(rig.facts("issuer_bridge", "CheckAnswered"))
    rig.run(minutes=8)
    assert rig.said()[:2] == ("False", "Pending")
    assert len(rig.asked) == asked
    assert len(rig.facts("issuer_bridge", "CheckAnswered")) - checks <= 1
    rig.run(minutes=10)
    assert rig.ready("one") == ISSUED


def test_an_outage_of_hours_costs_no_request_its_time():
    """D12: fifteen minutes of errors are counted from when the issuer became Ready."""
    rig = AcmeRig()
    rig.tamper = lambda question: DOWN
    rig.apply("one", "one.http.test")
    rig.run(hours=2)
    assert rig.ready("one")[1] == "Pending"
    rig.tamper = lambda question: None
    rig.arm(problem("serverInternal", "newOrder"))
    rig.run(minutes=10)
    assert rig.ready("one") == ISSUED


def test_after_an_outage_not_all_come_at_once():
    rig = AcmeRig()
    rig.tamper = lambda question: DOWN
    for number in range(40):
        rig.apply(f"r{number}", f"r{number}.http.test")
    rig.run(minutes=10)
    rig.tamper = lambda question: None
    rig.run(minutes=10)
    assert all(rig.issued(f"r{number}") for number in range(40))
    orders = [moment for moment, kind in rig.asked if kind == "new-order"][-40:]
    assert orders[-1] - orders[0] > timedelta(seconds=2)


def test_after_a_rate_limit_not_all_come_at_once_and_nobody_too_early():
    rig = AcmeRig(problem("rateLimited", "newOrder", retry_after=100))
    for number in range(20):
        rig.apply(f"r{number}", f"r{number}.http.test")
    rig.run(minutes=5)
    assert all(rig.issued(f"r{number}") for number in range(20))
    orders = [second for second in rig.moments("new-order") if second > 2]  # five were under way already
    assert len(orders) >= 15
    assert orders[0] >= 101
    assert 5 < orders[-1] - orders[0] <= 25


def test_the_gate_holds_over_a_restart():
    rig = AcmeRig(problem("rateLimited", "newOrder", retry_after=600))
    rig.apply("one", "one.http.test")
    rig.run(seconds=30)
    asked = len(rig.asked)
    rig.crash()
    rig.start()
    rig.run(minutes=8)
    assert len(rig.asked) == asked
    rig.run(minutes=5)
    assert rig.ready("one") == ISSUED


def test_a_ready_issuer_is_checked_every_ten_minutes_or_so():
    rig = AcmeRig()
    begun = rig.count("dir")
    rig.run(hours=2)
    assert 9 <= rig.count("dir") - begun <= 16


def test_a_reference_finds_the_issuer_in_the_shape_of_cert_managers():
    rig = AcmeRig()
    found = issuer_for(rig.store, request("a.test", reference=REFERENCE))
    assert found["kind"] == "AcmeClusterIssuer"
    assert found["spec"]["acme"]["privateKeySecretRef"] == {"name": "account"}
    assert found["status"]["acme"]["uri"] == rig.issuer["status"]["accountURL"]
    assert refers_to(request("a.test", reference=REFERENCE), found)
    assert in_our_words("spec.acme.server 'x', spec.acme.caBundle") == "spec.directory 'x', spec.caBundle"


def test_a_deleted_request_takes_its_orders_and_challenges_along():
    rig = AcmeRig()
    rig.hide = lambda question: True
    rig.apply("one", "one.http.test")
    rig.run(seconds=5)
    rig.store.remove(CERTIFICATE_REQUEST, "default", "one")
    rig.run(minutes=5)
    assert (rig.orders, rig.challenges) == ([], [])
