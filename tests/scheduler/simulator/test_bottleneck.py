"""What held a run up is found by running it again with each knob changed."""

from __future__ import annotations

import math

import attrs
import pytest

from scheduler.simulator import bottleneck
from scheduler.simulator.bottleneck import Resource, explain, gain, longest, sampled
from scheduler.simulator.delays import NOTHING, Delay, fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import (
    DAY,
    HOUR,
    SECOND,
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Names,
    Renewals,
    Scenario,
    Solver,
)
from scheduler.simulator.summary import summarise

SLOW_DNS = Solver(type="DNS-01", propagation=fixed(90 * SECOND))
SIXTY = Cluster(workers=60)


def explained(scenario):
    run = simulate(scenario)
    return explain(run, summarise(run), lambda scenarios: [summarise(simulate(each)) for each in scenarios])


def named(count):
    return Names(given=tuple(f"n{number:03}.test" for number in range(count)))


BOTTLENECKS = [
    (Scenario(1000), Resource.WORKERS, "60 workers"),
    (Scenario(1000, solver=SLOW_DNS, cluster=SIXTY), Resource.SLOTS, "a cap of 720"),
    (Scenario(1000, cluster=SIXTY), Resource.BOTH, "120 workers and a cap of 120"),
    (Scenario(2000, cluster=Cluster(workers=600, cap=600)), Resource.STARTS, "200 starts per pass"),
    (Scenario(600, authority=Authority(limits="letsencrypt")), Resource.LIMITS, "no rate limits"),
    (Scenario(50, names=Names(shared=1.0)), Resource.CONFLICTS, "a name for each challenge"),
    (Scenario(50, names=Names(given=("a.test",) * 50)), Resource.CONFLICTS, "a name for each challenge"),
    (Scenario(1, names=Names(wildcards=1.0), solver=Solver(type="DNS-01")), Resource.CONFLICTS, "a name for each challenge"),
    (
        Scenario(61, names=named(61), solver=Solver(stuck_names=named(60).given)),
        Resource.STUCK,
        "a patience of 3 self-checks",
    ),
    (
        Scenario(1, authority=Authority(validation=fixed(HOUR), latency=fixed(SECOND)), cluster=Cluster(authorization_wait=2 * HOUR)),
        Resource.AUTHORITY,
        "an ACME server that answers at once",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("scenario", "resource", "proof"), BOTTLENECKS)
def test_the_bottleneck_is_named_and_proved_by_a_run(scenario, resource, proof):
    found = explained(scenario)
    assert (found.resource, found.proof.text) == (resource, proof)


def test_sixty_stuck_challenges_are_to_blame_even_when_nothing_helps():
    found = explained(Scenario(60, solver=Solver(stuck=1.0)))
    assert (found.resource, found.evidence.stuck, found.proof, found.best) == (Resource.STUCK, 60, None, None)


def test_one_certificate_lacks_nothing():
    found = explained(Scenario(1, solver=Solver(type="DNS-01")))
    assert (found.resource, found.proof) == (Resource.NONE, None)


def test_what_helps_most_may_be_no_resource():
    assert explained(Scenario(1000, solver=SLOW_DNS, cluster=SIXTY)).best.text == "no propagation delay"


def test_a_trial_has_the_run_of_the_changed_scenario():
    found = explained(Scenario(100))
    trials = {trial.text: trial for trial in found.trials}
    assert trials["10 workers"].summary == summarise(simulate(Scenario(100, cluster=Cluster(workers=10))))
    assert trials["10 workers"].gain == 2.0


def test_with_names_of_their_own_stuck_challenges_stay_stuck():
    names = Names(given=("a.test", "*.a.test", "b.test", "b.test", "c.test"))
    trials = explained(Scenario(5, names=names, solver=Solver(stuck_names=("b.test",)))).trials
    apart = next(trial.summary for trial in trials if trial.resource is Resource.CONFLICTS)
    assert (apart.issued, apart.makespan) == (3, 9 * SECOND)


def test_evidence_is_of_the_run_itself():
    evidence = explained(Scenario(1000)).evidence
    assert evidence.workers_full == 1.0
    assert 0.8 < evidence.slots_full < 1.0
    assert (evidence.stuck, evidence.conflicting, evidence.limits) == (0, 1, 0)


def test_knobs_that_change_nothing_are_not_tried():
    texts = [trial.text for trial in explained(Scenario(5)).trials]
    assert not {"no rate limits", "no propagation delay", "a name for each challenge"} & {*texts}
    assert not [text for text in texts if "patience" in text]


@pytest.mark.parametrize("change", [{"solver": Solver(stuck=0.1)}, {"cluster": Cluster(version="1.20")}])
def test_waiting_instead_of_checking_is_tried_only_where_it_can_be(change):
    assert not [trial for trial in explained(Scenario(5, **change)).trials if "waitInstead" in trial.text]


def test_a_trickle_is_measured_by_the_time_to_issue():
    scenario = Scenario(200, arrivals=Arrivals(Arrival.WAVE, 200 * SECOND))
    base, other = (summarise(simulate(attrs.evolve(scenario, cluster=Cluster(workers=w)))) for w in (5, 60))
    assert gain(scenario, base, other) == base.time_to_issue.p95 / other.time_to_issue.p95


def test_more_certificates_are_worth_more_than_any_time():
    few, many = (summarise(simulate(Scenario(number))) for number in (5, 6))
    assert (gain(Scenario(5), few, many), gain(Scenario(5), many, few)) == (math.inf, 0.0)


@pytest.mark.parametrize(
    ("delay", "milliseconds"),
    [
        (NOTHING, 0),
        (fixed(7), 7),
        (Delay("uniform", 1, 9), 9),
        (Delay("exponential", 10), 40),
        (Delay("lognormal", 10_000, 500), 27_183),
    ],
)
def test_a_delay_hardly_ever_exceeds_its_longest(delay, milliseconds):
    assert longest(delay) == milliseconds


def test_a_large_run_is_compared_on_a_sample_that_comes_as_fast(monkeypatch):
    monkeypatch.setattr(bottleneck, "SAMPLE", 10)
    names = named(40).given
    scenario = Scenario(
        40,
        arrivals=Arrivals(Arrival.GIVEN, 4 * HOUR, tuple(range(40))),
        names=Names(given=names),
        solver=Solver(stuck_names=(names[3], names[30])),
    )
    smaller = sampled(scenario)
    assert (smaller.certificates, smaller.arrivals.over, smaller.arrivals.moments) == (10, HOUR, tuple(range(10)))
    assert (smaller.names.given, smaller.solver.stuck_names) == (names[:10], (names[3],))
    assert explained(smaller).certificates == 10


def test_a_small_run_and_one_with_renewals_are_compared_as_they_are(monkeypatch):
    monkeypatch.setattr(bottleneck, "SAMPLE", 10)
    for scenario in (Scenario(10), Scenario(40, renewals=Renewals(), until=365 * DAY)):
        assert sampled(scenario) is scenario
