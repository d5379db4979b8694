"""Certificates, requests and issuers that wait for somebody: what is told, of whom, and when it counts as stuck."""

from datetime import timedelta

import pytest

from issuer_bridge.diagnosis.readings import APPROVER, OWNER, PLATFORM
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET
from scheduler.versions import NEWEST
from tests.issuer_bridge.bridge_resources import HTTP01
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import LIFETIME, CertificateRig
from tests.issuer_bridge.diagnosis.diagnosed import findings, findings_about, told
from tests.issuer_bridge.policy.policy_rig import PolicyRig
from tests.issuer_bridge.shims.test_ingresses import CLUSTER, apply, ingress
from tests.issuer_bridge.shims.test_ingresses import ISSUER as NAMED_ISSUER


def the_finding(rig):
    (found,) = findings(rig)
    return found


def test_a_failed_issuance_is_told_where_it_failed_and_when_it_is_tried_again():
    rig = CertificateRig(errors=NEWEST)
    rig.refusing = True
    rig.add()
    rig.run(minutes=1)
    found = findings(rig)
    assert told(found) == [("name-rejected", "order")]
    assert told(found, blocks=False) == [("backing-off", "certificate")]
    due = rig.driver.now() + timedelta(hours=1) - timedelta(minutes=1)
    assert f"the next one is made at {due:%Y-%m-%dT%H}" in found[-1].cause
    assert "cmctl renew -n default www" in found[0].attempt


def test_a_failure_that_a_later_revision_has_mended_is_history():
    rig = CertificateRig(errors=NEWEST)
    rig.refusing = True
    rig.add()
    rig.run(minutes=1)
    rig.refusing = False
    rig.run(hours=2)
    assert rig.state() == ("True", "Ready")
    assert findings(rig) == ()


def test_a_renewal_that_fails_is_told_with_the_day_of_the_end_and_then_as_expired():
    rig = CertificateRig(errors=NEWEST)
    rig.issue()
    rig.refusing = True
    rig.run(hours=LIFETIME.total_seconds() / 3600 * 2 / 3 + 5)
    found = findings(rig)
    assert ("expiring", "certificate") in told(found)
    (expiring,) = [one for one in found if one.code == "expiring"]
    assert expiring.cause == f"the renewal is overdue; the certificate expires at {rig.status('notAfter')}"
    rig.run(days=40)
    (expired,) = [one for one in findings(rig) if one.code == "expiring"]
    assert expired.cause == "the certificate has expired"
    assert any(text.startswith("Ready=False Expired") for text in expired.evidence)


def test_of_two_certificates_with_one_secret_the_one_that_did_not_get_it_is_told():
    rig = CertificateRig(errors=NEWEST)
    rig.issue("www")
    rig.add("api", secretName="www-tls")
    rig.run(minutes=10)
    shared = [one for one in findings(rig) if one.code == "secret-shared"]
    assert [(one.subject, one.blocks, one.who, one.evidence) for one in shared] == [
        ("certificate/default/api", True, OWNER, ("certificate/default/www, certificate/default/api",))
    ]


def test_a_key_that_may_not_be_made_anew_wants_a_person():
    rig = CertificateRig(errors=NEWEST)
    rig.issue(privateKey={"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"})
    rig.change(privateKey={"algorithm": "ECDSA", "size": 384, "rotationPolicy": "Never"})
    rig.run(minutes=1)
    found = the_finding(rig)
    assert (found.code, found.blocks, found.who) == ("key-kept", True, OWNER)


def test_a_controller_that_does_not_run_is_told_of_what_it_leaves():
    rig = CertificateRig(errors=NEWEST)
    rig.crash()
    rig.add()
    rig.run(minutes=1)
    assert told(findings(rig), blocks=False) == [("not-triggered", "certificate")]
    rig.run(minutes=2)
    assert told(findings(rig)) == [("not-triggered", "certificate")]


def test_a_secret_that_is_gone_under_a_dead_controller_is_told_and_names_no_data():
    rig = CertificateRig(errors=NEWEST)
    rig.issue()
    rig.crash()
    rig.store.remove(SECRET, "default", "www-tls")
    found = the_finding(rig)
    assert (found.code, found.blocks) == ("secret-gone", False)


def test_requests_of_one_revision_keep_each_other_from_being_followed():
    rig = CertificateRig(errors=NEWEST, approver=False)
    rig.add()
    rig.run(minutes=1)
    request = copy_json(rig.store.get(CERTIFICATE_REQUEST, "default", "www-1"))
    kept = {name: request["metadata"][name] for name in ("annotations", "ownerReferences", "namespace")}
    rig.create(CERTIFICATE_REQUEST, {**request, "metadata": {**kept, "name": "www-1-again"}, "status": {}})
    rig.run(minutes=5)
    assert ("requests-twice", "certificate") in told(findings(rig))


def test_a_request_that_nobody_approves_waits_for_the_approver():
    rig = Rig(errors=NEWEST, approver=False)
    rig.apply_issuer()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    assert told(findings(rig), blocks=False) == [("not-approved", "certificaterequest")]
    rig.run(minutes=2)
    found = the_finding(rig)
    assert (found.blocks, found.who) == (True, APPROVER)
    assert "cmctl approve -n default one" in found.attempt


