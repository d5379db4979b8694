"""What holds of every run: selection, capacity, conservation, scaling; and that a run repeats."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.challenge import Challenge, Stage
from scheduler.selection import select
from scheduler.simulator.delays import Delay, fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.scenario import (
    HOUR,
    MINUTE,
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

ROOT = Path(__file__).parents[3]
START = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = Scenario(
    60,
    seed=7,
    arrivals=Arrivals(Arrival.TRICKLE, over=20 * MINUTE),
    names=Names(per_certificate=2, wildcards=0.3, shared=0.2),
    solver=Solver(
        type="DNS-01",
        present=Delay("lognormal", 400, 500),
        propagation=Delay("exponential", 20 * SECOND),
        nameservers=3,
        check=Delay("uniform", 10, 3000),
        present_fails=0.1,
        check_fails=0.1,
        stuck=0.02,
    ),
    authority=Authority(
        latency=Delay("uniform", 5, 200),
        validation=Delay("lognormal", 2 * SECOND, 700),
        finalize=Delay("exponential", SECOND),
        invalid=0.1,
        errors=0.05,
        limits="letsencrypt",
    ),
    cluster=Cluster(write=20, patience=40, restarts=(30 * MINUTE, HOUR)),
    renewals=Renewals(lifetime=4 * HOUR, before=2 * HOUR, ari=True),
    until=12 * HOUR,
)


@st.composite
def scenarios(draw):
    number = draw(st.integers(1, 40))
    names = draw(st.lists(st.integers(0, 30), min_size=number, max_size=number))
    moments = draw(st.lists(st.integers(0, 60_000), min_size=number, max_size=number))
    return Scenario(
        number,
        seed=draw(st.integers(0, 99)),
        arrivals=Arrivals(Arrival.GIVEN, moments=tuple(moments)),
        names=Names(given=tuple(f"n{name:02}.test" for name in names)),
        solver=Solver(
            type=draw(st.sampled_from(["HTTP-01", "DNS-01"])),
            propagation=Delay("exponential", draw(st.integers(0, 30_000))),
            check=fixed(draw(st.integers(0, 3000))),
        ),
        authority=Authority(latency=fixed(draw(st.integers(0, 200))), invalid=draw(st.sampled_from([0.0, 0.2]))),
        cluster=Cluster(
            cap=draw(st.integers(1, 10)), workers=draw(st.integers(1, 8)), starts_per_tick=draw(st.integers(1, 5))
        ),
        until=HOUR,
    )


@given(scenarios())
def test_each_pass_starts_whom_selection_selects_and_leaves_no_slot_free(scenario):
    rows, cluster = simulate(scenario).challenges, scenario.cluster
    for moment in range(0, max(rows.created) + 1, SECOND):
        before = [
            Challenge(
                key=str(row),
                dns_name=f"n{rows.name[row]:02}",
                type=scenario.solver.type,
                created=START + timedelta(milliseconds=rows.created[row]),
                stage=Stage.QUEUED if rows.started[row] < 0 or rows.started[row] >= moment else Stage.CHECKING,
            )
            for row in range(len(rows.created))
            if rows.created[row] <= moment and not 0 <= rows.released[row] <= moment
        ]
        chosen = select(before, cluster.starts_per_tick, cluster.cap)
        assert [each.key for each in chosen] == sorted(
            (str(row) for row in range(len(rows.created)) if rows.started[row] == moment),
            key=lambda key: (rows.created[int(key)], rows.name[int(key)]),
        )


@given(scenarios())
def test_no_run_uses_more_than_it_has(scenario):
    outcome = simulate(scenario)
    rows, cluster = outcome.challenges, scenario.cluster
    changes = sorted(
        [(moment, -1) for moment in rows.released if moment >= 0]
        + [(moment, 1) for moment in rows.started if moment >= 0]
    )
    slots = most = 0
    for _, by in changes:
        slots += by
        most = max(most, slots)
    assert most <= cluster.cap
    assert len(outcome.busy) == cluster.workers + 1


@given(scenarios())
def test_workers_hold_what_challenges_are_held(scenario):
    """Little's law of the workers: how many are at work, over time, is how long each challenge holds one."""
    outcome = simulate(scenario)
    assert sum(number * spent for number, spent in enumerate(outcome.busy)) == sum(outcome.challenges.held)
    assert sum(outcome.busy_over_time) == sum(outcome.challenges.held)


