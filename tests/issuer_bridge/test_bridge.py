"""CertificateRequests on their way to certificates: real server, real solvers, real store, virtual time."""

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from acme_server.protocol.encoding import b64url
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CERTIFICATE_REQUEST, CHALLENGE, CLUSTER_ISSUER, EVENT, ISSUER, SECRET
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01, issuer
from tests.issuer_bridge.bridge_rig import Rig, of_the_server

ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")
APPROVED_MESSAGE = "Certificate request has been approved by cert-manager.io"


def condition(rig, name, type_):
    conditions = rig.request(name).get("status", {}).get("conditions", [])
    return next((item for item in conditions if item["type"] == type_), None)


def write(rig, inquiry):
    rig.driver.spawn(inquiry, lambda _: None)


@pytest.mark.seed("K01", "K15", "K20", "K22")
def test_three_requests_are_issued():
    rig = Rig()
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.apply("two", "b.http.test", "a.http.test")
    rig.apply("wild", "*.dns.test", "dns.test")
    rig.run(minutes=5)
    assert [rig.ready(name) for name in ("one", "two", "wild")] == [ISSUED] * 3
    for name, names in (("two", {"a.http.test", "b.http.test"}), ("wild", {"*.dns.test", "dns.test"})):
        chain = x509.load_pem_x509_certificates(base64.b64decode(rig.request(name)["status"]["certificate"]))
        san = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names == set(san.get_values_for_type(x509.DNSName))
    assert {(c["spec"]["type"], c["spec"]["wildcard"], c["status"]["state"]) for c in rig.challenges} == {
        ("HTTP-01", False, "valid"),
        ("DNS-01", False, "valid"),
        ("DNS-01", True, "valid"),
    }
    assert len(rig.challenges) == 5


def test_an_issuer_gets_a_key_and_an_account():
    rig = Rig()
    rig.apply_issuer(email="A@b.test")
    rig.run(seconds=1)
    found = rig.store.get(CLUSTER_ISSUER, "", "gravel")["status"]
    (account,) = rig.facts("acme_server", "AccountCreated")
    assert account.data["contact"] == ["mailto:a@b.test"]
    assert found["acme"]["uri"].endswith(account.subject["account"])
    assert found["acme"]["lastRegisteredEmail"] == "A@b.test"
    (ready,) = found["conditions"]
    assert (
        ready["status"],
        ready["reason"],
        ready["message"],
        ready["observedGeneration"],
    ) == ("True", "ACMEAccountRegistered", "The ACME account was registered with the ACME server", 1)
    assert rig.store.get(SECRET, "kube-system", "account") is not None


def test_another_email_is_told_to_the_server():
    rig = Rig()
    rig.apply_issuer(email="a@b.test")
    rig.run(seconds=1)
    changed = copy_json(rig.store.get(CLUSTER_ISSUER, "", "gravel"))
    changed["spec"]["acme"]["email"] = "c@d.test"
    write(rig, rig.store.update(CLUSTER_ISSUER, changed))
    rig.run(seconds=1)
    assert rig.store.get(CLUSTER_ISSUER, "", "gravel")["status"]["acme"]["lastRegisteredEmail"] == "c@d.test"
    (updated,) = rig.facts("acme_server", "AccountUpdated")
    assert updated.data["contact"] == ["mailto:c@d.test"]


def test_a_key_that_is_deleted_is_made_anew_and_registered():
    rig = Rig()
    rig.apply_issuer()
    rig.run(seconds=1)
    write(rig, rig.store.delete(SECRET, "kube-system", "account"))
    rig.run(seconds=1)
    first, second = rig.facts("acme_server", "AccountCreated")
    uri = rig.store.get(CLUSTER_ISSUER, "", "gravel")["status"]["acme"]["uri"]
    assert uri.endswith(second.subject["account"])
    assert first.subject != second.subject


def test_a_key_that_somebody_keeps_in_the_secret_is_used():
    rig = Rig()
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    metadata = {"name": "account", "namespace": "kube-system"}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
    rig.create(SECRET, {**secret, "data": {"tls.key": base64.b64encode(pem).decode()}})
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    (account,) = rig.facts("acme_server", "AccountCreated")
    assert account.data["key_type"] == "RSA"


