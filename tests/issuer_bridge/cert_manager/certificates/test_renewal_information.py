"""Certificates that are renewed when their ACME server says so (RFC 9773), against the real server in virtual time."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.times import parse_rfc3339
from acme_server.protocol.vantage import HttpAnswer
from acme_server.registration_authority.revocation import withdraw_all
from issuer_bridge.acme_client.renewal import certificate_id
from issuer_bridge.cert_manager.certificates.renewal import suggested_time
from tests.issuer_bridge.bridge_rig import kind_of
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig

HOUR = timedelta(hours=1)


class AriRig(CertificateRig):
    """Certificates are renewed by their server's word; counts how often it was asked."""

    def __init__(self, **options):
        super().__init__(**{"acme_use_ari": True, **options})

    @property
    def checks(self):
        return self.count("renewal-info")

    @property
    def information(self):
        return (self.status("acme") or {}).get("ari")

    def revoke_all(self):
        now = self.driver.now()
        self.world.store.commit(*withdraw_all(self.world, 4, None, now), now)


def test_the_renewal_time_lies_in_the_window_that_the_server_suggests():
    rig = AriRig()
    rig.issue()
    window = {name: parse_rfc3339(text) for name, text in rig.information["suggestedWindow"].items()}
    due = parse_rfc3339(rig.status("renewalTime"))
    assert rig.information["certID"] == certificate_id(rig.data("tls.crt").decode())
    assert window["start"] <= due <= window["end"]
    rig.driver.run(until=due - HOUR)
    assert rig.status("revision") == 1
    rig.driver.run(until=due + HOUR)
    assert rig.status("revision") == 2
    assert rig.information["certID"] == certificate_id(rig.data("tls.crt").decode())


def test_it_is_asked_as_often_as_it_wants_and_no_restart_makes_it_more():
    rig = AriRig()
    rig.issue()
    for _ in range(5):
        rig.crash()
        rig.start()
        rig.run(minutes=30)
    assert rig.checks == 1
    rig.run(hours=20)
    assert rig.checks == 4  # every six hours


@pytest.mark.seed("B66")
def test_a_revoked_certificate_is_replaced_at_the_next_check():
    rig = AriRig()
    rig.issue()
    rig.run(hours=7)
    rig.revoke_all()
    revoked = rig.leaf().serial_number
    rig.run(hours=6)
    assert rig.status("revision") == 2
    assert rig.leaf().serial_number != revoked
    (order,) = [each for each in rig.orders if each["spec"].get("replaces")]
    assert order["status"]["state"] == "valid"
    rig.run(hours=24)
    assert rig.status("revision") == 2


@pytest.mark.parametrize(
    ("options", "acme"),
    [({"acme_use_ari": False}, {}), ({}, {"renewalInformationSource": "None"})],
    ids=["gate", "issuer"],
)
def test_nobody_is_asked_where_it_is_off(options, acme):
    rig = AriRig(**options)
    rig.apply_issuer("other", **acme)
    rig.run(seconds=1)
    rig.issue(issuerRef={"name": "other", "kind": "ClusterIssuer"})
    rig.run(hours=24)
    assert (rig.checks, rig.status("acme")) == (0, None)


def test_a_server_that_fails_is_asked_again_and_the_spec_rules_meanwhile():
    rig = AriRig()
    rig.tamper = lambda question: (
        HttpAnswer(error="connection refused") if kind_of(question) == "renewal-info" else None
    )
    rig.issue()
    rig.run(hours=2)
    assert (rig.information, rig.state()) == (None, ("True", "Ready"))
    rig.tamper = lambda question: None
    rig.run(hours=1)
    assert rig.information["suggestedWindow"]


def test_a_server_without_renewal_information_is_left_in_peace():
    rig = AriRig()

    def without(question):
        if kind_of(question) != "directory" and not question.url.endswith("/dir"):
            return None
        rig.tamper = lambda _: None
        answer = rig._acme(question)
        rig.tamper = without
        document = {name: url for name, url in json.loads(answer.body).items() if name != "renewalInfo"}
        return HttpAnswer(answer.status, answer.headers, json.dumps(document).encode())

    rig.tamper = without
    rig.crash()
    rig.start()
    rig.issue()
    rig.run(hours=24)
    assert (rig.checks, rig.state()) == (0, ("True", "Ready"))


@pytest.fixture(scope="module")
def chain():
    rig = CertificateRig()
    rig.issue()
    return rig.data("tls.crt")


@pytest.mark.parametrize(
    "change",
    [{"certID": "another"}, {"suggestedWindow": {"start": "2026-02-01T00:00:00Z"}}, {"suggestedWindow": None}],
    ids=["of another certificate", "half a window", "no window"],
)
def test_a_window_that_tells_nothing_of_this_certificate_is_not_heeded(chain, change):
    window = {"start": "2026-02-01T00:00:00Z", "end": "2026-02-03T00:00:00Z"}
    good = {"certID": certificate_id(chain.decode()), "suggestedWindow": window}
    assert datetime(2026, 2, 1, tzinfo=UTC) <= suggested_time(good, chain) <= datetime(2026, 2, 3, tzinfo=UTC)
    assert suggested_time({**good, **change}, chain) is None
