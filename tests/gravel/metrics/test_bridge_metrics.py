"""What is told of a bridge at work, in virtual time: cert-manager's metrics, the scheduler's and ours."""

from datetime import timedelta

import pytest

from acme_server.protocol.vantage import HttpAnswer
from gravel.metrics.bridge import BridgeSource
from gravel.metrics.exposition import text_of
from gravel.metrics.facts import OF_BRIDGE
from gravel.metrics.fold import Fold
from gravel.metrics.gathering import _merged
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, ISSUER
from scheduler.engine import Settings as SchedulerSettings
from tests.gravel.metrics.samples import read
from tests.issuer_bridge.bridge_resources import issuer
from tests.issuer_bridge.bridge_rig import START, Rig, kind_of
from tests.issuer_bridge.cert_manager.certificates.certificate_rig import CertificateRig
from tests.issuer_bridge.policy.policy_rig import DENY, PASS, PolicyRig

OURS = 'issuer_group="cert-manager.io",issuer_kind="ClusterIssuer",issuer_name="gravel"'
WEB = 'issuer_group="",issuer_kind="ClusterIssuer",issuer_name="gravel",name="www",namespace="default"'
WORDS = ("True", "False", "Unknown")
STATES = ("unapproved", "pending", "issued", "failed", "denied")


def scrape(rig):
    """Return what Prometheus would read now."""
    fold = Fold(rig.world.journal)
    for _ in fold.steps():
        pass
    source = BridgeSource(rig.store, lambda: rig.operator, rig.options.scheduler.max_concurrent, rig.driver.now)
    told = dict(fold.readings)
    return read(text_of(_merged([*source(), *((family, told[family]) for family in OF_BRIDGE)])).decode())


def having(samples, *parts):
    """Return the samples that are not 0 and whose name and labels hold all parts."""
    return {name: value for name, value in samples.items() if value and all(part in name for part in parts)}


def rig_with_issuer(**options):
    rig = Rig(**options)
    rig.apply_issuer()
    rig.run(seconds=1)
    return rig


@pytest.mark.seed("B49")
def test_a_certificate_shows_its_moments_and_that_it_is_ready():
    rig = CertificateRig()
    rig.add()
    rig.run(seconds=0)
    assert scrape(rig)[f"certmanager_certificate_expiration_timestamp_seconds{{{WEB}}}"] == 0
    rig.run(minutes=2)
    status = rig.store.get(CERTIFICATE, "default", "www")["status"]
    samples = scrape(rig)
    for name, member in (
        ("expiration", "notAfter"),
        ("not_after", "notAfter"),
        ("not_before", "notBefore"),
        ("renewal", "renewalTime"),
    ):
        moment = samples[f"certmanager_certificate_{name}_timestamp_seconds{{{WEB}}}"]
        assert (START + timedelta(seconds=moment - START.timestamp())).strftime("%Y-%m-%dT%H:%M:%SZ") == status[member]
    ready = {word: samples[f'certmanager_certificate_ready_status{{condition="{word}",{WEB}}}'] for word in WORDS}
    assert ready == {"True": 1, "False": 0, "Unknown": 0}


def test_a_resource_without_a_condition_is_of_unknown_readiness():
    rig = Rig()
    resource = issuer("local", "Issuer", server="https://elsewhere.test/dir")
    source = BridgeSource(rig.store, lambda: None, 60, rig.driver.now)
    rig.operator.stop()
    rig.create(ISSUER, {**resource, "status": {}})
    rig.run(seconds=1)
    samples = read(text_of(_merged(source())).decode())
    labels = 'name="local",namespace="default"'
    assert [samples[f'certmanager_issuer_ready_status{{condition="{word}",{labels}}}'] for word in WORDS] == [0, 0, 1]


def test_a_bridge_that_is_not_at_work_tells_of_resources_alone():
    rig = rig_with_issuer()
    told = [family.name for family, _ in BridgeSource(rig.store, lambda: None, 60, rig.driver.now)()]
    assert "certmanager_clusterissuer_ready_status" in told
    assert "gravel_scheduler_slots" not in told
    assert "certmanager_controller_sync_call_count" not in told


