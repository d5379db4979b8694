"""A world's clock: with its base, ahead of it, standing, never back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme_server.clock import END, WorldClock, clock_from

START = datetime(2026, 11, 22, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@attrs.define
class Base:
    """A clock that a test moves."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment


def clock_and_base():
    base = Base()
    return WorldClock(base), base


def test_it_shows_what_its_base_shows():
    clock, base = clock_and_base()
    base.moment += HOUR
    assert (clock(), clock.frozen) == (START + HOUR, False)


def test_it_can_be_ahead_and_runs_on_from_there():
    clock, base = clock_and_base()
    clock.advance(DAY)
    base.moment += HOUR
    assert clock() == START + DAY + HOUR


def test_frozen_it_stands_until_it_is_moved():
    clock, base = clock_and_base()
    clock.freeze()
    base.moment += HOUR
    assert (clock(), clock.frozen) == (START, True)
    clock.advance(DAY)
    base.moment += HOUR
    assert (clock(), clock.frozen) == (START + DAY, True)


def test_resumed_it_runs_on_from_where_it_stood():
    clock, base = clock_and_base()
    clock.freeze()
    clock.freeze()
    base.moment += DAY
    clock.resume()
    clock.resume()
    base.moment += HOUR
    assert (clock(), clock.frozen) == (START + HOUR, False)


def test_when_the_base_steps_back_the_world_goes_on():
    clock, base = clock_and_base()
    base.moment += HOUR
    assert clock() == START + HOUR
    base.moment -= DAY
    assert clock() == START + HOUR
    base.moment += HOUR
    assert clock() == START + 2 * HOUR


def test_a_moment_that_has_passed_changes_nothing():
    clock, _ = clock_and_base()
    clock.move_to(START - DAY)
    assert clock() == START
    clock.move_to(START + DAY)
    assert clock() == START + DAY


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize(
    ("duration", "sentence"),
    [(-timedelta(microseconds=1), "time only goes forward"), (END - START + HOUR, "time ends in the year 9000")],
)
def test_where_time_cannot_go_is_a_value_error(duration, sentence, frozen):
    clock = clock_from(Base(), frozen=frozen)
    with pytest.raises(ValueError, match=sentence):
        clock.advance(duration)
    assert clock() == START
    clock.advance(END - START)
    assert clock() == END


def test_a_copy_goes_its_own_way():
    clock, base = clock_and_base()
    clock.advance(HOUR)
    copy = clock.copy()
    clock.advance(DAY)
    base.moment += HOUR
    assert (clock(), copy()) == (START + DAY + 2 * HOUR, START + 2 * HOUR)


@pytest.mark.parametrize("start", [START - 1000 * DAY, START, START + 1000 * DAY, None])
def test_it_can_begin_at_any_moment_running_or_frozen(start):
    base = Base()
    running, frozen = clock_from(base, start), clock_from(base, start, frozen=True)
    base.moment += HOUR
    assert (running(), running.frozen) == ((start or START) + HOUR, False)
    assert (frozen(), frozen.frozen) == (start or START, True)


STEPS = st.one_of(
    st.tuples(st.just("base"), st.timedeltas(-30 * DAY, 30 * DAY)),
    st.tuples(st.just("advance"), st.timedeltas(timedelta(0), 30 * DAY)),
    st.tuples(st.sampled_from(["freeze", "resume"]), st.none()),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_it_never_goes_back(steps):
    clock, base = clock_and_base()
    latest = clock()
    for name, duration in steps:
        before = clock()
        if name == "base":
            base.moment += duration
        elif name == "advance":
            clock.advance(duration)
            assert clock() == before + duration
        else:
            getattr(clock, name)()
            assert clock() == before
        assert clock() >= latest
        latest = clock()


@pytest.mark.parametrize("frozen", [False, True])
def test_a_position_is_all_that_another_clock_needs(frozen):
    clock, base = clock_and_base()
    clock.advance(DAY)
    if frozen:
        clock.freeze()
    twin = WorldClock(base)
    twin.place(*clock.position)
    base.moment += HOUR
    assert (twin(), twin.frozen) == (clock(), frozen)
    clock.resume()
    twin.resume()
    assert twin() == clock()
