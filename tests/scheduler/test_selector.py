"""The queue that is kept in order between passes decides what the pure rule decides, whatever happens in between."""

from datetime import UTC, datetime, timedelta

import attrs
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scheduler.challenge import Challenge, Stage
from scheduler.policies import first_come
from scheduler.selection import select
from scheduler.selector import Selector

START = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 3).map(lambda seconds: START + timedelta(seconds=seconds))
STAGES = [Stage.QUEUED, Stage.PRESENTING, Stage.CLEANING_UP, Stage.DONE]


class Passes(RuleBasedStateMachine):
    """Challenges in the order in which they queued, and the two that look at them."""

    def __init__(self):
        super().__init__()
        self.selector = Selector(3)
        self.challenges = {}
        self.born = 0

    def become(self, key, after):
        before = self.challenges.get(key)
        if after is not None and after.stage is Stage.DONE:
            after = attrs.evolve(after, state="valid")
        if after is None or (before is not None and after.stage is Stage.QUEUED):
            del self.challenges[key]
        if after is not None:
            self.challenges[key] = after
        self.selector.note(before, after)

    def expected(self, limit):
        return select(self.challenges.values(), limit, self.selector.maximum, first_come)

    @rule(
        name=st.sampled_from("abc"),
        kind=st.sampled_from(["HTTP-01", "DNS-01"]),
        created=MOMENTS,
        stage=st.sampled_from([*2 * [Stage.QUEUED], *STAGES]),
        state=st.sampled_from(["", "", "", "valid"]),
    )
    def add(self, name, kind, created, stage, state):
        self.born += 1
        self.become(f"c{self.born}", Challenge(f"c{self.born}", name, kind, created, stage=stage, state=state))

    @precondition(lambda self: self.challenges)
    @rule(data=st.data(), stage=st.sampled_from(STAGES), returned=MOMENTS)
    def change(self, data, stage, returned):
        before = self.challenges[data.draw(st.sampled_from(sorted(self.challenges)))]
        self.become(before.key, attrs.evolve(before, stage=stage, returned=returned))

    @precondition(lambda self: self.challenges)
    @rule(data=st.data())
    def remove(self, data):
        self.become(data.draw(st.sampled_from(sorted(self.challenges))), None)

    @rule(maximum=st.integers(1, 6))
    def set_the_cap(self, maximum):
        self.selector.maximum = maximum

    @rule(limit=st.integers(0, 4))
    def make_a_pass(self, limit):
        expected, started = self.expected(limit), []
        while len(started) < limit and (challenge := self.selector.first()) is not None:
            self.become(challenge.key, attrs.evolve(challenge, stage=Stage.STARTING))
            started.append(challenge)
        assert expected == started

    @invariant()
    def the_first_is_the_first(self):
        first = self.selector.first()
        assert self.expected(1) == ([] if first is None else [first])

    @invariant()
    def the_slots_are_counted(self):
        assert self.selector.slots == sum(each.processing for each in self.challenges.values())


TestPasses = Passes.TestCase
TestPasses.settings = hypothesis_settings(max_examples=150, stateful_step_count=40, deadline=None)
