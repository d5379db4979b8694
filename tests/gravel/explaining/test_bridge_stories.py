"""A request in the bridge and its order at the server are one story, whichever of the two is asked for."""

from datetime import timedelta

import pytest

from acme_server.protocol.vantage import HttpAnswer
from gravel.explaining.explanation import explain
from gravel.explaining.rules import CLIENT
from gravel.explaining.story import Bridge, Known
from gravel.explaining.subjects import Unknown, find
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST
from scheduler.versions import NEWEST, version
from tests.gravel.explaining.story_rig import codes
from tests.issuer_bridge.bridge_resources import DNS01, HTTP01
from tests.issuer_bridge.bridge_rig import Rig, kind_of
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig, certificate


def bridge(*solvers, release=None, **options):
    rig = Rig(errors=release, **options)
    rig.apply_issuer(solvers=list(solvers or (HTTP01,)))
    rig.run(seconds=1)
    return rig


def told_of(rig, text, release=None):
    known = Known(rig.world, rig.driver.now(), bridge=Bridge(rig.store, errors=release))
    return explain(known, text, find(known, text), rig.world.journal)


def names_of(rig, name="one"):
    """All that the request and its order are called."""
    order, challenge = rig.orders[0]["metadata"]["name"], rig.challenges[0]["metadata"]["name"]
    kinds = [
        f"certificaterequest/default/{name}",
        f"cr/default/{name}",
        f"order/default/{order}",
        f"challenge/default/{challenge}",
    ]
    return [*kinds, rig.orders[0]["status"]["url"], "one.http.test"]


def test_what_is_issued_is_healthy_by_all_its_names():
    rig = bridge()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    for name in names_of(rig):
        told = told_of(rig, name)
        assert (name, told.verdict, told.findings) == (name, "healthy", ())
    houses = [line["text"] for line in told_of(rig, "cr/default/one").timeline]
    assert any(text.startswith("challenge presented: challenge/default/") for text in houses)
    assert "http-01 of one.http.test was validated" in houses


@pytest.mark.parametrize(("minutes", "verdict"), [(1, "waiting"), (10, "stuck")])
def test_a_self_check_that_fails_is_told_instead_of_a_client_that_does_nothing(minutes, verdict):
    rig = bridge()
    rig.hide = lambda question: True
    rig.apply("one", "one.http.test")
    rig.run(minutes=minutes)
    for name in names_of(rig):
        told = told_of(rig, name)
        assert (told.verdict, codes(told)) == (verdict, ["http01-not-routed"])
        assert told.findings[0].who != CLIENT
        assert any("404" in said for said in told.findings[0].evidence)


def test_a_failed_validation_is_told_by_what_the_server_saw_to_who_asks_for_the_request():
    rig = bridge()
    rig.hide = lambda question: ("User-Agent", "gravel") in question.headers
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    told = told_of(rig, "certificaterequest/default/one")
    assert (told.verdict, codes(told, blocks=True)) == ("failed", ["ca-sees-another-answer", "not-found"])
    assert codes(told_of(rig, "one.http.test"), blocks=True) == ["not-found", "ca-sees-another-answer"]


def test_a_renewal_that_is_stuck_is_told_though_the_certificate_is_still_good():
    rig = CertificateRig()
    rig.create(CERTIFICATE, certificate())
    rig.run(minutes=1)
    rig.hide = lambda question: True
    rig.run(days=61)
    told = told_of(rig, "certificate/default/www")
    assert (told.verdict, codes(told, blocks=True)) == ("stuck", ["expiring", "http01-not-routed"])


def test_a_challenge_that_the_client_gave_up_is_failed_though_the_server_waits():
    """Pain 7: one network error, and the order at the server is pending still."""
    rig = bridge(release=version("1.20"))
    lost = [HttpAnswer(error="connection reset by peer")]
    rig.tamper = lambda question: lost.pop() if lost and kind_of(question) == "answer" else None
    rig.apply("one", "one.http.test")
    rig.run(minutes=10)
    told = told_of(rig, rig.orders[0]["status"]["url"])
    assert (told.verdict, codes(told, blocks=True)) == ("failed", ["network-error-was-final"])


def test_a_request_that_nobody_approved_waits_for_that():
    rig = bridge(approver=False)
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    assert codes(told_of(rig, "certificaterequest/default/one")) == ["not-approved"]


@pytest.mark.parametrize("release", [None, NEWEST], ids=["ours", "cert-manager"])
def test_an_issuer_whose_account_the_server_has_forgotten_is_told(release):
    """Pain 24: the server was restarted empty; the issuer stays Ready, and new orders fail."""
    rig = bridge(release=release)
    rig.new_server()
    rig.apply("one", "one.http.test")
    rig.run(seconds=5)
    told = told_of(rig, "clusterissuer/gravel")
    assert codes(told, blocks=True) == (["account-unknown"] if release else [])


def test_a_healthy_wildcard_with_its_apex_is_never_stuck():
    """Pain 5: four minutes are normal there."""
    rig = bridge(DNS01, release=NEWEST)
    rig.apply("one", "*.dns.test", "dns.test")
    for _ in range(30):
        rig.run(seconds=10)
        told = told_of(rig, "certificaterequest/default/one")
        assert [each for each in told.findings if each.blocks] == []
    assert told.verdict == "healthy"


def test_an_unknown_resource_is_told_with_the_nearest():
    rig = bridge()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    with pytest.raises(Unknown, match="the nearest is certificaterequest/default/one"):
        told_of(rig, "certificaterequest/default/two")


def test_nothing_that_is_shared_is_changed():
    rig = bridge()
    rig.apply("one", "one.http.test")
    rig.run(minutes=1)
    before = rig.driver.now(), repr(rig.store.list(CERTIFICATE_REQUEST))
    told_of(rig, "certificaterequest/default/one")
    assert before == (rig.driver.now(), repr(rig.store.list(CERTIFICATE_REQUEST)))
    assert rig.driver.now() - timedelta(minutes=2) < before[0]
