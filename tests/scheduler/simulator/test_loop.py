"""Virtual time: it jumps, it repeats, and it notices when it would never end."""

from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.vantage import Elapsed, pause
from scheduler.simulator.loop import RanTooLong, VirtualDriver
from scheduler.simulator.network import VirtualNetwork

START = datetime(2026, 1, 1, tzinfo=UTC)


def seconds(number):
    return timedelta(seconds=number)


@pytest.fixture
def driver():
    return VirtualDriver(START, VirtualNetwork(), max_events=1000)


def test_time_jumps_to_each_timer_in_turn(driver):
    seen = []
    for delay in (3600, 5, 60):
        driver.later(seconds(delay), lambda: seen.append((driver.now() - START).total_seconds()))
    driver.run()
    assert seen == [5, 60, 3600]


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set(driver):
    seen = []
    for name in "cab":
        driver.later(seconds(1), lambda name=name: seen.append(name))
    driver.run()
    assert seen == ["c", "a", "b"]


@pytest.mark.parametrize("delay", [0, -5])
def test_no_timer_fires_before_it_is_set(driver, delay):
    seen = []
    driver.later(seconds(delay), lambda: seen.append(driver.now()))
    assert seen == []
    driver.run()
    assert seen == [START]


def test_a_cancelled_timer_never_fires_and_cancelling_a_fired_one_is_harmless(driver):
    seen = []
    cancel_one = driver.later(seconds(1), lambda: seen.append(1))
    cancel_two = driver.later(seconds(2), lambda: seen.append(2))
    cancel_two()
    driver.run()
    cancel_one()
    assert (seen, driver.pending, driver.now()) == ([1], (), START + seconds(1))


def test_a_run_until_a_moment_ends_at_that_moment_and_keeps_the_rest(driver):
    seen = []
    for delay in (1, 10, 11):
        driver.later(seconds(delay), lambda delay=delay: seen.append(delay))
    driver.run(until=START + seconds(10))
    assert (seen, driver.now()) == ([1, 10], START + seconds(10))
    assert driver.pending == (START + seconds(11),)


def test_time_never_runs_backwards(driver):
    driver.run(until=START + seconds(10))
    driver.run(until=START)
    assert driver.now() == START + seconds(10)


def test_an_inquiry_begins_after_what_is_due_and_hands_over_its_result(driver):
    seen = []

    def inquiry():
        seen.append("begun")
        yield from pause(seconds(90))
        return driver.now()

    driver.spawn(inquiry(), seen.append)
    driver.later(timedelta(0), lambda: seen.append("next"))
    assert seen == []
    driver.run()
    assert seen == ["begun", "next", START + seconds(90)]


def failing():
    yield from pause(seconds(1))
    raise RuntimeError("broken")


def test_a_failed_inquiry_is_told_to_whom_it_may_concern(driver):
    seen = []
    driver.spawn(failing(), seen.append, lambda error: seen.append(str(error)))
    driver.run()
    assert seen == ["broken"]


def test_a_failed_inquiry_of_nobodys_concern_stops_the_run_and_the_rest_can_go_on(driver):
    seen = []
    driver.spawn(failing(), seen.append)
    driver.later(seconds(2), lambda: seen.append("later"))
    with pytest.raises(RuntimeError, match="broken"):
        driver.run()
    driver.run()
    assert seen == ["later"]


def test_a_mistake_of_the_one_who_is_told_is_not_an_answer(driver):
    failures = []

    def done(_):
        raise LookupError("mine")

    driver.spawn(pause(seconds(1)), done, failures.append)
    with pytest.raises(LookupError, match="mine"):
        driver.run()
    assert failures == []


def test_the_network_decides_how_long_an_answer_takes():
    driver = VirtualDriver(START, lambda _: (seconds(7), Elapsed()))
    heard = []
    driver.spawn(pause(seconds(1)), lambda _: heard.append(driver.now()))
    driver.run()
    assert heard == [START + seconds(7)]


@pytest.mark.parametrize("delay", [0, 10])
def test_a_run_that_would_never_end_is_stopped_with_a_reason(driver, delay):
    def again():
        driver.later(seconds(delay), again)

    again()
    with pytest.raises(RanTooLong, match=r"1000 events and no end at 2026-01-01T0.*: run until a moment"):
        driver.run()
    assert len(driver.pending) == 1


def test_the_bound_counts_from_the_beginning_of_each_run(driver):
    for _ in range(3):
        for _ in range(1000):
            driver.later(seconds(1), lambda: None)
        driver.run()
    assert driver.now() == START + seconds(3)
