"""A seeded run with faults, in virtual time, and its journal."""

import random
from datetime import timedelta

from acme_server.protocol.journal import Journal
from acme_server.protocol.vantage import pause
from scheduler.runner import failing_answer
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from tests.scheduler.scripted_world import START, World, challenge, seconds


class FaultyWorld(World):
    """Every effect takes a random time and fails one time in five."""

    def __init__(self, seed, settings):
        self.random = random.Random(seed)
        self.journal = Journal()
        super().__init__(VirtualDriver(START, VirtualNetwork()), settings=settings)

    def perform(self, effect):
        yield from pause(timedelta(milliseconds=self.random.randrange(5000)))
        if self.random.random() < 0.2:
            return failing_answer(effect, self.random.choice(["no route", "timed out", "refused"]))
        return self.succeed(effect)

    def record(self, facts):
        self.journal.append("scheduler", facts, self.driver.now())


def run(seed, settings=None, count=200):
    """Return the world after `count` challenges came in, one a second or so, some for the same names."""
    world = FaultyWorld(seed, settings)
    for number in range(count):
        name = f"h{world.random.randrange(count // 2)}.test"
        kind = world.random.choice(["HTTP-01", "DNS-01"])
        created = world.random.randrange(count)
        each = challenge(f"c{number}", name, created, type=kind)
        world.driver.later(seconds(created), lambda each=each: world.add(each))
        if world.random.random() < 0.1:
            at = seconds(created + world.random.randrange(60))
            world.driver.later(at, lambda key=each.key: world.scheduler.remove(key))
    world.driver.run()
    return world