@given(scenarios(), st.sampled_from([2, 7]))
def test_when_everything_takes_longer_so_does_the_run(scenario, factor):
    def slow(delay):
        return attrs.evolve(delay, a=delay.a * factor)

    scenario = attrs.evolve(
        scenario, solver=attrs.evolve(scenario.solver, propagation=fixed(9 * SECOND), settle=8 * SECOND)
    )
    slower = attrs.evolve(
        scenario,
        arrivals=attrs.evolve(scenario.arrivals, moments=tuple(each * factor for each in scenario.arrivals.moments)),
        solver=attrs.evolve(
            scenario.solver,
            propagation=slow(scenario.solver.propagation),
            check=slow(scenario.solver.check),
            settle=8 * SECOND * factor,
        ),
        authority=attrs.evolve(
            scenario.authority, latency=slow(scenario.authority.latency), validation=slow(scenario.authority.validation)
        ),
        cluster=attrs.evolve(
            scenario.cluster,
            tick=scenario.cluster.tick * factor,
            retry_period=scenario.cluster.retry_period * factor,
            first_retry=scenario.cluster.first_retry * factor,
        ),
        until=HOUR * factor,
    )
    assert [*simulate(slower).challenges.released] == [
        moment * factor if moment >= 0 else moment for moment in simulate(scenario).challenges.released
    ]


@given(st.integers(1, 60), st.integers(1, 12), st.integers(1, 12), st.sampled_from(["cap", "workers"]))
def test_more_slots_or_workers_never_take_longer_when_all_service_is_equal(number, cap, workers, what):
    cluster = Cluster(cap=cap, workers=workers)
    more = attrs.evolve(cluster, **{what: getattr(cluster, what) + 1})
    assert simulate(Scenario(number, cluster=more)).makespan <= simulate(Scenario(number, cluster=cluster)).makespan


@given(st.integers(1, 40), st.integers(1, 6), st.integers(2, 6), st.integers(1, 5))
def test_a_stuck_challenge_never_helps_the_others(number, workers, cap, stuck):
    names = (*(f"a{each}.test" for each in range(stuck)), *(f"b{each:02}.test" for each in range(number)))
    ends = []
    for given_names in (names[stuck:], names):
        scenario = Scenario(
            len(given_names),
            names=Names(given=given_names),
            solver=Solver(stuck_names=names[:stuck]),
            cluster=Cluster(cap=cap, workers=workers),
            until=HOUR,
        )
        ends.append([moment if moment >= 0 else HOUR for moment in simulate(scenario).issuances.issued][-number:])
    assert max(ends[0]) <= max(ends[1])


@given(st.permutations(range(12)))
def test_who_comes_first_of_those_created_at_once_does_not_change_the_end(order):
    names = tuple(f"n{number:02}.test" for number in order)
    assert simulate(Scenario(12, names=Names(given=names))).makespan == 27 * SECOND


def test_the_same_seed_gives_the_same_digest_and_another_seed_another():
    first, second, other = (simulate(attrs.evolve(EVERYTHING, seed=seed)) for seed in (7, 7, 8))
    assert first.digest == second.digest != other.digest
    assert first == second


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_the_digest_does_not_depend_on_the_hash_seed_of_the_interpreter(hash_seed):
    program = (
        "from tests.scheduler.simulator.test_fleet_properties import EVERYTHING, simulate;"
        "print(simulate(EVERYTHING).digest)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == simulate(EVERYTHING).digest


def test_under_all_faults_every_certificate_is_issued_again_and_again():
    outcome = simulate(EVERYTHING)
    issued = {
        certificate
        for certificate, moment in zip(outcome.issuances.certificate, outcome.issuances.issued, strict=True)
        if moment >= 0
    }
    assert len(issued) > 50
    assert len(outcome.issuances.issued) > 150
    assert max(outcome.issuances.attempt) > 1
    assert outcome.wasted > 0
