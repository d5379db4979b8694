"""Backoff, the queue of retries, and the settings behind them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.backoff import backoff
from scheduler.settings import Settings
from scheduler.work_queue import WorkQueue

START = datetime(2026, 1, 1, tzinfo=UTC)


def after(seconds):
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 640), (9, 1280), (10, 1800), (10**6, 1800)],
)
def test_the_backoff_doubles_from_five_seconds_to_half_an_hour(failures, seconds):
    settings = Settings()
    assert timedelta(seconds=seconds) == backoff(failures, settings.min_backoff, settings.max_backoff)


def test_a_first_backoff_beyond_the_longest_is_the_longest():
    assert timedelta(seconds=3) == backoff(4, timedelta(seconds=5), timedelta(seconds=3))


def test_the_defaults_are_upstreams():
    settings = Settings()
    assert (60, timedelta(seconds=10)) == (settings.max_concurrent, settings.retry_period)


@pytest.mark.parametrize(
    "choice",
    [
        {"max_concurrent": 0},
        {"retry_period": timedelta(0)},
        {"min_backoff": timedelta(0)},
        {"max_backoff": timedelta(seconds=-1)},
    ],
)
def test_settings_that_would_stop_or_spin_the_scheduler_are_refused(choice):
    with pytest.raises(ValueError, match=next(iter(choice))):
        Settings(**choice)


def test_keys_come_out_when_they_are_due_and_only_once():
    queue = WorkQueue()
    queue.put("b", after(2))
    queue.put("a", after(1))
    assert (after(1), "a") == queue.first()
    assert queue.pop_due(after(1)) == ["a"]
    assert queue.pop_due(after(9)) == ["b"]
    assert queue.first() is None
    assert queue.pop_due(after(9)) == []


def test_the_last_moment_given_for_a_key_counts():
    queue = WorkQueue()
    queue.put("a", after(1))
    queue.put("a", after(5))
    assert queue.pop_due(after(4)) == []
    queue.put("a", after(3))
    assert queue.pop_due(after(9)) == ["a"]


def test_a_dropped_key_does_not_come_out():
    queue = WorkQueue()
    queue.put("a", after(1))
    queue.drop("a")
    queue.drop("never put")
    assert queue.first() is None


def test_keys_due_at_one_moment_come_out_in_the_order_in_which_they_were_put():
    queue = WorkQueue()
    for key in ("c", "a", "b"):
        queue.put(key, after(1))
    assert queue.pop_due(after(1)) == ["c", "a", "b"]


OPERATIONS = st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 5)))


@given(st.lists(OPERATIONS), st.integers(0, 5))
def test_the_queue_agrees_with_a_dictionary(operations, until):
    queue, model = WorkQueue(), {}
    for number, (key, seconds) in enumerate(operations):
        model.pop(key, None)
        if seconds is None:
            queue.drop(key)
        else:
            queue.put(key, after(seconds))
            model[key] = (after(seconds), number)
    due = sorted((moment, number, key) for key, (moment, number) in model.items() if moment <= after(until))
    assert [key for _, _, key in due] == queue.pop_due(after(until))