def test_a_challenge_has_one_sample_a_state_and_is_in_one_of_them():
    rig = rig_with_issuer()
    rig.apply("one", "one.http.test")
    rig.run(minutes=2)
    (challenge,) = rig.challenges
    samples = {
        name: v for name, v in scrape(rig).items() if name.startswith("certmanager_certificate_challenge_status")
    }
    assert len(samples) == 8
    ((name, value),) = having(samples).items()
    assert value == 1
    for label in (
        'status="valid"',
        'domain="one.http.test"',
        'type="HTTP-01"',
        f'name="{challenge["metadata"]["name"]}"',
    ):
        assert label in name


@pytest.mark.seed("B49")
def test_requests_of_the_acme_client_are_counted_by_what_they_are_a_part_of():
    rig = rig_with_issuer()
    rig.apply("one", "one.http.test")
    rig.run(minutes=2)
    counts = having(scrape(rig), "certmanager_http_acme_client_request_count")
    actions = {name.split('action="')[1].split('"')[0] for name in counts}
    assert actions == {
        "register_account",
        "authorize_order",
        "get_authorization",
        "accept_challenge",
        "wait_authorization",
        "get_order",
        "create_order_cert",
        "fetch_cert",
    }
    assert sum(counts.values()) == len(rig.asked)
    place = 'host="acme.test:14000",method="POST"'
    order = (
        f'certmanager_http_acme_client_request_count{{action="authorize_order",{place},scheme="https",status="201"}}'
    )
    assert counts[order] == 1
    (took,) = having(scrape(rig), 'duration_seconds{action="fetch_cert"', 'quantile="0.9"').values()
    assert took == pytest.approx(0.005)


def test_a_request_without_an_answer_has_the_status_999():
    rig = rig_with_issuer()
    rig.tamper = lambda question: HttpAnswer(0, (), b"", error="refused") if kind_of(question) == "new-order" else None
    rig.apply("one", "one.http.test")
    rig.run(seconds=5)
    assert having(scrape(rig), "request_count", 'action="authorize_order"', 'status="999"')


def test_quantiles_look_back_ten_minutes():
    rig = rig_with_issuer()
    quantile = 'certmanager_http_acme_client_request_duration_seconds{action="register_account"'
    assert [value for value in having(scrape(rig), quantile).values() if value == value]
    rig.run(minutes=11)
    assert [value for value in having(scrape(rig), quantile).values() if value == value] == []
    assert having(scrape(rig), "request_duration_seconds_count", 'action="register_account"')


def test_controllers_count_their_looks_and_the_failures_among_them():
    rig = Rig()
    rig.tamper = lambda question: HttpAnswer(0, (), b"", error="refused")
    rig.apply_issuer()
    rig.run(seconds=30)
    samples = scrape(rig)
    calls = samples['certmanager_controller_sync_call_count{controller="clusterissuers"}']
    errors = samples['certmanager_controller_sync_error_count{controller="clusterissuers"}']
    assert calls > errors > 1
    assert samples['certmanager_controller_sync_call_count{controller="orders"}'] == 0


def test_challenges_that_wait_for_a_slot_are_the_depth_of_the_queue():
    rig = rig_with_issuer(scheduler=SchedulerSettings(max_concurrent=1))
    rig.hide = lambda question: True
    for name in ("one", "two", "three"):
        rig.apply(name, f"{name}.http.test")
    rig.run(seconds=60)
    samples = scrape(rig)
    assert (samples["gravel_scheduler_slots"], samples["gravel_scheduler_slots_in_use"]) == (1, 1)
    assert samples['gravel_scheduler_queue_depth{type="HTTP-01"}'] == 2
    assert samples['gravel_scheduler_queue_depth{type="DNS-01"}'] == 0
    assert samples['gravel_scheduler_challenges{stage="checking",type="HTTP-01"}'] == 1
    assert 55 < samples['gravel_scheduler_oldest_wait_seconds{type="HTTP-01"}'] <= 60
    failures = samples['gravel_self_check_failures_total{reason="wrong_status",type="HTTP-01"}']
    assert failures == len(rig.facts("scheduler", "SelfCheckFailed")) > 1
    rig.hide = lambda question: False
    rig.run(minutes=5)
    samples = scrape(rig)
    assert samples["gravel_scheduler_slots_in_use"] == samples['gravel_scheduler_queue_depth{type="HTTP-01"}'] == 0
    assert samples['gravel_scheduler_wait_seconds_count{type="HTTP-01"}'] == 3
    assert samples['gravel_challenges_decided_total{state="valid",type="HTTP-01"}'] == 3


