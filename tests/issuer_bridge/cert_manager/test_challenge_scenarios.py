"""Upstream's challenge scenarios (pkg/controller/acmechallenges/sync_test.go, TestSyncHappyPath), and rfc2136, in virtual time.

Each docstring names the case there. What upstream keeps in finalizers is the
scheduler's stage here: a Challenge is cleaned up before it leaves its slot.
"""

import base64
from datetime import timedelta

import pytest

from issuer_bridge.resources import CERTIFICATE_REQUEST, SECRET
from scheduler.settings import Settings
from solvers.dns.keys import read_key
from solvers.dns.tsig import Keyring
from solvers.dns.writers import NOBODY, Writers
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import DNS, START, Rig, of_the_server

ISSUED = ("True", "Issued", "Certificate fetched from issuer successfully")
SECRET_TEXT = "c2VjcmV0IHNlY3JldA=="
KEY = read_key(f"hmac-sha256:cert-manager:{SECRET_TEXT}")
TSIG = {
    "tsigAlgorithm": "HMACSHA256",
    "tsigKeyName": "cert-manager",
    "tsigSecretSecretRef": {"name": "tsig", "key": "secret"},
}
NAME = "_acme-challenge.dns.test"


def rig_with(*solvers, names=("one.http.test",), writers=NOBODY, **options):
    rig = Rig(**options)
    rig.writers = writers
    rig.apply_issuer(solvers=list(solvers))
    rig.apply("one", *names)
    return rig


def rfc2136(**config):
    return {"dns01": {"rfc2136": {"nameserver": DNS, **config}}}


