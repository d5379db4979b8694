"""Two drivers, one machine: asyncio and virtual time record the same facts for the same scripted outcomes."""

import asyncio
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from acme_server.protocol.vantage import Elapsed
from acme_server.runner import AsyncioDriver
from scheduler.challenge import Stage
from scheduler.events import (
    Accept,
    AddFinalizer,
    CheckFailed,
    CleanUp,
    Decided,
    FetchState,
    Present,
    Release,
    SelfCheck,
    WaitAuthorization,
)
from scheduler.policies import Policy
from scheduler.settings import Settings
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from scheduler.versions import NEWEST
from tests.scheduler.scripted_world import START, World, challenge

NAMES = [f"c{number}" for number in range(12)]
QUICK = Settings(
    max_concurrent=4,
    retry_period=timedelta(milliseconds=2),
    min_backoff=timedelta(milliseconds=1),
    max_backoff=timedelta(milliseconds=4),
)
CLUSTER = attrs.evolve(
    QUICK, workers=2, starts_per_tick=3, tick=timedelta(milliseconds=3), version=NEWEST, policy=Policy(patience=3)
)
SETTINGS = pytest.mark.parametrize("settings", [QUICK, CLUSTER], ids=["ours", "cluster"])
SCRIPT = {
    ("c1", Present): ["no route", OSError("no socket")],
    ("c2", SelfCheck): ["404", "404", "503", "404"],
    ("c3", SelfCheck): [CheckFailed("default/c3", "soon", timedelta(milliseconds=1))] * 3,
    ("c4", Accept): ["503", TimeoutError()],
    ("c5", Accept): [Decided("default/c5", "invalid", "Error accepting authorization: 403")],
    ("c6", CleanUp): ["no route"] * 4,
    ("c7", Accept): [Decided("default/c7", "expired", "")],
    ("c8", AddFinalizer): ["conflict"],
    ("c9", FetchState): ["503", Decided("default/c9", "valid", "")],
    ("c10", WaitAuthorization): ["no verdict", Decided("default/c10", "invalid", "403")],
    ("c11", Release): ["conflict", OSError("no socket")],
}


async def instant(_question):
    return Elapsed()


def fill(world):
    """Names repeat, so that some wait for their twin."""
    world.add(*(challenge(name, f"name{number % 9}.test", number) for number, name in enumerate(NAMES)))


def in_virtual_time(settings):
    world = World(VirtualDriver(START, VirtualNetwork()), SCRIPT, settings)
    fill(world)
    world.driver.run()
    return world


async def in_real_time(settings):
    driver = AsyncioDriver(lambda: datetime.now(UTC), instant)
    world = World(driver, SCRIPT, settings)
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


@SETTINGS
async def test_both_drivers_record_the_same_facts_for_the_same_outcomes(settings):
    virtual, real = in_virtual_time(settings), await in_real_time(settings)
    assert len(virtual.facts) == len(real.facts) > 6 * len(NAMES)
    for name in NAMES:
        assert told(virtual, name) == told(real, name)


@SETTINGS
async def test_both_drivers_leave_the_same_challenges_behind(settings):
    def without_moment(world):
        left = world.scheduler.challenges
        return sorted((each.key, each.stage, each.state, each.reason, each.checks) for each in left)

    virtual, real = in_virtual_time(settings), await in_real_time(settings)
    assert without_moment(virtual) == without_moment(real)
    assert virtual.shown == real.shown == {}


@SETTINGS
def test_virtual_time_repeats_itself_moment_by_moment(settings):
    assert in_virtual_time(settings).facts == in_virtual_time(settings).facts