@pytest.mark.seed("B50")
def test_requests_are_told_by_issuer_and_so_is_the_time_that_they_took():
    rig = rig_with_issuer()
    rig.apply("one", "one.http.test")
    rig.apply("bad", "bad.http.test", request="bm9uZQ==")
    rig.run(minutes=2)
    samples = scrape(rig)
    states = {state: samples[f'gravel_certificate_requests{{{OURS},state="{state}"}}'] for state in STATES}
    assert states == {"unapproved": 0, "pending": 0, "issued": 1, "failed": 1, "denied": 0}
    kind = 'issuer_group="cert-manager.io",issuer_kind="ClusterIssuer"'
    took = "gravel_certificate_request_duration_seconds"
    assert samples[f'{took}_count{{{kind},outcome="issued"}}'] == 1
    assert samples[f'{took}_count{{{kind},outcome="failed"}}'] == 1
    assert 0 < samples[f'{took}_sum{{{kind},outcome="issued"}}'] < 120


@pytest.mark.seed("B53")
def test_the_oldest_pending_request_is_counted_from_its_approval():
    rig = rig_with_issuer(approver=False)
    rig.hide = lambda question: True
    rig.apply("one", "one.http.test")
    rig.run(minutes=10)
    oldest = f"gravel_oldest_pending_request_seconds{{{OURS}}}"
    samples = scrape(rig)
    assert (samples[oldest], samples[f'gravel_certificate_requests{{{OURS},state="unapproved"}}']) == (0, 1)
    conditions = [{"type": "Approved", "status": "True", "reason": "r", "message": "m", "lastTransitionTime": now(rig)}]
    write_status(rig, "one", conditions)
    rig.run(minutes=31)
    assert scrape(rig)[oldest] == pytest.approx(31 * 60, abs=1)
    rig.hide = lambda question: False
    rig.run(minutes=2)
    assert scrape(rig)[oldest] == 0


@pytest.mark.seed("B37", "X10")
def test_a_request_is_denied_where_a_counter_was_before():
    rig = rig_with_issuer(approver=False)
    rig.apply("one", "one.http.test")
    rig.run(seconds=1)
    counter = 'certmanager_certificaterequest_denied_total{namespace="default"}'
    assert scrape(rig)[counter] == 0
    write_status(rig, "one", [{"type": "Denied", "status": "True", "reason": "policy", "message": "no"}])
    rig.run(seconds=1)
    assert scrape(rig)[counter] == 1
    assert scrape(rig)[f'gravel_certificate_requests{{{OURS},state="denied"}}'] == 1


@pytest.mark.seed("B37", "X10")
def test_each_request_is_counted_by_namespace_and_by_how_it_was_decided():
    rig = PolicyRig().open()
    rig.namespace("shop")
    rig.say(selector={"namespace": {"matchNames": ["default"]}}, **PASS)
    rig.ask("one")
    rig.ask("two")
    rig.ask("three", namespace="shop")
    rig.say(**DENY)
    rig.ask("four")
    counted = having(scrape(rig), "certmanager_approverpolicy") | having(scrape(rig), "denied_total")
    gauge, counter = (
        "certmanager_approverpolicy_certificaterequests_approval",
        "certmanager_certificaterequest_denied_total",
    )
    assert counted == {
        f'{gauge}{{namespace="default",status="approved"}}': 2,
        f'{gauge}{{namespace="default",status="denied"}}': 1,
        f'{gauge}{{namespace="shop",status="denied"}}': 1,
        f'{counter}{{namespace="default"}}': 1,
        f'{counter}{{namespace="shop"}}': 1,
    }
    rig.store.remove(CERTIFICATE_REQUEST, "shop", "three")
    rig.run(seconds=1)
    assert list(having(scrape(rig), 'namespace="shop"', "certificaterequest")) == [f'{counter}{{namespace="shop"}}']


def test_a_request_that_nobody_decided_is_unmatched():
    rig = PolicyRig()
    rig.ask()
    assert having(scrape(rig), "approverpolicy") == {
        'certmanager_approverpolicy_certificaterequests_approval{namespace="default",status="unmatched"}': 1
    }


def now(rig):
    return rig.driver.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def write_status(rig, name, conditions):
    request = rig.request(name)
    rig.driver.spawn(
        rig.store.update_status(CERTIFICATE_REQUEST, {**request, "status": {"conditions": conditions}}), lambda _: None
    )
