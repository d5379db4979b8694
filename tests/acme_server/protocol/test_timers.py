"""Timers: by their due moments, ties in the order of asking."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.timers import Timers

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def filled(offsets):
    """Timers that call with their place in `offsets`, what was called, and how to take each back."""
    timers, called = Timers(), []
    cancels = [
        timers.add(NOON + timedelta(seconds=offset), lambda place=place: called.append(place))
        for place, offset in enumerate(offsets)
    ]
    return timers, called, cancels


def run(timers):
    while timers.first() is not None:
        timers.take()()


@given(st.lists(st.integers(0, 3)))
def test_callbacks_come_by_moment_and_then_in_the_order_of_asking(offsets):
    timers, called, _ = filled(offsets)
    run(timers)
    assert called == sorted(range(len(offsets)), key=lambda place: offsets[place])


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_what_was_taken_back_never_comes(entries):
    timers, called, cancels = filled([offset for offset, _ in entries])
    for cancel, (_, taken_back) in zip(cancels, entries, strict=True):
        if taken_back:
            cancel()
    kept = sorted(NOON + timedelta(seconds=offset) for offset, taken_back in entries if not taken_back)
    assert list(timers.moments()) == kept
    run(timers)
    assert sorted(called) == [place for place, (_, taken_back) in enumerate(entries) if not taken_back]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans())))
def test_what_is_to_come_last_comes_after_all_else_of_its_moment(entries):
    timers, called = Timers(), []
    for place, (offset, last) in enumerate(entries):
        timers.add(NOON + timedelta(seconds=offset), lambda place=place: called.append(place), last=last)
    run(timers)
    assert called == sorted(range(len(entries)), key=lambda place: entries[place])


def test_what_follows_in_no_time_comes_before_the_last():
    timers, called = Timers(), []
    timers.add(NOON, lambda: called.append("last"), last=True)
    timers.add(NOON, lambda: timers.add(NOON, lambda: called.append("what follows")))
    run(timers)
    assert called == ["what follows", "last"]


def test_taking_back_what_has_come_is_harmless():
    timers, called, (cancel,) = filled([0])
    run(timers)
    cancel()
    assert (called, timers.first(), timers.moments()) == ([0], None, ())


def test_the_first_says_when_and_which():
    timers, _, cancels = filled([5, 1, 1])
    assert (timers.first(), timers.latest) == ((NOON + timedelta(seconds=1), 2), 3)
    cancels[1]()
    assert timers.first() == (NOON + timedelta(seconds=1), 3)


def test_cleared_timers_never_come():
    timers, called, _ = filled([0, 1])
    timers.clear()
    run(timers)
    assert called == []