def keep_secret(rig, text=SECRET_TEXT):
    data = {"secret": base64.b64encode(text.encode()).decode()}
    metadata = {"name": "tsig", "namespace": "kube-system"}
    rig.create(SECRET, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def status(rig):
    (challenge,) = rig.challenges
    return challenge["status"]


def delete(rig, kind, name):
    rig.driver.spawn(rig.store.delete(kind, "default", name), lambda _: None)


def kinds(rig):
    return [entry.kind for entry in rig.facts("scheduler", *ALL)]


ALL = (
    "ChallengeScheduled",
    "ChallengePresented",
    "PresentFailed",
    "SelfCheckPassed",
    "SelfCheckFailed",
    "AcceptPostponed",
    "ChallengeDecided",
    "ChallengeCleanedUp",
    "CleanUpFailed",
)


@pytest.mark.seed("K26", "K27")
def test_presented_with_the_reason_of_the_failing_check():
    """call Present and update challenge status to presented."""
    rig = rig_with(HTTP01)
    rig.hide = lambda question: True
    rig.run(seconds=5)
    found = status(rig)
    assert (found["presented"], found["processing"], found["state"]) == (True, True, "pending")
    assert found["presentedAt"] == "2026-01-01T00:00:00Z"
    assert found["reason"] == "Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'"
    assert ("Presented", "Presented challenge using HTTP-01 challenge mechanism") in rig.events("Challenge")


@pytest.mark.seed("K30", "K31", "K32")
def test_accepted_when_the_self_check_passes():
    """accept the challenge if the self check is passing; valid challenges are cleaned up and process no more."""
    rig = rig_with(HTTP01)
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    found = status(rig)
    assert (found["state"], found["reason"]) == ("valid", "Successfully authorized domain")
    assert (found["presented"], found["processing"]) == (False, False)
    assert found["presentedAt"]
    assert ("DomainVerified", 'Domain "one.http.test" verified with "HTTP-01" validation') in rig.events("Challenge")
    assert rig.responder._keys == {}


@pytest.mark.seed("K31", "K32")
def test_an_invalid_authorization_is_told_with_the_server_s_error():
    """mark certificate as failed if accepting fails; persist error details; failed challenges are cleaned up."""
    rig = rig_with(HTTP01)
    rig.hide = of_the_server
    rig.run(minutes=1)
    found = status(rig)
    assert (found["state"], found["presented"], found["processing"]) == ("invalid", False, False)
    assert found["reason"].startswith(
        "Error accepting authorization: acme: authorization error for one.http.test: 403 urn:ietf:params:acme:error:unauthorized: "
    )
    (failed,) = [message for reason, message in rig.events("Challenge") if reason == "Failed"]
    assert failed == f"Accepting challenge authorization failed: {found['reason']}"
    assert rig.responder._keys == {}


@pytest.mark.parametrize("solver", [HTTP01, DNS01], ids=["HTTP-01", "DNS-01"])
def test_accepted_after_the_wait_without_a_self_check(solver):
    """accept the challenge after waitInsteadOfSelfCheck elapses without running self-check."""
    rig = rig_with({**solver, "waitInsteadOfSelfCheck": "25s"})
    visits = []
    rig.hide = lambda question: visits.append(of_the_server(question))
    rig.run(seconds=21)
    type_ = "HTTP-01" if solver is HTTP01 else "DNS-01"
    assert status(rig)["reason"] == f"Waiting 5s before accepting {type_} challenge without self-check"
    assert [entry.at[17:19] for entry in rig.facts("scheduler", "AcceptPostponed")] == ["00", "10", "20"]
    assert visits == []
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    assert all(visits)
    assert "SelfCheckFailed" not in kinds(rig)
    (passed,) = rig.facts("scheduler", "SelfCheckPassed")
    assert passed.at[:19] == "2026-01-01T00:00:25"


def test_a_wait_of_nothing_is_no_self_check_at_all():
    rig = rig_with({**HTTP01, "waitInsteadOfSelfCheck": "0s"})
    rig.hide = lambda question: not of_the_server(question)
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED


def test_the_wait_counts_from_the_first_presentation_across_a_restart():
    """backfill presentedAt for an already presented challenge: what was kept counts, else the restart does."""
    rig = rig_with({**HTTP01, "waitInsteadOfSelfCheck": "60s"})
    rig.run(seconds=20)
    rig.crash()
    rig.run(seconds=20)
    rig.start()
    rig.run(seconds=19)
    assert status(rig)["presentedAt"] == "2026-01-01T00:00:00Z"
    assert not rig.issued("one")
    rig.run(seconds=30)
    assert rig.ready("one") == ISSUED


def test_a_shorter_retry_period_says_sooner_what_remains():
    rig = rig_with({**HTTP01, "waitInsteadOfSelfCheck": "10s"}, scheduler=Settings(retry_period=timedelta(seconds=2)))
    rig.run(seconds=9)
    assert len(rig.facts("scheduler", "AcceptPostponed")) == 5


def test_a_deleted_challenge_is_cleaned_up_and_frees_its_slot():
    """cleanup if the challenge is deleted and remove the finalizer (steps 1 and 2)."""
    rig = rig_with(HTTP01)
    rig.hide = lambda question: True
    rig.run(seconds=5)
    assert rig.responder._keys
    delete(rig, CERTIFICATE_REQUEST, "one")
    rig.run(seconds=15)
    assert (rig.responder._keys, rig.operator.scheduler.challenges) == ({}, ())


@pytest.mark.seed("K28")
def test_the_first_failure_checks_again_at_once_and_then_every_retry_period():
    """readiness.go and client-go's delaying queue: a new reason is a status update, which wakes the controller."""
    rig = rig_with(HTTP01)
    rig.hide = lambda question: True
    rig.run(seconds=35)
    moments = [entry.at[17:19] for entry in rig.facts("scheduler", "SelfCheckFailed")]
    assert moments == ["00", "00", "10", "20", "30"]


def test_a_certificate_comes_by_signed_updates():
    """test/e2e/suite/conformance/certificates/acme: DNS-01 by RFC2136, wildcard and apex."""
    writers = Writers(Keyring([KEY], lambda: START))
    rig = rig_with(rfc2136(**TSIG), names=("*.dns.test", "dns.test"), writers=writers)
    keep_secret(rig)
    rig.run(minutes=3)
    assert rig.ready("one") == ISSUED
    assert rig.zone.own(NAME) == {}
    updates = [asked for asked in rig.zone.history if asked.opcode == "UPDATE"]
    assert [(asked.name, asked.rtype, asked.rcode) for asked in updates] == [(NAME, "TXT", "NOERROR")] * 4


@pytest.mark.parametrize(
    ("config", "text", "writers", "reason"),
    [
        (TSIG, SECRET_TEXT, Writers(), "DNS update failed. Server replied: REFUSED"),
        ({}, None, Writers(), "DNS update failed. Server replied: REFUSED"),
        (
            TSIG,
            "b3RoZXI=",
            Writers(Keyring([KEY], lambda: START)),
            "DNS update failed. Server replied: NOTAUTH (BADSIG)",
        ),
    ],
    ids=["no writers", "unsigned", "wrong secret"],
)
def test_why_nothing_is_presented_is_the_challenge_s_reason(config, text, writers, reason):
    """Retried after 5 s, doubling."""
    rig = rig_with(rfc2136(**config), names=("dns.test",), writers=writers)
    if text:
        keep_secret(rig, text)
    rig.run(seconds=20)
    found = status(rig)
    assert (found["presented"], found["processing"], found["reason"]) == (False, True, reason)
    assert ("PresentError", f"Error presenting challenge: {reason}") in rig.events("Challenge")
    assert [entry.at[17:19] for entry in rig.facts("scheduler", "PresentFailed")] == ["00", "00", "05"]


def test_a_secret_that_comes_later_is_found():
    writers = Writers(Keyring([KEY], lambda: START))
    rig = rig_with(rfc2136(**TSIG), names=("dns.test",), writers=writers)
    rig.run(seconds=20)
    keep_secret(rig)
    rig.run(minutes=3)
    assert rig.ready("one") == ISSUED


def test_a_challenge_that_was_never_presented_frees_its_slot_when_deleted():
    rig = rig_with({"dns01": {"route53": {"region": "eu-central-1"}}}, names=("dns.test",))
    rig.run(seconds=20)
    assert status(rig)["presented"] is False
    delete(rig, CERTIFICATE_REQUEST, "one")
    rig.run(minutes=5)
    assert rig.operator.scheduler.challenges == ()


def test_a_failing_clean_up_keeps_the_slot_and_tells_why():
    """if the challenge is deleted and the cleanup fails, set the reason; the same when it is valid."""
    rig = rig_with(rfc2136(), names=("dns.test",), writers=Writers(anyone=True))
    rig.lose = lambda question: setattr(rig, "writers", NOBODY) if rig.zone.own(NAME).get("TXT") else None
    rig.run(seconds=30)
    found = status(rig)
    reason = "Error cleaning up challenge: DNS update failed. Server replied: REFUSED"
    assert (found["state"], found["processing"], found["reason"]) == ("valid", True, reason)
    assert ("CleanUpError", reason) in rig.events("Challenge")
    rig.writers, rig.lose = Writers(anyone=True), lambda question: None
    rig.run(minutes=5)
    assert (status(rig)["processing"], rig.zone.own(NAME)) == (False, {})


def test_a_secret_that_is_gone_when_it_is_time_to_clean_up_is_not_forgotten():
    """What was shown must be taken away: cert-manager keeps its finalizer, we keep the slot."""
    writers = Writers(Keyring([KEY], lambda: START))
    rig = rig_with(rfc2136(**TSIG), names=("dns.test",), writers=writers)
    keep_secret(rig)
    while not rig.zone.own(NAME):
        rig.run(milliseconds=1)
    rig.driver.spawn(rig.store.delete(SECRET, "kube-system", "tsig"), lambda _: None)
    rig.run(seconds=30)
    found = status(rig)
    assert (found["state"], found["processing"]) == ("valid", True)
    assert found["reason"] == 'Error cleaning up challenge: secret "tsig" not found in namespace "kube-system"'
    keep_secret(rig)
    rig.run(minutes=5)
    assert (status(rig)["processing"], rig.zone.own(NAME)) == (False, {})


def test_follow_writes_where_a_delegation_leads():
    """dns.go, cnameStrategy Follow: the zone that is updated is that of the final name."""
    solver = rfc2136()
    solver["dns01"]["cnameStrategy"] = "Follow"
    rig = rig_with(solver, names=("dns.test",), writers=Writers(anyone=True))
    rig.zone.set_cname(NAME, "dns-test.delegated.example")
    rig.run(minutes=1)
    assert rig.ready("one") == ISSUED
    updated = {asked.name for asked in rig.zone.history if asked.opcode == "UPDATE"}
    assert updated == {"dns-test.delegated.example"}


def test_without_follow_the_record_behind_an_alias_cannot_be_seen():
    rig = rig_with(DNS01, names=("dns.test",))
    rig.zone.set_cname(NAME, "dns-test.delegated.example")
    rig.run(seconds=30)
    expected = 'Waiting for DNS-01 challenge propagation: DNS record for "dns.test" not yet propagated'
    assert status(rig)["reason"] == expected


def test_a_challenge_whose_provider_is_not_here_says_what_is():
    rig = rig_with({"dns01": {"cloudflare": {"email": "x"}}}, names=("dns.test",))
    rig.run(seconds=5)
    assert status(rig)["reason"].startswith("dns01 provider cloudflare is not supported; use webhook {groupName: ")
