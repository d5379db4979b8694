"""Whatever happens: the cap and the names are respected, decisions are upstream's, and nothing stays shown.

A state machine plays the world: it answers effects in any order, lets them
fail half-way, removes challenges, lets time pass and restarts the engine.
When each run ends the world heals, and then everything must come clean.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta

import attrs
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scheduler.challenge import Challenge, Stage
from scheduler.engine import Engine, Settings
from scheduler.events import (
    Accept,
    Accepted,
    AcceptFailed,
    Added,
    AddFinalizer,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    CleanUp,
    CleanUpFailed,
    Decided,
    FetchState,
    FinalizerAdded,
    Present,
    Presented,
    PresentFailed,
    Release,
    Released,
    Removed,
    SelfCheck,
    StateFetched,
    SyncFailed,
    WaitAuthorization,
)
from scheduler.policies import Policy, first_come
from scheduler.selection import select
from scheduler.settings import CLUSTER

START = datetime(2026, 1, 1, tzinfo=UTC)
CAP = 3
NAMES = st.sampled_from(["a.test", "b.test", "c.test"])
TYPES = st.sampled_from(["HTTP-01", "DNS-01"])


def answer_to(effect, works, state="valid"):
    key = effect.key
    match effect:
        case Present():
            return Presented(key) if works else PresentFailed(key, "no route")
        case SelfCheck():
            return CheckPassed(key) if works else CheckFailed(key, "404")
        case Accept():
            return Accepted(key) if works else AcceptFailed(key, "503")
        case WaitAuthorization():
            return Decided(key, state, "") if works else SyncFailed(key, "no verdict")
        case CleanUp():
            return CleanedUp(key) if works else CleanUpFailed(key, "no route")
    written = {AddFinalizer: FinalizerAdded, FetchState: StateFetched, Release: Released}[type(effect)]
    return written(key) if works else SyncFailed(key, "409")


class World(RuleBasedStateMachine):
    """The engine, and what it asked of the world."""

    settings = Settings(max_concurrent=CAP)

    def __init__(self):
        super().__init__()
        self.engine = Engine(self.settings)
        self.now = START
        self.born = 0
        self.asked = {}
        self.shown = {}
        self.history = Counter()

    def do(self, step):
        self.history.update(fact.kind for fact in step.facts)
        for effect in step.effects:
            assert effect.key not in self.asked, "two effects of one challenge are in flight"
            self.asked[effect.key] = effect
        for challenge in step.changed:
            kept = self.engine.get(challenge.key)
            assert challenge == kept or (kept is None and challenge.removed and challenge.stage is Stage.DONE)
        started = [fact.subject["challenge"] for fact in step.facts if fact.kind == "ChallengeScheduled"]
        self.starts(started, self.before(started))

    def starts(self, started, before):
        assert started == [each.key for each in select(before, CAP, CAP)]

    def before(self, started):
        """The challenges as they were when the engine selected."""
        return [
            attrs.evolve(each, stage=Stage.QUEUED) if each.key in started else each for each in self.engine.challenges
        ]

    def perform(self, effect, works, half):
        """Let the world change; a failed effect may have done its work all the same."""
        del self.asked[effect.key]
        if isinstance(effect, Present) and (works or half):
            self.shown[effect.key] = True
        if isinstance(effect, CleanUp) and (works or half):
            self.shown.pop(effect.key, None)

    @rule(name=NAMES, kind=TYPES, age=st.integers(0, 4))
    def add(self, name, kind, age):
        self.born += 1
        created = START - timedelta(seconds=age)
        self.do(self.engine.handle(Added(Challenge(f"ns/c{self.born}", name, kind, created)), self.now))

    @precondition(lambda self: self.engine.challenges)
    @rule(data=st.data())
    def remove(self, data):
        key = data.draw(st.sampled_from([each.key for each in self.engine.challenges]))
        self.do(self.engine.handle(Removed(key), self.now))

    @precondition(lambda self: self.asked)
    @rule(
        data=st.data(), works=st.booleans(), half=st.booleans(), state=st.sampled_from(["valid", "invalid", "errored"])
    )
    def answer(self, data, works, half, state):
        effect = self.asked[data.draw(st.sampled_from(list(self.asked)))]
        self.perform(effect, works, half)
        self.do(self.engine.handle(answer_to(effect, works, state), self.now))

    @rule(seconds=st.integers(0, 20))
    def wait(self, seconds):
        self.now += timedelta(seconds=seconds)
        self.do(self.engine.tick(self.now))

    @rule(half=st.booleans())
    def restart(self, half):
        """Effects in flight are lost, with or without their work done."""
        for effect in list(self.asked.values()):
            self.perform(effect, works=False, half=half)
        left = sorted(self.engine.challenges, key=lambda challenge: not challenge.processing)
        self.engine = Engine(self.settings)
        for challenge in left:
            self.do(self.engine.handle(Added(challenge), self.now))

    @invariant()
    def never_more_than_the_cap_at_once(self):
        assert self.engine.slots == sum(each.processing for each in self.engine.challenges) <= CAP

    @invariant()
    def never_two_of_one_name_and_type_at_once(self):
        busy = Counter(each.conflict_key for each in self.engine.challenges if each.processing)
        assert set(busy.values()) <= {1}

    @invariant()
    def never_an_older_one_of_the_same_name_left_waiting_by_a_start(self):
        waiting = [each for each in self.engine.challenges if each.stage is Stage.QUEUED]
        free = CAP - self.engine.slots
        assert not free or select(self.engine.challenges, CAP, CAP) == [], waiting

    @invariant()
    def whatever_is_shown_belongs_to_somebody_who_will_take_it_away(self):
        for key in self.shown:
            assert self.engine.get(key).processing

    @invariant()
    def whoever_is_processing_waits_for_an_answer_or_for_a_moment(self):
        due = self.engine.deadline() is not None
        busy = len(self.asked) == self.settings.workers
        for challenge in self.engine.challenges:
            assert not challenge.processing or challenge.key in self.asked or due or busy

    def teardown(self):
        """The world heals: every effect works, time passes as it must, and all come clean."""
        while self.asked or self.engine.deadline():
            for effect in list(self.asked.values()):
                self.perform(effect, works=True, half=False)
                self.do(self.engine.handle(answer_to(effect, works=True), self.now))
            if deadline := self.engine.deadline():
                self.now = max(self.now, deadline[0])
                self.do(self.engine.tick(self.now))
        assert {each.stage for each in self.engine.challenges} <= {Stage.DONE}
        assert all(each.final and not each.presented for each in self.engine.challenges)
        assert (self.shown, self.engine.slots) == ({}, 0)
        self.look_back()

    def look_back(self):
        assert self.history["ChallengeScheduled"] == self.history["ChallengeCleanedUp"]


class Cluster(World):
    """The same with ticks, workers, the steps of a cluster, and a policy that is not patient."""

    settings = attrs.evolve(CLUSTER, max_concurrent=CAP, workers=2, starts_per_tick=2, policy=Policy(patience=3))

    def starts(self, started, before):
        """Only a pass starts anybody, and it starts whom it should."""
        assert started in ([], [each.key for each in select(before, 2, CAP, first_come)])

    @invariant()
    def never_an_older_one_of_the_same_name_left_waiting_by_a_start(self):
        """Nobody who could start is forgotten: a pass is due."""
        if select(self.engine.challenges, 1, CAP, first_come):
            assert self.engine.deadline()[0] <= self.now + self.settings.tick

    @invariant()
    def never_more_effects_than_workers(self):
        assert len(self.asked) <= self.settings.workers

    def look_back(self):
        """Who is removed before its finalizer stands needs no clean-up, and who comes back is started again."""
        assert self.history["ChallengeScheduled"] >= self.history["ChallengeCleanedUp"]
        assert self.history["SlotYielded"] >= self.history["ChallengeRequeued"]


TestWorld = World.TestCase
TestCluster = Cluster.TestCase
TestWorld.settings = TestCluster.settings = hypothesis_settings(max_examples=100, stateful_step_count=40, deadline=None)
