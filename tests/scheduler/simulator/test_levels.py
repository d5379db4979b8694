"""Step curves: how many at each moment."""

from __future__ import annotations

from array import array

import attrs
from hypothesis import given
from hypothesis import strategies as st

from scheduler.simulator.fleet import simulate
from scheduler.simulator.levels import Curve, at_work, in_slots, level
from scheduler.simulator.run import NEVER
from scheduler.simulator.scenario import Cluster, Scenario

moments = st.integers(0, 1000)
spans = st.lists(st.tuples(moments, moments).map(sorted), max_size=40)


def test_a_level_rises_with_who_comes_and_falls_with_who_goes():
    assert level([0, 5, 5, NEVER], [5, 9, NEVER]) == Curve((0, 5, 9), (1, 2, 1))


def test_nobody_is_a_level_of_nothing():
    assert level([NEVER], []) == Curve((0,), (0,))


@given(spans)
def test_the_area_of_a_level_is_the_time_that_all_spent(found):
    curve = level([start for start, _ in found], [end for _, end in found])
    assert curve.area(1000) == sum(end - start for start, end in found)
    assert curve.values[-1] == 0


@given(spans, st.integers(8, 40))
def test_a_thinned_curve_is_short_and_keeps_the_highest_peak_and_both_ends(found, points):
    curve = level([start for start, _ in found], [end for _, end in found])
    thin = curve.thinned(points)
    assert len(thin.moments) <= points + 5
    assert max(thin.values) == max(curve.values)
    assert (thin.moments[0], thin.moments[-1]) == (curve.moments[0], curve.moments[-1])
    assert list(thin.moments) == sorted(thin.moments)


def test_a_thinned_curve_keeps_the_level_that_lasts_longest():
    # Two hundred short visits, in two crowds far apart: nobody is there in between.
    visits = [*range(1, 200, 2), *range(100_001, 100_200, 2)]
    assert level(visits, [visit + 1 for visit in visits]).thinned(30).area(100_000) <= 200


def test_what_is_at_work_is_an_average_of_each_bin_until_the_makespan():
    run = attrs.evolve(
        simulate(Scenario(1)), makespan=120, busy=(0, 0, 0), busy_over_time=array("q", [100, 50, 40, 50]), busy_bin=50
    )
    # The third bin is cut at the makespan: 40 worker-ms in 20 ms.
    assert list(at_work(run)) == [(0, 2), (50, 1), (100, 2)]


@given(st.integers(1, 30), st.integers(1, 8), st.integers(1, 6))
def test_slots_held_over_time_add_up_to_what_challenges_held_them_for(certificates, cap, workers):
    run = simulate(Scenario(certificates, cluster=Cluster(cap=cap, workers=workers)))
    rows = run.challenges
    held = sum(released - started for started, released in zip(rows.started, rows.released, strict=True))
    assert in_slots(run).area(run.makespan) == held
