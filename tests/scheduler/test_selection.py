"""The rule, against upstream's unit tests (scheduler_test.go:TestScheduleN) and upstream's own answers."""

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.challenge import Challenge
from scheduler.selection import select
from scheduler.traces import parse_trace

TRACES = (Path(__file__).parent.parent / "fixtures" / "scheduler-traces.jsonl").read_bytes().splitlines()
ZERO = datetime(1, 1, 1, tzinfo=UTC)
FINAL = ("valid", "invalid", "expired", "errored")


@attrs.frozen
class Item:
    key: str
    dns_name: str
    type: str = ""
    created: datetime = ZERO
    processing: bool = False
    state: str = ""

    @property
    def final(self):
        return self.state in FINAL


def item(key, dns_name="example.com", ts=None, **more):
    created = ZERO if ts is None else datetime.fromtimestamp(ts, UTC)
    return Item(key, dns_name, created=created, **more)


def ascending(count, **more):
    return [item(f"test-{number}", f"test-{number}", number, type="HTTP-01", **more) for number in range(count)]


def names(items):
    return [each.key for each in items]


RANDOM_NAME = "rvrko.example.com"
UPSTREAM = [
    pytest.param(5, ascending(1), names(ascending(1)), id="1 one challenge"),
    pytest.param(5, ascending(10), names(ascending(5)), id="2 the five oldest"),
    pytest.param(120, ascending(120), names(ascending(60)), id="3 the cap before the limit"),
    pytest.param(60, ascending(240), names(ascending(60)), id="4 many more than the cap"),
    pytest.param(5, [item("test"), item("test2", state="valid")], ["test"], id="5 a final one does not compete"),
    pytest.param(5, [item("test", ts=2), item("test2", ts=1)], ["test2"], id="6 the older duplicate"),
    pytest.param(5, [item("test2", ts=1), item("test", ts=2)], ["test2"], id="7 in either order"),
    pytest.param(
        5,
        [item("test1", type="DNS-01"), item("test2", type="HTTP-01")],
        ["test1", "test2"],
        id="8 types do not conflict",
    ),
    pytest.param(
        5, [item("test2", type="HTTP-01"), item("test1", type="DNS-01")], ["test1", "test2"], id="9 in either order"
    ),
    pytest.param(
        5,
        [
            item("test1-0", RANDOM_NAME, type="DNS-01"),
            item("test1-1", RANDOM_NAME, type="DNS-01", processing=True),
            item("should-schedule", "aodob.example.com", type="DNS-01"),
        ],
        ["should-schedule"],
        id="10 a wildcard is no other name",
    ),
    pytest.param(
        5,
        ascending(60, processing=True) + [item(f"new-{number}", f"fresh{number}.test") for number in range(5)],
        [],
        id="11 no slot is free",
    ),
    pytest.param(5, [item("test"), item("test2", processing=True)], [], id="12 its twin is in progress"),
    pytest.param(
        5, [item("test", processing=True), item("test2", processing=True)], [], id="13 both are in progress already"
    ),
    pytest.param(5, [item("test2", state="valid")], [], id="14 final"),
]


@pytest.mark.seed("K35", "K36")
@pytest.mark.parametrize(("limit", "challenges", "expected"), UPSTREAM)
def test_the_selection_is_upstreams(limit, challenges, expected):
    assert expected == names(select(challenges, limit))


@pytest.mark.seed("K36")
@pytest.mark.parametrize("state", FINAL)
def test_a_final_challenge_that_still_holds_its_slot_counts_and_blocks_its_name(state):
    held = item("held", processing=True, state=state)
    assert select([held, item("twin")], 5) == []
    assert select([held, item("other", "other.test")], 5, maximum=1) == []


@pytest.mark.parametrize("state", FINAL)
def test_a_final_challenge_is_never_selected(state):
    assert select([item("over", state=state)], 5) == []


@pytest.mark.parametrize("state", ["", "pending", "processing", "ready", "unknown"])
def test_a_challenge_in_any_other_state_is_selected(state):
    assert names(select([item("open", state=state)], 5)) == ["open"]


def test_one_name_in_two_namespaces_runs_once():
    twins = [item("b/web", ts=1), item("a/web", ts=2)]
    assert names(select(twins, 5)) == ["b/web"]


def test_whether_a_challenge_is_being_deleted_is_not_looked_at():
    web = Challenge("a/web", "web.test", "HTTP-01", ZERO, removed=True)
    assert select([web], 5) == [web]


def test_a_limit_of_none_selects_nobody():
    assert select(ascending(3), 0) == []


def test_more_in_progress_than_the_lowered_cap_selects_nobody():
    assert select([*ascending(5, processing=True), item("new")], 5, maximum=3) == []


def test_a_younger_duplicate_is_not_promoted_when_its_elder_is_blocked():
    challenges = [item("elder", ts=1), item("younger", ts=2), item("running", processing=True)]
    assert select(challenges, 5) == []


def test_names_are_compared_byte_by_byte():
    assert names(select([item("small", "example.com"), item("big", "Example.com")], 5)) == ["big", "small"]


def test_ties_keep_the_order_of_name_and_type():
    tied = [
        item("c", "b.test", 1, type="HTTP-01"),
        item("a", "a.test", 1, type="HTTP-01"),
        item("b", "b.test", 1, type="DNS-01"),
    ]
    for order in permutations(tied):
        assert names(select(order, 5)) == ["a", "b", "c"]


def test_of_two_twins_of_the_same_moment_the_first_in_the_list_runs():
    assert names(select([item("first", ts=1), item("second", ts=1)], 5)) == ["first"]


@pytest.mark.parametrize("line", TRACES, ids=lambda line: f"{len(line)} bytes")
def test_a_recorded_input_gives_what_upstream_gave(line):
    trace = parse_trace(line)
    assert json.loads(line)["expected"] == names(select(trace.challenges, trace.limit, trace.maximum))


def test_there_are_forty_traces():
    assert len(TRACES) == 40


def literally(challenges, limit, maximum):
    """The eight steps of upstream's function, one by one, as slowly as they read."""
    in_progress = [each for each in challenges if each.processing]
    if len(in_progress) >= maximum:
        return []
    candidates = [each for each in challenges if not each.final and not each.processing]
    candidates.sort(key=lambda each: (each.dns_name, each.type, each.created))
    unique = [
        each
        for position, each in enumerate(candidates)
        if position == 0
        or (candidates[position - 1].dns_name, candidates[position - 1].type) != (each.dns_name, each.type)
    ]
    free = [
        each
        for each in unique
        if not any(each.dns_name == busy.dns_name and each.type == busy.type for busy in in_progress)
    ]
    free.sort(key=lambda each: each.created)
    return free[: min(limit, max(0, maximum - len(in_progress)))]


ITEMS = st.builds(
    Item,
    key=st.just("x"),
    dns_name=st.sampled_from(["a.test", "b.test", "c.test", "d.test"]),
    type=st.sampled_from(["HTTP-01", "DNS-01"]),
    created=st.integers(0, 5).map(lambda seconds: ZERO + timedelta(seconds=seconds)),
    processing=st.booleans(),
    state=st.sampled_from(["", "pending", "valid"]),
)


@given(st.lists(ITEMS, max_size=20), st.integers(0, 8), st.integers(0, 8))
def test_the_selection_is_what_the_steps_give_one_by_one(items, limit, maximum):
    named = [attrs.evolve(each, key=str(number)) for number, each in enumerate(items)]
    assert names(literally(named, limit, maximum)) == names(select(named, limit, maximum))
