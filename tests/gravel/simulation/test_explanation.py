"""A bottleneck in words: what it was, and the run that proves it."""

from __future__ import annotations

import pytest

from gravel.simulation.explanation import sentences, to_json
from scheduler.simulator.bottleneck import explain
from scheduler.simulator.delays import fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import (
    HOUR,
    SECOND,
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Names,
    Scenario,
    Solver,
)
from scheduler.simulator.summary import summarise

NAMES = tuple(f"n{number:03}.test" for number in range(61))
SAID = [
    (
        Scenario(1000),
        "Workers were the bottleneck: all 5 were busy 100% of the time; 60 workers would take 2 min 34 s instead of 30 min (11.7 times as fast).",
    ),
    (
        Scenario(1000, solver=Solver("DNS-01", propagation=fixed(90 * SECOND)), cluster=Cluster(workers=60)),
        "Slots (the cap) were the bottleneck: all 60 were held 9",
    ),
    (
        Scenario(1000, cluster=Cluster(workers=60)),
        "Workers and slots together were the bottleneck: all 60 workers were busy 9",
    ),
    (
        Scenario(2000, cluster=Cluster(workers=600, cap=600)),
        "The scheduler's pass was the bottleneck: it starts at most 20 challenges, and comes every 1 s; 200 starts per pass",
    ),
    (
        Scenario(600, authority=Authority(limits="letsencrypt")),
        "Rate limits were the bottleneck: they refused 500 requests, NewOrdersPerAccount most of them; no rate limits would take",
    ),
    (
        Scenario(50, names=Names(shared=1.0)),
        "Conflicts were the bottleneck: 50 challenges were for one name, one after the other; a name for each challenge would take 1 min 30 s instead of 7 min 30 s (5.0 times as fast).",
    ),
    (
        Scenario(61, names=Names(given=NAMES), solver=Solver(stuck_names=NAMES[:60])),
        "Stuck challenges were the bottleneck: 60 never had a verdict, and they held their slots for 100% of the slots' time; with a patience of 3 self-checks, 1 certificates would be issued instead of 0.",
    ),
    (
        Scenario(1, authority=Authority(validation=fixed(60 * SECOND))),
        "The ACME server was the bottleneck: the run waited for its answers; an ACME server that answers at once would take 8 s",
    ),
    (Scenario(1, solver=Solver("DNS-01")), "Nothing was short: challenges take that long by themselves."),
    (
        Scenario(500, arrivals=Arrivals(Arrival.WAVE, 500 * SECOND), until=HOUR),
        "Workers were the bottleneck: all 5 were busy 99% of the time; with 10 workers, 95 % of the certificates would be issued within 9 s instead of 6 min 25 s (42.8 times as fast).",
    ),
]  # fmt: skip


def explained(scenario):
    run = simulate(scenario)
    return explain(run, summarise(run), lambda scenarios: [summarise(simulate(each)) for each in scenarios])


@pytest.mark.parametrize(("scenario", "sentence"), SAID)
def test_the_first_sentence_names_the_bottleneck_and_what_would_relieve_it(scenario, sentence):
    assert sentences(explained(scenario), scenario)[0].startswith(sentence)


def test_what_helps_more_than_the_resource_is_told_next():
    slow = Solver("DNS-01", propagation=fixed(90 * SECOND))
    scenario = Scenario(100, arrivals=Arrivals(Arrival.WAVE, 24 * HOUR), solver=slow)
    assert sentences(explained(scenario), scenario) == (
        "Nothing was short: challenges take that long by themselves.",
        "What helps most: with no propagation delay, 95 % of the certificates would be issued within 1 min 1 s instead of 2 min 31 s (2.5 times as fast).",
    )


def test_when_no_knob_helps_it_is_said():
    scenario = Scenario(60, solver=Solver(stuck=1.0))
    assert sentences(explained(scenario), scenario)[1:] == ("None of the knobs helps.",)


def test_a_comparison_on_a_sample_is_said():
    found = explained(Scenario(100))
    assert sentences(found, Scenario(1_000_000))[-1] == "Compared on 100 of the 1,000,000 certificates."


def test_json_has_the_sentences_and_the_runs():
    scenario = Scenario(61, names=Names(given=NAMES), solver=Solver(stuck_names=NAMES[:60]))
    found = to_json(explained(scenario), scenario)
    assert (found["resource"], found["certificates"]) == ("stuck challenges", 61)
    assert found["sentences"][0].startswith("Stuck challenges were the bottleneck")
    patience = next(run for run in found["runs"] if "patience" in run["changed"])
    assert (patience["issued"], patience["times_as_fast"]) == (1, None)
