"""Chaos by name: what is promised of each experiment, at random moments under load, in virtual time."""

from datetime import timedelta

import pytest

from acme_server.protocol.times import parse_rfc3339
from gravel.chaos.experiments import EXPERIMENTS, experiment_of
from gravel.metrics.fold import Fold
from issuer_bridge.references import key_of
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.simulation.chaos import LASTING, SEEDS, SYSTEM, ChaosHouse, conduct

SIGNING = ("revoked-ca", "corrupt-signing-key", "signer-unavailable")


def counted(house, name):
    """The samples of a metric that is folded from the journal."""
    fold = Fold(house.house.world.journal)
    for _ in fold.steps():
        pass
    return next(samples for family, samples in fold.readings if family.name == name)


@pytest.mark.seed("B57", "B67", "B68")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_all_is_well_within_the_time_that_is_promised(name, seed):
    _, _, recovery = conduct(name, seed)
    assert recovery <= EXPERIMENTS[name].recovery


@pytest.mark.seed("B67")
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_resources_and_metrics_say_which_experiment_it_was(name):
    house, _, _ = conduct(name, SEEDS[0])
    assert [text for kind, text in EXPERIMENTS[name].shows.items() if not house.said(kind, text)] == []
    felt = counted(house, "gravel_chaos_faults_total")
    assert felt[(name,)] > 0
    assert felt == {**dict.fromkeys(((other,) for other in EXPERIMENTS), 0), (name,): felt[(name,)]}


@pytest.mark.seed("B67")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", SIGNING)
def test_a_ca_that_cannot_or_must_not_sign_signs_nothing(name, seed):
    house, began, _ = conduct(name, seed)
    requests = {
        key_of(one): one["spec"]["issuerRef"]["name"] for one in house.house.resources.list(CERTIFICATE_REQUEST)
    }
    moments = [parse_rfc3339(fact.at) for fact in house.facts("CertificateIssued")]
    of_requests = [fact for fact in house.facts("RequestIssued") if requests[fact.subject["request"]] == "mesh-ca"]
    moments += [parse_rfc3339(fact.at) for fact in of_requests]
    within = [moment for moment in moments if began < moment < began + timedelta(seconds=LASTING)]
    assert (within, len(moments) > 4) == ([], True)


@pytest.mark.seed("B68")
@pytest.mark.parametrize("seed", SEEDS)
def test_secrets_that_were_deleted_come_back_in_time_and_a_histogram_says_so(seed):
    house, _, _ = conduct("deleted-secrets", seed)
    deleted = house.facts("SecretDeleted")
    assert len(deleted) > 10
    assert f"{SYSTEM}/root" not in {fact.subject["certificate"] for fact in deleted}
    assert {experiment_of(fact.data["rule"]) for fact in house.facts("FaultInjected")} == {"deleted-secrets"}
    ((_, times),) = counted(house, "gravel_secret_recreate_seconds").items()
    assert sum(times.counts) == counted_within(times, 30.0) == len(deleted)


def counted_within(histogram, seconds):
    return sum(count for bound, count in zip(histogram.bounds, histogram.counts, strict=False) if bound <= seconds)


@pytest.mark.parametrize(("target", "felt"), [("mesh-ca", "ClusterIssuer"), ("acme", "Order")])
def test_an_experiment_is_aimed_at_one_ca(target, felt):
    house = ChaosHouse(1)
    house.begin("revoked-ca", None, target)
    house.load(10)
    house.run(minutes=2)
    said = {kind: house.said(kind, text) for kind, text in EXPERIMENTS["revoked-ca"].shows.items()}
    assert said == {kind: kind == felt for kind in said}


def test_an_experiment_begins_and_ends_at_any_time_and_leaves_no_clockwork():
    house = ChaosHouse(1)
    for _ in range(2):
        house.begin("deleted-secrets", 60)
        house.run(minutes=10)
        assert [due for due in house.driver.pending if due < house.driver.now() + timedelta(minutes=1)] == []
