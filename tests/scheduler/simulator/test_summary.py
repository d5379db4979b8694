"""What a run led to, in numbers: by hand for runs that can be worked out, by properties for all."""

from __future__ import annotations

from array import array

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.simulator.delays import Delay
from scheduler.simulator.fleet import simulate
from scheduler.simulator.run import Challenges, Issuances, Run, Yields
from scheduler.simulator.scenario import DAY, Authority, Cluster, Renewals, Scenario, Solver
from scheduler.simulator.summary import Quantiles, overtaken, quantiles, summarise


def column(*values):
    return array("q", values)


def run_of(challenges, issuances=((0, 0, -1, -1, 0),), makespan=100, scenario=None, yields=()):
    """A run of rows: challenges (created, started, presented, passed, decided, released, held), issuances as in the columns."""
    created, started, presented, passed, decided, released, held = (
        column(*each) for each in zip(*challenges, strict=True)
    )
    zeros = column(*(0 for _ in challenges))
    rows = Challenges(zeros, zeros, created, started, presented, passed, decided, released, zeros, held, zeros)
    yields = Yields(*(column(*each) for each in zip(*yields, strict=True))) if yields else Yields(*[column()] * 3)
    requests = Issuances(*(column(*each) for each in zip(*issuances, strict=True)))
    return Run(
        scenario or Scenario(len(issuances)),
        requests,
        rows,
        yields,
        makespan,
        0,
        {},
        0,
        {},
        (60, 0, 40),
        column(),
        1,
        "",
    )


#            created, started, presented, passed, decided, released, held
WORKED = (0, 0, 10, 20, 40, 50, 25)
STUCK = (0, 20, 30, -1, -1, -1, 5)
QUEUED = (10, -1, -1, -1, -1, -1, 0)


def test_slots_are_held_for_work_for_waiting_by_the_stuck_and_by_what_is_decided():
    # 50 ms of the first, 80 of the second: 25 worked on, 15 waiting, 10 after the verdict, and all of the second stuck.
    assert summarise(run_of([WORKED, STUCK, QUEUED])).slot_uses == {
        "worked on": 25 / 130,
        "waiting": 15 / 130,
        "stuck": 80 / 130,
        "not cleaned up": 10 / 130,
    }


def test_queue_and_slots_are_counted_over_the_makespan():
    found = summarise(run_of([WORKED, STUCK, QUEUED]))
    assert (found.queue_most, found.queue_mean) == (2, (20 + 90) / 100)
    assert (found.slots_most, found.slots_mean) == (2, 130 / 100)
    # Both slots are held from 20 to 50.
    assert summarise(run_of([WORKED, STUCK], scenario=Scenario(1, cluster=Cluster(cap=2)))).slots_full == 30 / 100
    assert found.time_in_queue == Quantiles(0, 20, 20, 20)


def test_a_challenge_that_gave_its_slot_back_holds_none_until_it_has_one_again():
    found = summarise(run_of([WORKED, STUCK], yields=[(1, 30, 70), (1, 80, -1)]))
    # The second holds its slot from 20 to 30 and from 70 to 80.
    assert (found.slots_most, found.slots_mean) == (2, 70 / 100)
    assert found.slot_uses["stuck"] == 20 / 70
    assert found.queue_mean == (20 + 40 + 20) / 100


def test_workers_are_counted_by_how_long_how_many_were_busy():
    found = summarise(run_of([WORKED]))
    assert (found.workers, found.all_busy) == (0.8, 0.4)


def test_what_workers_do_after_the_makespan_does_not_count():
    # 160 worker-ms until 100; then one worker is at it for 50 more, with a challenge that nobody will ever see.
    run = attrs.evolve(run_of([WORKED]), busy=(20, 50, 80), busy_over_time=column(100, 60, 50), busy_bin=50)
    assert summarise(run).workers == 1.6
    run = attrs.evolve(run_of([WORKED]), busy=(0, 0, 150), busy_over_time=column(100, 100, 100), busy_bin=50)
    assert (summarise(run).workers, summarise(run).all_busy) == (2.0, 1.0)


def test_starvation_is_the_longest_wait_over_the_median_one():
    rows = [(0, start, -1, -1, -1, -1, 0) for start in (10, 20, 90)]
    assert summarise(run_of(rows)).starvation == 4.5
    assert summarise(run_of([WORKED, WORKED, STUCK])).starvation == 0


