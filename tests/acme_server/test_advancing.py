"""The asyncio driver's time: frozen, advanced, stepped; the same things happen as in virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acme_server.clock import clock_from
from acme_server.protocol.driver import RanTooLong
from acme_server.protocol.vantage import DnsAnswer, Pause, Resolve
from acme_server.runner import AsyncioDriver
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork

START = datetime(2026, 11, 22, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def frozen_driver(vantage=None, **options):
    return AsyncioDriver(clock_from(lambda: START, frozen=True), vantage or slow_vantage, **options)


async def slow_vantage(_question):
    """Several turns of the event loop pass before an answer, as on a socket."""
    for _ in range(3):
        await asyncio.sleep(0)
    return DnsAnswer()


async def turns(count=50):
    for _ in range(count):
        await asyncio.sleep(0)


def poll(seen, driver, count, every):
    for _ in range(count):
        yield Pause(every)
        yield Resolve("a.test", "A")
        seen.append(driver.now() - START)


async def test_frozen_time_waits_for_ever_and_what_is_due_still_happens():
    seen, driver = [], frozen_driver()
    driver.later(SECOND, lambda: seen.append("later"))
    driver.later(0 * SECOND, lambda: seen.append("now"))
    await turns()
    assert (seen, driver.now()) == (["now"], START)
    await driver.close()


async def test_resumed_time_brings_what_was_waited_for():
    over = asyncio.Event()
    driver = AsyncioDriver(lambda: datetime.now(UTC), slow_vantage)
    await driver.freeze()
    driver.later(timedelta(milliseconds=1), over.set)
    await turns()
    assert not over.is_set()
    await driver.resume()
    await over.wait()
    await driver.close()


async def test_advance_makes_everything_due_happen_at_its_moment():
    seen, driver = [], frozen_driver()
    driver.later(2 * HOUR, lambda: seen.append(("timer", driver.now() - START)))
    driver.spawn(poll(polled := [], driver, 5, HOUR), lambda _: seen.append(("polled", driver.now() - START)))
    await driver.advance(4 * HOUR + SECOND)
    assert driver.now() == START + 4 * HOUR + SECOND
    assert (polled, seen) == ([HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR], [("timer", 2 * HOUR)])
    await driver.advance(HOUR)
    assert seen[1:] == [("polled", 5 * HOUR)]
    await driver.close()


async def test_advance_waits_for_real_answers_while_time_stands():
    asked, answer, seen = asyncio.Event(), asyncio.Event(), []

    async def vantage(_question):
        asked.set()
        await answer.wait()
        return DnsAnswer()

    driver = frozen_driver(vantage)
    driver.spawn(poll(seen, driver, 1, HOUR), lambda _: None)
    advancing = asyncio.create_task(driver.advance(DAY))
    await asked.wait()
    await turns()
    assert (advancing.done(), driver.now()) == (False, START + HOUR)
    answer.set()
    await advancing
    assert (seen, driver.now()) == ([HOUR], START + DAY)
    await driver.close()


async def test_a_running_clock_runs_on_after_an_advance():
    over = asyncio.Event()
    driver = AsyncioDriver(lambda: datetime.now(UTC), slow_vantage)
    before = driver.now()
    driver.later(DAY + timedelta(milliseconds=1), over.set)
    await driver.advance(DAY)
    assert driver.now() >= before + DAY
    await over.wait()
    assert not driver.clock.frozen
    await driver.close()


async def test_two_advances_come_one_after_the_other():
    seen, driver = [], frozen_driver()
    driver.spawn(poll(seen, driver, 4, HOUR), lambda _: None)
    await asyncio.gather(driver.advance(2 * HOUR), driver.advance(2 * HOUR), driver.resume())
    assert seen == [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]
    assert (driver.now(), driver.clock.frozen) == (START + 4 * HOUR, False)
    await driver.close()


async def test_next_is_the_next_moment_at_which_something_is_due():
    seen, driver = [], frozen_driver()
    cancel = driver.later(SECOND, lambda: seen.append("cancelled"))
    driver.later(DAY, lambda: seen.append("one"))
    driver.later(DAY, lambda: driver.later(0 * SECOND, lambda: seen.append("two")))
    cancel()
    assert await driver.run_to_next() is True
    assert (seen, driver.now()) == (["one", "two"], START + DAY)
    assert await driver.run_to_next() is False
    assert driver.now() == START + DAY
    await driver.close()


async def test_time_does_not_go_back():
    driver = frozen_driver()
    with pytest.raises(ValueError, match="time only goes forward"):
        await driver.advance(-SECOND)
    assert (driver.now(), driver.clock.frozen) == (START, True)


async def test_an_advance_without_end_is_ended():
    driver = frozen_driver(max_events=100)

    def again():
        driver.later(0 * SECOND, again)

    again()
    with pytest.raises(RanTooLong, match=r"events and no end at 2026-11-22T00:00:00\.000000Z: advance less at once"):
        await driver.advance(SECOND)
    await driver.close()


async def test_closing_ends_an_advance():
    async def endless(_question):
        await asyncio.sleep(3600)

    driver = frozen_driver(endless)
    driver.spawn(poll([], driver, 1, HOUR), lambda _: None)
    advancing = asyncio.create_task(driver.advance(DAY))
    await turns()
    await driver.close()
    await advancing


async def test_a_year_of_hourly_checks_is_all_there():
    seen, driver = [], frozen_driver()
    driver.spawn(poll(seen, driver, 365 * 24, HOUR), lambda _: None)
    await driver.advance(365 * DAY)
    assert len(seen) == 365 * 24
    await driver.close()


# A busy machine is no failure.
UNHURRIED = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# A script is a forest: each node waits, asks (or not), is told, and then starts its children.
NODES = st.recursive(
    st.tuples(st.integers(0, 3), st.booleans(), st.just(())),
    lambda children: st.tuples(st.integers(0, 3), st.booleans(), st.lists(children, max_size=3).map(tuple)),
    max_leaves=12,
)
SCRIPTS = st.lists(NODES, max_size=4)


class Play:
    """Runs a script on a driver, half of it as timers and half as inquiries."""

    def __init__(self, driver, script, asks):
        self.driver, self.asks, self.facts = driver, asks, []
        for number, node in enumerate(script):
            self.start(str(number), node)

    def start(self, path, node):
        wait, inquires, _ = node
        if inquires:
            self.driver.spawn(self.inquiry(path, node), lambda _: self.end(path, node))
        else:
            self.driver.later(wait * SECOND, lambda: self.end(path, node))

    def inquiry(self, path, node):
        yield Pause(node[0] * SECOND)
        self.tell(path, "paused")
        if self.asks:
            yield Resolve("a.test", "A")
            self.tell(path, "answered")

    def end(self, path, node):
        self.tell(path, "ended")
        for number, child in enumerate(node[2]):
            self.start(f"{path}.{number}", child)

    def tell(self, path, kind):
        self.facts.append(((self.driver.now() - START).total_seconds(), path, kind))


def in_virtual_time(script, asks):
    driver = VirtualDriver(START, VirtualNetwork())
    play = Play(driver, script, asks)
    driver.run(START + DAY)
    return play.facts


def advanced(script, asks, steps):
    async def run():
        driver = frozen_driver()
        play = Play(driver, script, asks)
        for step in steps:
            await driver.advance(step * SECOND)
        await driver.advance(START + DAY - driver.now())
        assert list(driver.failures) == []
        await driver.close()
        return play.facts

    return asyncio.run(run())


@UNHURRIED
@given(SCRIPTS, st.lists(st.integers(0, 5), max_size=3))
def test_without_a_network_the_same_happens_in_the_same_order_as_in_virtual_time(script, steps):
    assert in_virtual_time(script, asks=False) == advanced(script, False, steps)


@UNHURRIED
@given(SCRIPTS, st.lists(st.integers(0, 5), max_size=3))
def test_with_a_network_the_same_happens_at_the_same_moments_as_in_virtual_time(script, steps):
    """Among answers at one moment, the network decides which is first."""
    assert sorted(in_virtual_time(script, asks=True)) == sorted(advanced(script, True, steps))


async def test_a_clock_that_stands_only_while_it_is_moved_has_the_position_of_one_that_runs():
    driver, seen = AsyncioDriver(lambda: START, slow_vantage), []
    driver.later(HOUR, lambda: seen.append(driver.position))
    await driver.advance(DAY)
    assert (seen, driver.position) == ([(HOUR, None)], (DAY, None))
    await driver.freeze()
    driver.later(HOUR, lambda: seen.append(driver.position))
    await driver.advance(DAY)
    assert seen[1:] == [(DAY, START + DAY + HOUR)]
    await driver.close()
