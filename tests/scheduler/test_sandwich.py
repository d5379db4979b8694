"""First come, first served is never far from the best order (`make sandwich` draws many more cases)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.sandwich import bounds, makespan


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=30), st.integers(1, 8))
def test_unit_jobs_take_as_long_as_they_must_and_no_longer_than_they_may(names, cap):
    """O7; the best order takes the lower bound."""
    least, most = bounds(names, cap)
    took = makespan(names, cap)
    assert least <= took <= most
    assert took * cap <= (2 * cap - 1) * least


def test_the_bounds_are_met():
    assert makespan([0, 1, 2, 3], 2) == bounds([0, 1, 2, 3], 2)[0] == 2
    assert makespan([1, 2, 3, 0, 0, 0], 3) == bounds([1, 2, 3, 0, 0, 0], 3)[1] == 4