def test_a_certificate_takes_as_long_as_all_its_requests():
    requests = [(0, 0, -1, 5, 0), (1, 0, 30, -1, 0), (0, 60, 90, -1, 1), (0, 95, 97, -1, 0)]
    found = summarise(run_of([WORKED], requests))
    assert (found.requests, found.issued, found.failed, found.unfinished) == (4, 3, 1, 0)
    assert found.time_to_issue == Quantiles(30, 90, 90, 90)


@pytest.mark.parametrize(
    ("issued", "until", "missed"),
    [
        ((0, 80), None, 0),
        ((0, 100), None, 0),
        ((0, 101), None, 1),
        ((0,), None, 1),
        ((60,), None, 0),
        ((60,), 170, 1),
    ],
    ids=["in time", "just in time", "too late", "never", "not due yet", "after the last that happened"],
)
def test_a_renewal_is_missed_when_the_certificate_ended_before_it(issued, until, missed):
    scenario = Scenario(1, renewals=Renewals(lifetime=100, before=30), until=until)
    rows = [(0, moment, moment, -1, 0) for moment in issued]
    assert summarise(run_of([WORKED], rows, 150, scenario)).missed == missed


def test_whoever_starts_many_places_late_was_overtaken():
    starts = [50, *range(10)]
    rows = [(0, start, -1, -1, -1, -1, 0) for start in starts]
    assert [overtaken(run_of(rows), more_than) for more_than in (1, 10, 11)] == [1, 1, 0]


@pytest.mark.parametrize(
    ("durations", "expected"),
    [([], (0, 0, 0, 0)), ([7], (7, 7, 7, 7)), ([3, 1, 2], (2, 3, 3, 3)), (range(1, 101), (50, 95, 99, 100))],
)
def test_quantiles_are_nearest_ranks(durations, expected):
    assert quantiles(durations) == Quantiles(*expected)


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_quantiles_are_durations_that_were_there_in_ascending_order(durations):
    found = attrs.astuple(quantiles(durations))
    assert sorted(found) == list(found)
    assert all(value in durations for value in found)


scenarios = st.builds(
    Scenario,
    certificates=st.integers(1, 40),
    seed=st.integers(0, 5),
    solver=st.builds(
        Solver, type=st.sampled_from(["HTTP-01", "DNS-01"]), propagation=st.just(Delay("uniform", 0, 90_000))
    ),
    authority=st.builds(Authority, invalid=st.sampled_from([0.0, 0.3])),
    cluster=st.builds(Cluster, cap=st.integers(1, 8), workers=st.integers(1, 6), patience=st.sampled_from([None, 3])),
    until=st.just(DAY // 8),
)


@settings(max_examples=40, deadline=None)
@given(scenarios)
def test_shares_add_up_and_nothing_is_more_than_there_is(scenario):
    found = summarise(simulate(scenario))
    assert sum(found.slot_uses.values()) == pytest.approx(1)
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in found.slot_uses.values())
    assert found.slots_most <= scenario.cluster.cap
    assert found.workers <= scenario.cluster.workers + 1e-9
    assert found.requests == found.issued + found.failed + found.unfinished


def test_the_document_says_its_units():
    document = summarise(simulate(Scenario(3))).to_json()
    assert list(document) == [
        "makespan_s", "certificates", "challenges", "time_to_issue_s", "time_in_queue_s",
        "queue", "slots", "workers", "starvation", "overtaken", "acme",
    ]  # fmt: skip
    assert {name: list(value) for name, value in document.items() if isinstance(value, dict)} == {
        "certificates": ["requested", "issued", "failed", "unfinished", "missed_renewals"],
        "time_to_issue_s": ["p50", "p95", "p99", "max"],
        "time_in_queue_s": ["p50", "p95", "p99", "max"],
        "queue": ["max", "mean"],
        "slots": ["max", "mean", "full_share", "share"],
        "workers": ["mean", "all_busy_share"],
        "acme": ["requests", "wasted", "limits_hit"],
    }
    assert list(document["slots"]["share"]) == ["worked_on", "waiting", "stuck", "not_cleaned_up"]
    assert document["makespan_s"] == 9.0
    assert document["certificates"] == {"requested": 3, "issued": 3, "failed": 0, "unfinished": 0, "missed_renewals": 0}
    assert document["time_to_issue_s"] == {"p50": 9.0, "p95": 9.0, "p99": 9.0, "max": 9.0}