def test_a_request_that_no_policy_is_about_is_told_which_there_are():
    rig = PolicyRig().open()
    rig.say("others", selector={"issuerRef": {"name": "another"}}, allowed={"dnsNames": {"values": ["*"]}})
    rig.apply_issuer()
    rig.ask()
    rig.run(minutes=3)
    (found,) = [one for one in findings(rig) if one.code == "not-approved"]
    assert "none selects it" in found.cause
    assert "there are 1: others" in found.evidence


def test_a_denied_request_is_told_with_the_denial():
    rig = PolicyRig().open()
    rig.say("b-only", allowed={"dnsNames": {"values": ["b"]}})
    rig.apply_issuer()
    rig.ask()
    rig.run(minutes=3)
    (found,) = [one for one in findings(rig) if one.code == "denied"]
    assert (found.blocks, found.who) == (True, APPROVER)
    assert found.evidence[0].startswith("Denied=True ")


def test_a_request_of_an_issuer_that_is_not_there_says_which():
    rig = Rig(errors=NEWEST)
    rig.apply("one", "one.http.test")
    rig.run(minutes=3)
    found = the_finding(rig)
    assert (found.code, found.cause) == ("no-issuer", "there is no ClusterIssuer gravel")
    assert found.evidence[0].startswith("Ready=False Pending: Referenced ")


@pytest.mark.parametrize(
    ("acme", "code", "who"),
    [
        ({"server": "gravel://nowhere"}, "url-bad", PLATFORM),
        ({"server": "https://acme-v01.api.letsencrypt.org/directory"}, "old-endpoint", PLATFORM),
        ({"server": "https://nobody.test/dir"}, "ca-unreachable", PLATFORM),
        (
            {"solvers": [{"dns01": {"cloudflare": {"apiTokenSecretRef": {"name": "token", "key": "t"}}}}]},
            "secret-missing",
            OWNER,
        ),
        (
            {"externalAccountBinding": {"keyID": "1", "keySecretRef": {"name": "eab", "key": "k"}}},
            "secret-missing",
            OWNER,
        ),
        ({"disableAccountKeyGeneration": True}, "secret-missing", OWNER),
    ],
)
def test_an_issuer_that_is_not_ready_tells_why_and_what_waits_for_it_is_silent(acme, code, who):
    rig = Rig(errors=NEWEST)
    rig.apply_issuer(**{"solvers": [HTTP01], **acme})
    rig.apply("one", "one.http.test")
    rig.run(minutes=3)
    found = the_finding(rig)
    assert (found.code, found.subject, found.who, found.blocks) == (code, "clusterissuer/gravel", who, True)
    assert findings_about(rig, "certificaterequest/default/one") == (found,)


def test_a_ca_that_is_away_for_a_moment_is_waited_for():
    rig = Rig(errors=NEWEST)
    rig.apply_issuer(server="https://nobody.test/dir")
    rig.run(minutes=1)
    assert told(findings(rig), blocks=False) == [("ca-unreachable", "clusterissuer")]
    rig.run(minutes=2)
    assert told(findings(rig)) == [("ca-unreachable", "clusterissuer")]


def test_about_tells_of_all_that_a_certificate_waits_for_and_of_nothing_else():
    rig = CertificateRig(errors=NEWEST)
    rig.hide = lambda question: True
    for name in ("www", "api"):
        rig.add(name)
    rig.add("second", dnsNames=["www.http.test"])
    rig.run(minutes=10)
    (stuck,) = findings_about(rig, "certificate/default/www")
    assert (stuck.code, "HTTP-01 of www.http.test" in stuck.cause) == ("http01-not-routed", True)
    assert {one.code for one in findings_about(rig, "certificate/default/second")} == {"http01-not-routed", "key-taken"}
    with pytest.raises(ValueError, match="there is no certificate/default/none"):
        findings_about(rig, "certificate/default/none")


def test_an_ingress_with_annotations_that_contradict_each_other_is_told():
    rig = CertificateRig(errors=NEWEST)
    apply(rig, ingress({CLUSTER: "gravel", NAMED_ISSUER: "gravel"}))
    found = the_finding(rig)
    assert (found.code, found.subject, found.blocks) == ("annotations-bad", "ingress/default/web", True)
    rig.run(hours=2)
    assert findings(rig) == ()


def test_a_request_that_failed_without_an_order_is_told_by_itself():
    rig = Rig(errors=NEWEST)
    rig.apply_issuer()
    rig.run(seconds=1)
    rig.apply("one")
    rig.run(minutes=1)
    found = the_finding(rig)
    assert (found.code, found.subject, found.blocks) == ("order-impossible", "certificaterequest/default/one", True)


def test_a_certificate_is_read_and_not_changed():
    rig = CertificateRig(errors=NEWEST)
    rig.issue()
    before = copy_json(rig.store.list(CERTIFICATE))
    assert findings(rig) == ()
    assert rig.store.list(CERTIFICATE) == before
