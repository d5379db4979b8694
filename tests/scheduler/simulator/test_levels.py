"""Step curves: how many at each moment."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.simulator.levels import Curve, level
from scheduler.simulator.run import NEVER

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
    assert len(thin.moments) <= points + 4
    assert max(thin.values) == max(curve.values)
    assert (thin.moments[0], thin.moments[-1]) == (curve.moments[0], curve.moments[-1])
    assert list(thin.moments) == sorted(thin.moments)
