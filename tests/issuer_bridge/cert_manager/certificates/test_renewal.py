"""When certificates are renewed, and how failures hold the next attempt back."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.cert_manager.certificates.private_keys import read_key
from issuer_bridge.cert_manager.certificates.renewal import Backoff, renewal_time, windows_in_the_way
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig
from tests.issuer_bridge.cert_manager.certificates.test_policies import NOW, pem_of

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


# Upstream pkg/util/pki/renewaltime_test.go, TestRenewalTime: validity and renewBefore in hours.
TIMES = [
    (36, {}, 24),
    (36, {"renewBefore": "10h"}, 26),
    (36, {"renewBefore": "36h"}, 24),
    (36, {"renewBefore": "40h"}, 24),
    (100, {"renewBeforePercentage": 25}, 75),
    (100, {"renewBeforePercentage": 0}, 100 * 2 / 3),
    (100, {"renewBeforePercentage": 100}, 100 * 2 / 3),
    (100, {"renewBefore": "200h", "renewBeforePercentage": 10}, 90),
    (100, {"renewBefore": "5h", "renewBeforePercentage": 10}, 95),
    (100, {"renewal": {"policy": "RenewBefore"}}, 100 * 2 / 3),
    (100, {"renewal": {"policy": "Disabled"}}, None),
]


@pytest.mark.parametrize(("hours", "spec", "wanted"), TIMES, ids=str)
def test_the_renewal_time_follows_from_the_real_validity(hours, spec, wanted):
    due = None if wanted is None else (BEGIN + wanted * HOUR).replace(microsecond=0)
    assert renewal_time(BEGIN, BEGIN + hours * HOUR, spec) == due


@given(
    seconds=st.integers(1, 10**9),
    before=st.none() | st.integers(1, 10**9),
    percentage=st.none() | st.integers(-10, 200),
)
def test_a_renewal_is_never_outside_of_the_validity(seconds, before, percentage):
    spec = {"renewBefore": f"{before}s" if before else None, "renewBeforePercentage": percentage}
    end = BEGIN + timedelta(seconds=seconds)
    assert BEGIN <= renewal_time(BEGIN, end, spec) <= end


def test_windows_are_not_supported_and_told_so():
    assert "leave it out" in windows_in_the_way(
        {"renewal": {"policy": "RenewBefore", "windows": [{"cron": "* * * * *"}]}}
    )
    assert windows_in_the_way({"renewal": {"policy": "RenewBefore"}}) == ""


@pytest.mark.parametrize(
    ("attempts", "hours"), [(0, 1), (1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 32), (7, 32), (1000, 32)]
)
def test_the_backoff_doubles_from_an_hour_to_32(attempts, hours):
    assert Backoff().delay(attempts) == hours * HOUR


def test_the_backoff_has_the_limits_of_its_options():
    assert [Backoff(timedelta(minutes=1), timedelta(minutes=3)).delay(n).seconds for n in (1, 2, 3)] == [60, 120, 180]


def test_without_a_minimum_nothing_is_held_back():
    status = {"lastFailureTime": "2026-01-01T00:00:00Z", "failedIssuanceAttempts": 3}
    assert Backoff(timedelta(0)).left(status, BEGIN) == timedelta(0)
    assert Backoff().left(status, BEGIN) == 4 * HOUR
    assert Backoff().left({}, BEGIN) == timedelta(0)


@pytest.mark.seed("K06")
def test_a_certificate_is_renewed_at_two_thirds_of_its_life():
    rig = CertificateRig()
    rig.issue()
    first = rig.leaf()
    assert rig.status("renewalTime") == "2026-03-01T23:59:01Z"
    rig.run(days=59)
    assert rig.status("revision") == 1
    rig.run(days=2)
    second = rig.leaf()
    assert (rig.status("revision"), rig.state()) == (2, ("True", "Ready"))
    assert second.serial_number != first.serial_number
    assert (second.not_valid_before_utc - first.not_valid_before_utc).days == 59
    told = [message for _, message in rig.events("Certificate")]
    assert "Renewing certificate as renewal was scheduled at 2026-03-01 23:59:01 +0000 UTC" in told


def test_it_is_renewed_again_and_again():
    rig = CertificateRig()
    rig.issue(renewBefore="720h")
    rig.run(days=365)
    assert rig.status("revision") == 7
    assert rig.has_pair()


def test_a_certificate_whose_renewal_is_off_expires():
    rig = CertificateRig()
    rig.issue(renewal={"policy": "Disabled"})
    assert rig.status("renewalTime") is None
    rig.run(days=89)
    assert rig.state() == ("True", "Ready")
    rig.run(days=2)
    assert (rig.state(), rig.status("revision")) == (("False", "Expired"), 1)
    assert rig.condition("Ready")["message"] == "Certificate expired on Tue, 31 Mar 2026 23:59:01 UTC"


@pytest.mark.seed("K18")
def test_a_refusal_is_told_and_tried_again_after_the_backoff():
    rig = CertificateRig()
    rig.refusing = True
    rig.add()
    rig.run(minutes=2)
    assert rig.state(type_="Issuing") == ("False", "Failed")
    text = rig.condition("Issuing")["message"]
    assert text.startswith(
        "The certificate request has failed to complete and will be retried: Failed to wait for order"
    )
    assert (rig.status("failedIssuanceAttempts"), rig.status("revision")) == (1, None)
    rig.run(minutes=57)
    assert rig.count("new-order") == 0
    rig.refusing = False
    rig.run(minutes=2)
    assert rig.state() == ("True", "Ready")
    assert (rig.status("failedIssuanceAttempts"), rig.status("lastFailureTime"), rig.status("revision")) == (
        None,
        None,
        1,
    )


def test_each_further_failure_doubles_the_wait():
    rig = CertificateRig()
    rig.refusing = True
    rig.add()
    attempts = []
    for _ in range(100):
        rig.run(hours=1, minutes=1)
        attempts.append(rig.status("failedIssuanceAttempts"))
    hours = [attempts.index(number) for number in (2, 3, 4, 5, 6, 7)]
    assert hours == [0, 2, 6, 14, 30, 61]
    assert rig.requests == ["www-1"]


def test_another_spec_is_tried_at_once():
    rig = CertificateRig()
    rig.refusing = True
    rig.add()
    rig.run(minutes=2)
    rig.refusing = False
    rig.change(dnsNames=["other.http.test"])
    rig.run(minutes=2)
    assert (rig.state(), rig.sans()) == (("True", "Ready"), ["other.http.test"])


def test_who_triggers_by_hand_need_not_wait():
    rig = CertificateRig()
    rig.refusing = True
    rig.add()
    rig.run(minutes=2)
    rig.refusing = False
    rig.renew()
    rig.run(minutes=2)
    assert (rig.state(), rig.status("revision"), rig.requests) == (("True", "Ready"), 1, ["www-1"])


def test_while_a_renewal_fails_the_old_pair_stays_until_it_expires():
    rig = CertificateRig()
    rig.issue()
    serial = rig.leaf().serial_number
    rig.refusing = True
    rig.run(days=80)
    assert (rig.leaf().serial_number, rig.state()) == (serial, ("True", "Ready"))
    assert rig.has_pair()
    rig.run(days=11)
    assert rig.state() == ("False", "Expired")


@pytest.mark.seed("E06")
@pytest.mark.parametrize("shown", ["Denied", "InvalidRequest"])
def test_a_request_that_is_denied_or_invalid_fails_the_issuance(shown):
    rig = CertificateRig(approver=False)
    rig.add()
    rig.run(minutes=1)
    request = rig.request("www-1")
    condition = {"type": shown, "status": "True", "reason": "policy", "message": "no", "lastTransitionTime": rig.stamp}
    rig.store.replace_status(CERTIFICATE_REQUEST, {**request, "status": {"conditions": [condition]}})
    rig.run(minutes=1)
    assert rig.state(type_="Issuing") == ("False", "policy")
    assert rig.condition("Issuing")["message"].endswith("will be retried: no")


@pytest.mark.seed("X9")
@pytest.mark.parametrize(
    ("reason", "issuing"), [("PolicyViolation", "True"), ("IssuerNotFound", "True"), ("Failed", "False")]
)
def test_only_failed_ends_an_issuance(reason, issuing):
    rig = CertificateRig(approver=False)
    rig.add()
    rig.run(minutes=1)
    condition = {"type": "Ready", "status": "False", "reason": reason, "message": "no", "lastTransitionTime": rig.stamp}
    rig.store.replace_status(CERTIFICATE_REQUEST, {**rig.request("www-1"), "status": {"conditions": [condition]}})
    rig.run(minutes=30)
    assert rig.state(type_="Issuing")[0] == issuing


def test_a_failed_request_of_an_earlier_attempt_is_made_anew_for_the_same_key():
    rig = CertificateRig()
    rig.issue(privateKey={"algorithm": "ECDSA", "rotationPolicy": "Never"})
    rig.refusing = True
    rig.renew()
    rig.run(minutes=2)
    failed = rig.request("www-2")["metadata"]["uid"]
    rig.refusing = False
    rig.renew()
    rig.run(minutes=2)
    assert (rig.status("revision"), rig.state()) == (2, ("True", "Ready"))
    assert rig.request("www-2")["metadata"]["uid"] != failed


def issued_by_hand(pem):
    """A request that another issuer, of whatever quality, has answered with this."""
    rig = CertificateRig(approver=False)
    rig.add()
    rig.run(minutes=1)
    conditions = [
        {"type": "Ready", "status": "True", "reason": "Issued", "message": "", "lastTransitionTime": rig.stamp}
    ]
    status = {"conditions": conditions, "certificate": base64.b64encode(pem(rig)).decode()}
    rig.store.replace_status(CERTIFICATE_REQUEST, {**rig.request("www-1"), "status": status})
    rig.run(minutes=1)
    return rig


def signed_for(rig, days):
    """A certificate for the next key that ends so many days after now."""
    secret = rig.secret(rig.status("nextPrivateKeySecretName"))
    key = read_key(base64.b64decode(secret["data"]["tls.key"]))
    return pem_of(key, days=(rig.driver.now() - NOW).days + 30 + days)


@pytest.mark.seed("E01", "E07")
def test_what_another_issuer_gave_comes_into_the_secret():
    rig = issued_by_hand(lambda rig: signed_for(rig, 10))
    assert (rig.status("revision"), rig.has_pair()) == (1, True)


@pytest.mark.parametrize(
    ("pem", "told"),
    [
        (lambda rig: b"nonsense", "Issuer returned an invalid certificate: failed to decode"),
        (lambda rig: pem_of(), "Issuer returned a certificate with a public key that does not match the CSR"),
        (lambda rig: signed_for(rig, -1), "Issuer returned an already expired certificate (notAfter: 20"),
    ],
    ids=["undecodable", "another key", "expired"],
)
def test_what_an_issuer_gave_and_cannot_be_used_fails_the_issuance(pem, told):
    rig = issued_by_hand(pem)
    assert rig.state(type_="Issuing") == ("False", "InvalidCertificate")
    assert told in rig.condition("Issuing")["message"]
    assert rig.secret() is None