@pytest.mark.seed("B08", "B59")
def test_the_journal_tells_the_story_of_a_request():
    rig = Rig()
    rig.apply_issuer()
    rig.run(seconds=1)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    told = [(e.house, e.kind) for e in rig.world.journal if e.house != "acme_server"]
    bridge, scheduler = "issuer_bridge", "scheduler"
    assert told == [
        (bridge, "IssuerRegistered"),
        (bridge, "RequestSeen"),
        (bridge, "RequestApproved"),
        (bridge, "OrderCreated"),
        (bridge, "OrderPlaced"),
        (bridge, "ChallengeCreated"),
        (scheduler, "ChallengeQueued"),
        (scheduler, "ChallengeScheduled"),
        (scheduler, "ChallengePresented"),
        (scheduler, "SelfCheckPassed"),
        (scheduler, "ChallengeAccepted"),
        (scheduler, "ChallengeDecided"),
        (scheduler, "ChallengeCleanedUp"),
        (bridge, "OrderReady"),
        (bridge, "OrderFinalized"),
        (bridge, "OrderValid"),
        (bridge, "CertificateFetched"),
        (bridge, "RequestIssued"),
    ]
    order = rig.orders[0]["metadata"]["name"]
    (fetched,) = rig.facts("issuer_bridge", "CertificateFetched")
    assert {"request": "default/one", "order": f"default/{order}"} == fetched.subject


def test_events_tell_people_what_happened():
    rig = Rig()
    rig.apply_issuer()
    rig.run(seconds=1)
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    (challenge,) = rig.challenges
    order = rig.orders[0]["metadata"]["name"]
    assert sorted(rig.events("CertificateRequest")) == [
        ("CertificateIssued", "Certificate fetched from issuer successfully"),
        ("OrderCreated", f"Created Order resource default/{order}"),
        ("WaitingForApproval", "Not signing CertificateRequest until it is Approved"),
        ("cert-manager.io", APPROVED_MESSAGE),
    ]
    assert sorted(rig.events("Order")) == [
        ("Complete", "Order completed successfully"),
        (
            "Created",
            f'Created Challenge resource "{challenge["metadata"]["name"]}" for domain "one.http.test"',
        ),
    ]
    assert sorted(rig.events("Challenge")) == [
        ("DomainVerified", 'Domain "one.http.test" verified with "HTTP-01" validation'),
        ("Presented", "Presented challenge using HTTP-01 challenge mechanism"),
        ("Started", "Challenge scheduled for processing"),
    ]


@pytest.mark.seed("E05", "B35")
def test_a_request_that_is_not_approved_is_left_alone_until_somebody_approves_it():
    rig = Rig(approver=False)
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.run(hours=12)
    assert (rig.request("one").get("status", {}), rig.orders) == ({}, [])
    assert rig.events("CertificateRequest") == [
        ("WaitingForApproval", "Not signing CertificateRequest until it is Approved")
    ]
    approved = {"type": "Approved", "status": "True", "reason": "me", "message": "fine"}
    write(
        rig,
        rig.store.update_status(CERTIFICATE_REQUEST, {**rig.request("one"), "status": {"conditions": [approved]}}),
    )
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    (fact,) = rig.facts("issuer_bridge", "RequestApproved")
    assert fact.data == {"by": "me"}


@pytest.mark.seed("K19", "B58")
def test_a_denied_request_is_not_signed_and_says_so():
    rig = Rig(approver=False)
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    denied = {"type": "Denied", "status": "True", "reason": "policy", "message": "no"}
    write(rig, rig.store.update_status(CERTIFICATE_REQUEST, {**rig.request("one"), "status": {"conditions": [denied]}}))
    rig.run(minutes=1)
    assert rig.ready("one") == ("False", "Denied", "The CertificateRequest was denied by an approval controller")
    assert (rig.request("one")["status"]["failureTime"], rig.orders) == ("2026-01-01T00:00:01Z", [])


