"""A world whose outcomes are written down beforehand, for any driver."""

from collections import deque
from datetime import UTC, datetime, timedelta

from acme_server.protocol.vantage import pause
from scheduler.challenge import Challenge
from scheduler.events import (
    Accept,
    Accepted,
    AddFinalizer,
    CheckPassed,
    CleanedUp,
    CleanUp,
    Decided,
    FetchState,
    FinalizerAdded,
    Present,
    Presented,
    Release,
    Released,
    SelfCheck,
    StateFetched,
    WaitAuthorization,
)
from scheduler.runner import Scheduler, failing_answer
from scheduler.settings import Settings
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork

START = datetime(2026, 1, 1, tzinfo=UTC)
SUCCESS = {
    AddFinalizer: FinalizerAdded,
    FetchState: StateFetched,
    Present: Presented,
    SelfCheck: CheckPassed,
    Accept: Accepted,
    CleanUp: CleanedUp,
    Release: Released,
}


def seconds(number):
    return timedelta(seconds=number)


def challenge(name, dns_name=None, created=0, **more):
    more = {"type": "HTTP-01", **more}
    return Challenge(f"default/{name}", dns_name or f"{name}.test", created=START + seconds(created), **more)


class World:
    """Performs effects; each takes `takes` and succeeds, unless a script says otherwise.

    script: (name, effect type) -> outcomes in turn: None for success, a text
    for the failing answer, an exception to raise, or an event. When a script
    runs out, the effect succeeds.
    """

    def __init__(self, driver, script=None, settings=None, takes=0):
        self.driver = driver
        self.script = {key: deque(outcomes) for key, outcomes in (script or {}).items()}
        self.takes = seconds(takes)
        self.facts = []
        self.changes = []
        self.shown = {}
        self.on_change = lambda _: None
        self.scheduler = Scheduler(driver, self.perform, self.record, self.changed, settings or Settings())

    def perform(self, effect):
        yield from pause(self.takes)
        outcomes = self.script.get((effect.key.removeprefix("default/"), type(effect)))
        outcome = outcomes.popleft() if outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, str):
            return failing_answer(effect, outcome)
        return outcome or self.succeed(effect)

    def succeed(self, effect):
        match effect:
            case Present():
                self.shown[effect.key] = self.shown.get(effect.key, 0) + 1
            case WaitAuthorization():
                return Decided(effect.key, "valid", "")
            case CleanUp():
                self.shown.pop(effect.key, None)
        return SUCCESS[type(effect)](effect.key)

    def record(self, facts):
        now = self.driver.now()
        self.facts += [(now, fact) for fact in facts]

    def changed(self, challenge):
        self.changes.append(challenge)
        self.on_change(challenge)

    def add(self, *challenges):
        for each in challenges:
            self.scheduler.add(each)

    def get(self, name):
        return self.scheduler.get(f"default/{name}")

    def kinds(self, name):
        """What happened to a challenge."""
        return [fact.kind for _, fact in self.facts if fact.subject["challenge"] == f"default/{name}"]

    def moments(self, kind, name=None):
        """When something happened, in seconds since the start."""
        return [
            (at - START).total_seconds()
            for at, fact in self.facts
            if fact.kind == kind and name in (None, fact.subject["challenge"].removeprefix("default/"))
        ]


def virtual_world(script=None, settings=None, takes=0):
    """A world in virtual time, from START."""
    return World(VirtualDriver(START, VirtualNetwork()), script, settings, takes)
