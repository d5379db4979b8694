"""Two drivers, one machine: asyncio and virtual time record the same facts for the same scripted outcomes."""

import asyncio
from datetime import UTC, datetime, timedelta

from acme_server.protocol.vantage import Elapsed
from acme_server.runner import AsyncioDriver
from scheduler.challenge import Stage
from scheduler.events import Accept, CheckFailed, CleanUp, Decided, Present, SelfCheck
from scheduler.settings import Settings
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from tests.scheduler.scripted_world import START, World, challenge

NAMES = [f"c{number}" for number in range(12)]
QUICK = Settings(
    max_concurrent=4,
    retry_period=timedelta(milliseconds=2),
    min_backoff=timedelta(milliseconds=1),
    max_backoff=timedelta(milliseconds=4),
)
SCRIPT = {
    ("c1", Present): ["no route", OSError("no socket")],
    ("c2", SelfCheck): ["404", "404", "503", "404"],
    ("c3", SelfCheck): [CheckFailed("default/c3", "soon", timedelta(milliseconds=1))] * 3,
    ("c4", Accept): ["503", TimeoutError()],
    ("c5", Accept): [Decided("default/c5", "invalid", "Error accepting authorization: 403")],
    ("c6", CleanUp): ["no route"] * 4,
    ("c7", Accept): [Decided("default/c7", "expired", "")],
}


async def instant(_question):
    return Elapsed()


def fill(world):
    """Names repeat, so that some wait for their twin."""
    world.add(*(challenge(name, f"name{number % 9}.test", number) for number, name in enumerate(NAMES)))


def in_virtual_time():
    world = World(VirtualDriver(START, VirtualNetwork()), SCRIPT, QUICK)
    fill(world)
    world.driver.run()
    return world


async def in_real_time():
    driver = AsyncioDriver(lambda: datetime.now(UTC), instant)
    world = World(driver, SCRIPT, QUICK)
    finished = asyncio.Event()

    def on_change(_):
        if all(each.stage is Stage.DONE for each in world.scheduler.challenges):
            finished.set()

    world.on_change = on_change
    fill(world)
    await asyncio.wait_for(finished.wait(), timeout=60)
    await driver.close()
    assert list(driver.failures) == []
    return world


def told(world, name):
    """What the journal says of one challenge; how many slots the others hold depends on the driver."""
    return [
        (fact.kind, {key: value for key, value in fact.data.items() if key != "slots"})
        for _, fact in world.facts
        if fact.subject == {"challenge": f"default/{name}"}
    ]


async def test_both_drivers_record_the_same_facts_for_the_same_outcomes():
    virtual, real = in_virtual_time(), await in_real_time()
    assert len(virtual.facts) == len(real.facts) > 6 * len(NAMES)
    for name in NAMES:
        assert told(virtual, name) == told(real, name)


async def test_both_drivers_leave_the_same_challenges_behind():
    def without_moment(world):
        return [(each.key, each.stage, each.state, each.reason, each.checks) for each in world.scheduler.challenges]

    virtual, real = in_virtual_time(), await in_real_time()
    assert without_moment(virtual) == without_moment(real)
    assert virtual.shown == real.shown == {}


def test_virtual_time_repeats_itself_moment_by_moment():
    assert in_virtual_time().facts == in_virtual_time().facts