def test_the_time_of_a_failure_is_set_once():
    rig = Rig(approver=False)
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    denied = {"type": "Denied", "status": "True", "reason": "policy", "message": "no"}
    status = {"conditions": [denied], "failureTime": "2025-01-01T00:00:00Z"}
    write(rig, rig.store.update_status(CERTIFICATE_REQUEST, {**rig.request("one"), "status": status}))
    rig.run(seconds=1)
    assert rig.ready("one")[1] == "Denied"
    assert rig.request("one")["status"]["failureTime"] == "2025-01-01T00:00:00Z"


def test_a_deleted_issuer_leaves_nothing_behind():
    rig = Rig()
    rig.apply_issuer()
    rig.run(seconds=1)
    deleted = rig.store.get(CLUSTER_ISSUER, "", "gravel")
    assert rig.operator._accounts.client(deleted) is not None
    write(rig, rig.store.delete(CLUSTER_ISSUER, "", "gravel"))
    rig.run(seconds=1)
    assert rig.operator._accounts.client(deleted) is None


@pytest.mark.seed("E08", "B58")
def test_a_csr_that_does_not_parse_fails_at_once_with_what_it_is():
    rig = Rig()
    rig.apply_issuer()
    rig.apply(
        "bad", request=base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n").decode()
    )
    rig.run(minutes=1)
    message = "Failed to decode CSR in spec.request: it holds a CERTIFICATE, not a CERTIFICATE REQUEST"
    assert rig.ready("bad") == ("False", "Failed", message)
    assert ("RequestParsingError", message) in rig.events("CertificateRequest")
    assert (rig.request("bad")["status"]["failureTime"], rig.orders) == ("2026-01-01T00:00:00Z", [])


@pytest.mark.seed("K19", "K31", "E08")
def test_an_answer_that_the_server_cannot_see_fails_the_request_with_the_servers_words():
    rig = Rig()
    rig.hide = of_the_server
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.run(minutes=5)
    (challenge,), (order,) = rig.challenges, rig.orders
    assert challenge["status"]["state"] == "invalid"
    assert challenge["status"]["reason"].startswith(
        "Error accepting authorization: acme: authorization error for one.http.test: 403 urn:ietf:params:acme:error:"
    )
    assert (order["status"]["state"], "failureTime" in order["status"]) == ("invalid", True)
    status, reason, message = rig.ready("one")
    assert (status, reason) == ("False", "Failed")
    assert message.startswith(
        f'Failed to wait for order resource "{order["metadata"]["name"]}" to become ready: order is in "invalid" state: '
    )
    assert "urn:ietf:params:acme:error:" in message
    assert "Failed" in [reason for reason, _ in rig.events("Challenge")]
    assert (
        rig.responder.handle("GET", "one.http.test", f"/.well-known/acme-challenge/{challenge['spec']['token']}")[0]
        == 404
    )


def test_a_name_without_a_solver_is_named_and_issued_once_it_has_one():
    rig = Rig()
    rig.apply_issuer(solvers=[HTTP01])
    rig.apply("wild", "*.dns.test")
    rig.run(minutes=5)
    (order,) = rig.orders
    assert "no solver of the issuer fits *.dns.test, for which the server offers dns-01" in order["status"]["reason"]
    assert [("Solver", order["status"]["reason"])] == rig.events("Order")
    assert [e["count"] for e in rig.store.list(EVENT) if e["reason"] == "Solver"] == [1]
    changed = copy_json(rig.store.get(CLUSTER_ISSUER, "", "gravel"))
    changed["spec"]["acme"]["solvers"] = [HTTP01, DNS01]
    write(rig, rig.store.update(CLUSTER_ISSUER, changed))
    rig.run(minutes=5)
    assert rig.ready("wild") == ISSUED
    assert "reason" not in rig.orders[0]["status"]


def test_a_dns_provider_that_is_not_built_in_is_named_in_the_challenge():
    rig = Rig()
    rig.apply_issuer(solvers=[{"dns01": {"route53": {"region": "eu-central-1"}}}])
    rig.apply("one", "dns.test")
    rig.run(seconds=10)
    (challenge,) = rig.challenges
    assert challenge["status"]["reason"].startswith("dns01 provider route53 is not supported; use webhook")
    assert ("PresentError", f"Error presenting challenge: {challenge['status']['reason']}") in rig.events("Challenge")


