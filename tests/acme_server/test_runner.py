"""The asyncio driver: order, cancellation, and what happens to mistakes."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.vantage import DnsAnswer, Pause, Resolve, pause
from acme_server.runner import AsyncioDriver

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NEVER = timedelta(days=365)
AT_ONCE = timedelta(0)


def system_clock():
    return datetime.now(UTC)


async def vantage(question):
    """Every question is answered at once, but for the one that never is."""
    await asyncio.sleep(3600 if question.name == "never" else 0)
    return DnsAnswer()


@pytest.fixture
async def driver():
    made = AsyncioDriver(system_clock, vantage)
    yield made
    await made.close()


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


def inquiry(result=None, wait=AT_ONCE, fault=None, closed=None):
    try:
        yield Pause(AT_ONCE)
        yield Resolve("never" if wait == NEVER else "at-once", "A")
        if fault:
            raise fault
        return result
    finally:
        if closed is not None:
            closed.append(result)


def paused(closed):
    try:
        yield Pause(NEVER)
    finally:
        closed.append("paused")


class MistakeError(Exception):
    pass


def mistaken(*_):
    raise MistakeError


async def test_the_clock_is_the_one_it_was_given():
    assert AsyncioDriver(lambda: NOW, vantage).now() == NOW


@pytest.mark.parametrize("delay", [AT_ONCE, timedelta(seconds=-1)])
async def test_without_a_delay_a_callback_comes_soon_but_not_at_once(driver, delay):
    seen = []
    driver.later(delay, lambda: seen.append("called"))
    assert seen == []
    await turns()
    assert seen == ["called"]


async def test_callbacks_come_in_the_order_of_their_delays(driver):
    seen, over = [], asyncio.Event()
    driver.later(timedelta(milliseconds=20), over.set)
    driver.later(timedelta(milliseconds=10), lambda: seen.append("later"))
    driver.later(AT_ONCE, lambda: seen.append("first"))
    driver.later(AT_ONCE, lambda: seen.append("second"))
    await over.wait()
    assert seen == ["first", "second", "later"]


@pytest.mark.parametrize("delay", [AT_ONCE, timedelta(milliseconds=1)])
async def test_a_cancelled_timer_does_not_fire(driver, delay):
    seen, over = [], asyncio.Event()
    cancel = driver.later(delay, lambda: seen.append("called"))
    cancel()
    cancel()
    driver.later(timedelta(milliseconds=5), over.set)
    await over.wait()
    assert seen == []


async def test_a_timer_that_has_fired_can_be_cancelled(driver):
    seen = []
    cancel = driver.later(AT_ONCE, lambda: seen.append("called"))
    await turns()
    cancel()
    assert seen == ["called"]


async def test_an_inquiry_is_conducted_and_its_result_handed_over(driver):
    seen = []
    driver.spawn(inquiry("result"), seen.append)
    assert seen == []
    await turns()
    assert seen == ["result"]


async def test_inquiries_run_side_by_side(driver):
    seen = []
    driver.spawn(inquiry("stuck", NEVER), seen.append)
    driver.spawn(inquiry("quick"), seen.append)
    await turns()
    assert seen == ["quick"]


async def test_an_inquiry_without_questions_is_one_too(driver):
    seen = []
    driver.spawn(pause(AT_ONCE), seen.append)
    await turns()
    assert seen == [None]


async def test_a_failed_inquiry_goes_to_whoever_asked_to_be_told(driver, caplog):
    seen, fault = [], MistakeError()
    driver.spawn(inquiry(fault=fault), mistaken, seen.append)
    await turns()
    assert (seen, list(driver.failures), caplog.records) == ([fault], [], [])


async def test_a_vantage_that_raises_fails_the_inquiry():
    async def broken(question):
        raise MistakeError

    seen = []
    driver = AsyncioDriver(system_clock, broken)
    driver.spawn(inquiry(), mistaken, seen.append)
    await turns()
    assert [type(fault) for fault in seen] == [MistakeError]
    await driver.close()


def failing_timer(driver):
    driver.later(AT_ONCE, mistaken)


def failing_inquiry(driver):
    driver.spawn(inquiry(fault=MistakeError()), lambda _: None)


def failing_done(driver):
    driver.spawn(inquiry(), mistaken, lambda _: pytest.fail("done's mistake is not the inquiry's"))


def failing_failed(driver):
    driver.spawn(inquiry(fault=ValueError()), lambda _: None, mistaken)


@pytest.mark.parametrize("fail", [failing_timer, failing_inquiry, failing_done, failing_failed])
async def test_what_nobody_catches_is_logged_and_remembered_and_stops_nothing(driver, caplog, fail):
    seen = []
    fail(driver)
    driver.later(AT_ONCE, lambda: seen.append("timer"))
    driver.spawn(inquiry("inquiry"), seen.append)
    await turns()
    assert seen == ["timer", "inquiry"]
    assert [type(fault) for fault in driver.failures] == [MistakeError]
    assert [(record.levelno, record.exc_info[0]) for record in caplog.records] == [(logging.ERROR, MistakeError)]


async def test_failures_do_not_pile_up(driver, caplog):
    for _ in range(150):
        driver.later(AT_ONCE, mistaken)
    await turns()
    assert (len(driver.failures), len(caplog.records)) == (100, 150)


async def test_closing_ends_timers_and_inquiries():
    seen, closed = [], []
    driver = AsyncioDriver(system_clock, vantage)
    driver.later(AT_ONCE, lambda: seen.append("timer"))
    driver.later(NEVER, lambda: seen.append("timer"))
    driver.spawn(inquiry("started", NEVER, closed=closed), seen.append, seen.append)
    driver.spawn(paused(closed), seen.append, seen.append)
    await turns()
    seen.clear()
    driver.spawn(inquiry("not started", closed=closed), seen.append, seen.append)
    await driver.close()
    await turns()
    assert (seen, closed) == ([], ["started", "paused"])
    assert [asyncio.current_task()] == list(asyncio.all_tasks())


async def test_nothing_starts_after_closing():
    seen = []
    driver = AsyncioDriver(lambda: NOW, vantage)
    await driver.close()
    driver.later(AT_ONCE, lambda: seen.append("timer"))()
    driver.later(AT_ONCE, lambda: seen.append("timer"))
    driver.spawn(inquiry("inquiry"), seen.append)
    await turns()
    assert seen == []


async def test_closing_twice_is_closing(driver):
    await driver.close()
    await driver.close()


async def test_an_inquiry_may_start_others(driver):
    seen = []
    driver.spawn(inquiry("one"), lambda one: driver.spawn(inquiry("two"), lambda two: seen.extend([one, two])))
    await turns()
    assert seen == ["one", "two"]
