"""When a resource is looked at, and when again: in virtual time, to the moment."""

import itertools
import logging
from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.vantage import Elapsed, pause
from issuer_bridge.outcomes import Done, Retry, Wait
from issuer_bridge.reconciler import FIRST_BACKOFF, Reconciler
from issuer_bridge.resources import ApiError
from scheduler.simulator.loop import VirtualDriver

START = datetime(2026, 1, 1, tzinfo=UTC)
A, B = ("Order", "default", "a"), ("Order", "default", "b")
SECOND = timedelta(seconds=1)


class Bench:
    """A reconciler whose looks take a second and end as the script of their key says."""

    def __init__(self, workers=20, first_backoff=FIRST_BACKOFF, **script):
        self.driver = VirtualDriver(START, lambda question: (question.duration, Elapsed()))
        self.reconciler = Reconciler(self.driver, self.sync, timedelta(minutes=5), workers, first_backoff)
        self.script = {name: list(outcomes) for name, outcomes in script.items()}
        self.looks = []
        self.running = self.most_running = 0
        self.during = {}

    def sync(self, key):
        self.looks.append((key[2], int((self.driver.now() - START).total_seconds())))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        yield from pause(SECOND)
        self.running -= 1
        self.during.pop(key[2], lambda: None)()
        outcome = self.script[key[2]].pop(0) if self.script.get(key[2]) else Done()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def at(self, seconds, *keys):
        for key in keys:
            self.driver.later(seconds * SECOND, lambda key=key: self.reconciler.add(key))

    def run(self, seconds=10_000):
        self.driver.run(until=START + seconds * SECOND)
        return self.looks


def test_a_change_is_looked_at_once():
    bench = Bench()
    bench.at(5, A, A, A)
    assert bench.run() == [("a", 5)]


def test_looks_are_counted_and_so_are_failures_but_for_a_race_that_was_lost():
    script = [Retry("no"), ValueError("a bug"), ApiError(409, "Conflict", "slow"), ApiError(500, "InternalError", "oh")]
    bench = Bench(a=script)
    bench.at(0, A)
    bench.run()
    assert (bench.reconciler.calls, bench.reconciler.errors) == ({"Order": 5}, {"Order": 3})


def test_the_depth_is_how_many_of_a_kind_wait_for_a_worker():
    bench = Bench(workers=1)
    bench.at(0, A, B, ("Issuer", "default", "c"))
    bench.run(seconds=0.5)
    assert [bench.reconciler.depth(kind) for kind in ("Order", "Issuer", "Challenge")] == [1, 1, 0]


def test_a_change_during_a_look_is_looked_at_once_more_and_never_at_the_same_time():
    bench = Bench()
    bench.at(5, A)
    bench.during["a"] = lambda: [bench.reconciler.add(A) for _ in range(3)]
    assert bench.run() == [("a", 5), ("a", 6)]
    assert bench.most_running == 1


def test_workers_bound_how_many_run_at_once_and_the_first_come_first():
    bench = Bench(workers=1)
    bench.at(0, A, B)
    assert bench.run() == [("a", 0), ("b", 1)]
    assert bench.most_running == 1


def test_waiting_comes_back_after_so_long():
    bench = Bench(a=[Wait(30 * SECOND)])
    bench.at(0, A)
    assert bench.run() == [("a", 0), ("a", 31)]


def test_a_change_ends_a_wait():
    bench = Bench(a=[Wait(30 * SECOND)])
    bench.at(0, A)
    bench.at(10, A)
    assert bench.run() == [("a", 0), ("a", 10)]


@pytest.mark.parametrize("outcome", [Wait(30 * SECOND, held=True), Retry("429", 30 * SECOND)])
def test_a_change_does_not_end_a_wait_that_the_server_asked_for(outcome):
    bench = Bench(a=[outcome])
    bench.at(0, A)
    bench.at(10, A)
    assert bench.run() == [("a", 0), ("a", 31)]


@pytest.mark.parametrize("outcome", [Wait(30 * SECOND, held=True), Retry("429", 30 * SECOND)])
def test_nor_does_a_change_that_came_during_the_look(outcome):
    bench = Bench(a=[outcome])
    bench.at(0, A)
    bench.during["a"] = lambda: bench.reconciler.add(A)
    assert bench.run() == [("a", 0), ("a", 31)]


def test_errors_back_off_from_five_seconds_to_the_limit():
    bench = Bench(a=[Retry("no") for _ in range(9)])
    bench.at(0, A)
    times = [moment for _, moment in bench.run()]
    assert [after - before - 1 for before, after in itertools.pairwise(times)] == [
        5,
        10,
        20,
        40,
        80,
        160,
        300,
        300,
        300,
    ]


def test_the_first_backoff_may_be_another():
    bench = Bench(first_backoff=2 * SECOND, a=[Retry("no"), Retry("no")])
    bench.at(0, A)
    assert bench.run() == [("a", 0), ("a", 3), ("a", 8)]


def test_a_wait_may_be_no_success():
    bench = Bench(a=[Retry("no"), Wait(SECOND, keeps_failures=True), Retry("no")])
    bench.at(0, A)
    assert bench.run() == [("a", 0), ("a", 6), ("a", 8), ("a", 19)]


def test_a_change_ends_a_backoff():
    bench = Bench(a=[Retry("no"), Retry("no")])
    bench.at(0, A)
    bench.at(8, A)
    assert bench.run() == [("a", 0), ("a", 6), ("a", 8)]


def test_a_change_during_a_look_that_failed_shortens_its_backoff_to_the_first():
    """The change may be the look's own status write; without a bound the two would chase each other."""
    bench = Bench(a=[Retry("no") for _ in range(4)])
    bench.at(0, A)
    bench.driver.later(20 * SECOND, lambda: bench.during.update(a=lambda: bench.reconciler.add(A)))
    assert bench.run() == [("a", 0), ("a", 6), ("a", 17), ("a", 38), ("a", 44)]


@pytest.mark.parametrize("relief", [Done(), Wait(SECOND)])
def test_success_forgets_the_errors(relief):
    bench = Bench(a=[Retry("no"), Retry("no"), relief, Retry("no")])
    bench.at(0, A)
    bench.at(100, A)
    times = [moment for _, moment in bench.run()]
    assert times[4] - times[3] == 6


def test_an_exception_is_logged_and_tried_again(caplog):
    bench = Bench(a=[ZeroDivisionError("a bug")])
    bench.at(0, A)
    assert bench.run() == [("a", 0), ("a", 6)]
    assert "Order/default/a: cannot be reconciled" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_write_that_lost_a_race_is_no_alarm(caplog):
    bench = Bench(a=[ApiError(409, "Conflict", "somebody was faster")])
    bench.at(0, A)
    with caplog.at_level(logging.WARNING):
        assert bench.run() == [("a", 0), ("a", 6)]
    assert caplog.text == ""


def test_a_change_ends_the_wait_after_a_lost_race():
    bench = Bench(a=[ApiError(409, "Conflict", "somebody was faster")])
    bench.at(0, A)
    bench.at(2, A)
    assert bench.run() == [("a", 0), ("a", 2)]


def test_one_that_fails_does_not_hold_up_another():
    bench = Bench(workers=1, a=[Retry("no")])
    bench.at(0, A, B)
    assert bench.run() == [("a", 0), ("b", 1), ("a", 6)]