def test_a_world_that_does_not_run_is_named_and_the_request_waits():
    rig = Rig()
    rig.apply_issuer(server="gravel://nowhere")
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    found = copy_json(rig.store.get(CLUSTER_ISSUER, "", "gravel"))
    (ready,) = found["status"]["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "InvalidURL")
    assert ready["message"].endswith("names a world that does not run here; these do: gravel://default")
    assert rig.ready("one") == ("False", "Pending", "Referenced issuer does not have a Ready status condition")
    found["spec"]["acme"]["server"] = "gravel://default"
    write(rig, rig.store.update(CLUSTER_ISSUER, found))
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


@pytest.mark.seed("B12", "E03", "K19")
def test_a_request_may_come_before_its_issuer():
    rig = Rig()
    rig.apply("one", "one.http.test")
    rig.run(hours=1)
    assert (
        rig.ready("one")[2] == 'Referenced "ClusterIssuer" not found: clusterissuer.cert-manager.io "gravel" not found'
    )
    rig.apply_issuer()
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


def test_a_request_follows_what_becomes_of_its_issuer():
    rig = Rig()
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    rig.apply_issuer(server="gravel://nowhere")
    rig.run(seconds=1)
    assert rig.ready("one")[2] == "Referenced issuer does not have a Ready status condition"


@pytest.mark.seed("K03", "B09", "B11")
def test_a_namespaced_issuer_serves_its_namespace():
    rig = Rig()
    resource = issuer("mine", kind="Issuer")
    rig.create(ISSUER, {**resource, "metadata": {"name": "mine", "namespace": "default"}, "status": {}})
    rig.apply("one", "one.http.test", issuerRef={"name": "mine"})
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert rig.store.get(SECRET, "default", "account") is not None


def test_finished_challenges_are_kept_or_deleted_as_the_operator_chooses():
    for keep, left in ((True, 1), (False, 0)):
        rig = Rig(keep_challenges=keep)
        rig.apply_issuer()
        rig.apply("one", "one.http.test")
        rig.run(minutes=1)
        assert rig.ready("one") == ISSUED
        assert len(rig.challenges) == left
        assert len(rig.operator.scheduler.challenges) == left


def test_a_request_that_is_deleted_half_way_is_cleaned_up_after():
    rig = Rig()
    rig.apply_issuer()
    rig.zone.set_default_addresses(["192.0.2.1"])
    rig.apply("one", "one.http.test")
    rig.run(seconds=30)
    (challenge,) = rig.challenges
    path = f"/.well-known/acme-challenge/{challenge['spec']['token']}"
    assert rig.responder.handle("GET", "one.http.test", path)[0] == 200
    write(rig, rig.store.delete(CERTIFICATE_REQUEST, "default", "one"))
    rig.run(seconds=30)
    assert (rig.orders, rig.challenges, rig.operator.scheduler.challenges) == ([], [], ())
    assert rig.responder.handle("GET", "one.http.test", path)[0] == 404


def test_a_challenge_that_is_deleted_half_way_is_made_again():
    rig = Rig()
    rig.apply_issuer()
    rig.zone.set_default_addresses(["192.0.2.1"])
    rig.apply("one", "one.http.test")
    rig.run(seconds=30)
    (challenge,) = rig.challenges
    write(rig, rig.store.delete(CHALLENGE, "default", challenge["metadata"]["name"]))
    rig.run(seconds=1)
    (again,) = rig.challenges
    assert (challenge["metadata"]["name"], True) == (
        again["metadata"]["name"],
        challenge["metadata"]["uid"] != again["metadata"]["uid"],
    )
    rig.zone.set_default_addresses(["127.0.0.1"])
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


def test_when_all_is_done_looking_again_changes_nothing():
    rig = Rig()
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.apply("bad", request=b64url(b"x" * 6))
    rig.run(minutes=5)
    version, facts = rig.store.resource_version, len(rig.facts("issuer_bridge", "RequestSeen", "RequestApproved"))
    rig.crash()
    rig.start()
    rig.run(hours=1)
    assert version == rig.store.resource_version
    assert facts == len(rig.facts("issuer_bridge", "RequestSeen", "RequestApproved"))
