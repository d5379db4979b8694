"""Backoff, the work queue, and the settings behind them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.backoff import backoff
from scheduler.settings import CLUSTER, Settings
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


def test_a_cluster_is_upstreams():
    assert (5, 20, timedelta(seconds=1)) == (CLUSTER.workers, CLUSTER.starts_per_tick, CLUSTER.tick)


@pytest.mark.parametrize(
    "choice",
    [
        {"max_concurrent": 0},
        {"retry_period": timedelta(0)},
        {"min_backoff": timedelta(0)},
        {"max_backoff": timedelta(seconds=-1)},
        {"workers": 0},
        {"starts_per_tick": 0},
        {"tick": timedelta(0)},
    ],
)
def test_settings_that_would_stop_or_spin_the_scheduler_are_refused(choice):
    with pytest.raises(ValueError, match=next(iter(choice))):
        Settings(**choice)


def taken(queue):
    return list(iter(queue.take, None))


def test_keys_leave_in_the_order_in_which_they_came_and_only_once():
    queue = WorkQueue()
    for key in "cabca":
        queue.add(key)
    assert taken(queue) == ["c", "a", "b"]


def test_there_are_so_many_workers():
    queue = WorkQueue(workers=2)
    for key in "abc":
        queue.add(key)
    assert taken(queue) == ["a", "b"]
    queue.done("b")
    assert taken(queue) == ["c"]


def test_a_key_that_comes_while_it_is_worked_on_goes_to_the_end_when_its_worker_is_done():
    queue = WorkQueue()
    queue.add("a")
    assert taken(queue) == ["a"]
    queue.add("a")
    queue.add("a")
    queue.add("b")
    assert taken(queue) == ["b"]
    queue.done("a")
    assert taken(queue) == ["a"]
    queue.done("a")
    assert taken(queue) == []


def due(queue, moment):
    return taken(queue) if queue.add_due(moment) else []


def test_keys_come_again_when_they_are_due_and_only_once():
    queue = WorkQueue()
    queue.add_after("b", after(2))
    queue.add_after("a", after(1))
    assert (after(1), "a") == queue.first()
    assert due(queue, after(1)) == ["a"]
    assert due(queue, after(9)) == ["b"]
    assert queue.first() is None
    assert not queue.add_due(after(9))


def test_the_earliest_moment_given_for_a_key_counts():
    queue = WorkQueue()
    for seconds in (5, 3, 4):
        queue.add_after("a", after(seconds))
    assert due(queue, after(3)) == ["a"]
    assert not queue.add_due(after(9))


def test_a_dropped_key_does_not_come_again():
    queue = WorkQueue()
    queue.add_after("a", after(1))
    queue.drop("a")
    queue.drop("never given")
    assert queue.first() is None


def test_keys_due_at_one_moment_come_in_the_order_in_which_they_were_given():
    queue = WorkQueue()
    for key in ("c", "a", "b"):
        queue.add_after(key, after(1))
    assert due(queue, after(1)) == ["c", "a", "b"]


OPERATIONS = st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 5)))


@given(st.lists(OPERATIONS), st.integers(0, 5))
def test_the_queue_agrees_with_a_dictionary(operations, until):
    queue, model = WorkQueue(), {}
    for number, (key, seconds) in enumerate(operations):
        if seconds is None:
            queue.drop(key)
            model.pop(key, None)
        else:
            queue.add_after(key, after(seconds))
            if key not in model or after(seconds) < model[key][0]:
                model[key] = (after(seconds), number)
    expected = sorted((moment, number, key) for key, (moment, number) in model.items() if moment <= after(until))
    assert [key for _, _, key in expected] == due(queue, after(until))
