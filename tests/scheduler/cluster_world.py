"""A cluster in virtual time: what each effect takes, when answers can be seen, and who is stuck."""

from datetime import timedelta

from scheduler.challenge import Stage
from scheduler.events import SelfCheck, WaitAuthorization
from scheduler.runner import failing_answer
from scheduler.settings import CLUSTER
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from tests.scheduler.scripted_world import START, World, challenge

HTTP, DNS = 8, 60
"""Seconds that a worker goes on after a check that passes, before it accepts."""


class Cluster(World):
    """What is checked is seen `propagation` seconds after it was presented, by those that are not stuck.

    settle: seconds of a check that passes; verdict: of the wait for the authorization; costs: (effect -> seconds) of others.
    """

    def __init__(self, settings=CLUSTER, settle=HTTP, verdict=1, propagation=0, stuck=(), costs=None):
        super().__init__(VirtualDriver(START, VirtualNetwork(), max_events=10_000_000), settings=settings)
        self.costs = {SelfCheck: settle, WaitAuthorization: verdict, **(costs or {})}
        self.propagation = timedelta(seconds=propagation)
        self.stuck = {f"default/{name}" for name in stuck}

    def perform(self, effect):
        if isinstance(effect, SelfCheck) and not self.is_seen(effect.key):
            return failing_answer(effect, "404")
        self.takes = timedelta(seconds=self.costs.get(type(effect), 0))
        return (yield from super().perform(effect))

    def is_seen(self, key):
        shown = self.scheduler.get(key).presented_at
        return key not in self.stuck and self.driver.now() >= shown + self.propagation

    def run(self, count=0, until=None, **more):
        """Add so many, let time pass, and return the seconds until the last was done."""
        self.add(*(challenge(f"c{number:05}", **more) for number in range(count)))
        self.driver.run(until=None if until is None else START + timedelta(seconds=until))
        return (self.driver.now() - START).total_seconds()

    @property
    def done(self):
        return [each.key for each in self.scheduler.challenges if each.stage is Stage.DONE]
