"""The workflow's table: every stage with every event."""

from datetime import UTC, datetime, timedelta
from itertools import product

import attrs
import pytest

from acme_server.protocol.problem import IllegalTransition
from scheduler.challenge import FINAL_STATES, Challenge, Stage
from scheduler.events import (
    ANSWERS,
    Accept,
    Accepted,
    AcceptFailed,
    AcceptPostponed,
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
    Requeued,
    Selected,
    SelfCheck,
    StateFetched,
    SyncFailed,
    WaitAuthorization,
    Yielded,
)
from scheduler.settings import Settings
from scheduler.stages import EFFECTS, MOVES, advance, effect_of, passed_over, patience, written
from scheduler.versions import version

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(hours=1)
KEY = "default/web"
WAITED = "Waiting for HTTP-01 challenge propagation: x"
NEW = Challenge(KEY, "web.test", "HTTP-01", START)
EVENTS = [
    Added(NEW),
    Selected(KEY),
    Removed(KEY),
    FinalizerAdded(KEY),
    StateFetched(KEY),
    SyncFailed(KEY, "503"),
    Presented(KEY),
    PresentFailed(KEY, "no route"),
    CheckPassed(KEY),
    CheckFailed(KEY, "404"),
    AcceptPostponed(KEY, "Waiting 5s", timedelta(seconds=5)),
    Yielded(KEY),
    Accepted(KEY),
    Decided(KEY, "valid", ""),
    AcceptFailed(KEY, "503"),
    CleanedUp(KEY),
    CleanUpFailed(KEY, "no route"),
    Released(KEY),
    Requeued(KEY),
]
LEGAL = {
    ("queued", "Selected"): "starting",
    ("queued", "Removed"): "done",
    ("starting", "FinalizerAdded"): "fetching",
    ("starting", "SyncFailed"): "starting",
    ("starting", "Removed"): "done",
    ("fetching", "StateFetched"): "presenting",
    ("fetching", "Decided"): "cleaning_up",
    ("fetching", "SyncFailed"): "fetching",
    ("fetching", "Removed"): "cleaning_up",
    ("presenting", "Presented"): "checking",
    ("presenting", "PresentFailed"): "presenting",
    ("presenting", "Removed"): "cleaning_up",
    ("checking", "CheckPassed"): "accepting",
    ("checking", "CheckFailed"): "checking",
    ("checking", "AcceptPostponed"): "checking",
    ("checking", "Yielded"): "cleaning_up",
    ("checking", "Removed"): "cleaning_up",
    ("accepting", "Accepted"): "validating",
    ("accepting", "Decided"): "cleaning_up",
    ("accepting", "AcceptFailed"): "checking",
    ("accepting", "Removed"): "cleaning_up",
    ("validating", "Decided"): "cleaning_up",
    ("validating", "SyncFailed"): "checking",
    ("validating", "Removed"): "cleaning_up",
    ("cleaning_up", "CleanedUp"): "releasing",
    ("cleaning_up", "CleanUpFailed"): "cleaning_up",
    ("cleaning_up", "Removed"): "cleaning_up",
    ("releasing", "Released"): "done",
    ("releasing", "SyncFailed"): "releasing",
    ("releasing", "Removed"): "done",
    ("done", "Requeued"): "queued",
}


def at(stage, **more):
    return attrs.evolve(NEW, stage=stage, **more)


def name(value):
    return value.value if isinstance(value, Stage) else type(value).__name__


@pytest.mark.parametrize(("stage", "event"), list(product(Stage, EVENTS)), ids=name)
def test_every_event_at_every_stage_moves_as_it_may_or_is_refused(stage, event):
    before = at(stage, failures=2, reason="because")
    copy = attrs.evolve(before)
    expected = LEGAL.get((stage.value, type(event).__name__))
    if expected is None:
        with pytest.raises(IllegalTransition, match=f"{KEY} is {stage.value}: no move {type(event).__name__}"):
            advance(before, event, NOW)
    else:
        assert expected == advance(before, event, NOW).stage.value
    assert copy == before


def test_every_stage_has_its_row_in_both_tables():
    assert list(Stage) == list(MOVES) == list(EFFECTS)


def test_every_effect_belongs_to_one_stage_and_each_of_its_answers_is_a_move_there():
    asked = {effect: stage for stage, effect in EFFECTS.items() if effect}
    assert asked.keys() == ANSWERS.keys()
    for effect, stage in asked.items():
        assert set(ANSWERS[effect]) == set(MOVES[stage]) - {Removed, Yielded}


@pytest.mark.parametrize(
    ("stage", "effect"),
    [
        (Stage.QUEUED, None),
        (Stage.STARTING, AddFinalizer(KEY)),
        (Stage.FETCHING, FetchState(KEY)),
        (Stage.PRESENTING, Present(KEY)),
        (Stage.CHECKING, SelfCheck(KEY)),
        (Stage.ACCEPTING, Accept(KEY)),
        (Stage.VALIDATING, WaitAuthorization(KEY)),
        (Stage.CLEANING_UP, CleanUp(KEY)),
        (Stage.RELEASING, Release(KEY)),
        (Stage.DONE, None),
    ],
)
def test_the_stage_names_the_effect(stage, effect):
    assert effect == effect_of(at(stage))


@pytest.mark.parametrize(
    ("before", "event", "changes"),
    [
        (at(Stage.QUEUED), Selected(KEY), {}),
        (at(Stage.STARTING, failures=2), FinalizerAdded(KEY), {"failures": 0}),
        (at(Stage.FETCHING, failures=1), StateFetched(KEY), {"failures": 0}),
        (at(Stage.FETCHING, failures=1), SyncFailed(KEY, "503"), {"failures": 2, "reason": "503"}),
        (
            at(Stage.PRESENTING, failures=3, reason="no route"),
            Presented(KEY),
            {"presented": True, "presented_at": NOW, "reason": ""},
        ),
        (at(Stage.PRESENTING, presented_at=START), Presented(KEY), {"presented": True}),
        (at(Stage.PRESENTING, failures=1), PresentFailed(KEY, "no route"), {"failures": 2, "reason": "no route"}),
        (
            at(Stage.CHECKING, checks=4, reason="Waiting", failures=1),
            CheckPassed(KEY),
            {"checks": 5, "reason": ""},
        ),
        (
            at(Stage.CHECKING),
            CheckFailed(KEY, "wrong status code '404', expected '200'"),
            {
                "checks": 1,
                "reason": "Waiting for HTTP-01 challenge propagation: wrong status code '404', expected '200'",
            },
        ),
        (
            at(Stage.CHECKING, type="DNS-01", failures=1),
            CheckFailed(KEY, "no TXT"),
            {"checks": 1, "reason": "Waiting for DNS-01 challenge propagation: no TXT", "failures": 0},
        ),
        (
            at(Stage.ACCEPTING, failures=2, reason="503"),
            Decided(KEY, "valid", "anything"),
            {"state": "valid", "reason": "Successfully authorized domain", "failures": 0},
        ),
        (
            at(Stage.ACCEPTING),
            Decided(KEY, "invalid", "Error accepting authorization: 403"),
            {"state": "invalid", "reason": "Error accepting authorization: 403"},
        ),
        (at(Stage.ACCEPTING, failures=1), AcceptFailed(KEY, "503"), {"failures": 2, "reason": "503"}),
        (
            at(Stage.CLEANING_UP, state="valid", reason="Successfully authorized domain", presented=True, failures=1),
            CleanedUp(KEY),
            {"presented": False, "failures": 0},
        ),
        (
            at(Stage.CLEANING_UP, state="valid", presented=True),
            CleanUpFailed(KEY, "no route"),
            {"failures": 1, "reason": "Error cleaning up challenge: no route"},
        ),
        (at(Stage.RELEASING, failures=1), Released(KEY), {"failures": 0}),
        (at(Stage.CHECKING, presented=True), Removed(KEY), {"removed": True}),
        (at(Stage.CHECKING, checks=3), Yielded(KEY), {}),
        (
            at(Stage.DONE, checks=3, presented_at=START, reason=WAITED),
            Requeued(KEY),
            {"returned": NOW, "presented_at": None, "checks": 0, "reason": ""},
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, Challenge) else value.stage.value,
)
def test_a_move_changes_exactly_this(before, event, changes):
    stage = MOVES[before.stage][type(event)]
    assert attrs.evolve(before, stage=stage, **changes) == advance(before, event, NOW)


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_every_final_state_is_a_verdict(state):
    decided = advance(at(Stage.ACCEPTING), Decided(KEY, state, "because"), NOW)
    assert (state, True) == (decided.state, decided.final)


@pytest.mark.parametrize("state", ["", "pending", "processing", "ready", "VALID"])
def test_no_other_state_is_a_verdict(state):
    with pytest.raises(IllegalTransition, match="is no verdict"):
        advance(at(Stage.ACCEPTING), Decided(KEY, state, ""), NOW)


def test_only_what_holds_a_slot_is_processing():
    expected = [False, *(len(Stage) - 2) * [True], False]
    assert expected == [at(stage).processing for stage in Stage]


def after(before, event):
    return advance(before, event, NOW)


@pytest.mark.parametrize(
    ("before", "event", "seconds"),
    [
        (at(Stage.FETCHING), SyncFailed(KEY, "x"), 5),
        (at(Stage.PRESENTING), PresentFailed(KEY, "x"), 5),
        (at(Stage.PRESENTING, failures=3), PresentFailed(KEY, "x"), 40),
        (at(Stage.CHECKING), CheckFailed(KEY, "x"), 10),
        (at(Stage.CHECKING), CheckFailed(KEY, "x", timedelta(seconds=3)), 3),
        (at(Stage.CHECKING), AcceptPostponed(KEY, "new", timedelta(seconds=3)), 3),
        (at(Stage.CHECKING), AcceptPostponed(KEY, "new", timedelta(seconds=30)), 10),
        (at(Stage.ACCEPTING, failures=9), AcceptFailed(KEY, "x"), 1800),
        (at(Stage.VALIDATING), SyncFailed(KEY, "x"), 5),
        (at(Stage.CLEANING_UP, failures=1), CleanUpFailed(KEY, "x"), 10),
    ],
    ids=lambda value: value.stage.value if isinstance(value, Challenge) else str(value)[:40],
)
def test_what_failed_comes_again_after_this_long(before, event, seconds):
    assert timedelta(seconds=seconds) == patience(event, after(before, event), Settings())


@pytest.mark.parametrize(
    ("before", "event"),
    [
        (at(Stage.STARTING), FinalizerAdded(KEY)),
        (at(Stage.VALIDATING), Decided(KEY, "valid", "")),
        (at(Stage.CLEANING_UP), CleanedUp(KEY)),
        (at(Stage.RELEASING), Released(KEY)),
    ],
    ids=name,
)
def test_success_does_not_come_again(before, event):
    assert patience(event, after(before, event), Settings()) is None


@pytest.mark.parametrize(
    ("before", "event", "news"),
    [
        (at(Stage.STARTING), FinalizerAdded(KEY), True),
        (at(Stage.PRESENTING), PresentFailed(KEY, "x"), True),
        (at(Stage.PRESENTING, reason="x"), PresentFailed(KEY, "x"), False),
        (at(Stage.CHECKING), CheckFailed(KEY, "x"), True),
        (at(Stage.CHECKING, reason=WAITED), CheckFailed(KEY, "x"), False),
        (at(Stage.CHECKING, reason="Waiting 9s"), AcceptPostponed(KEY, "Waiting 8s", timedelta(seconds=8)), False),
        (at(Stage.FETCHING), SyncFailed(KEY, "x"), False),
        (at(Stage.CLEANING_UP), CleanUpFailed(KEY, "x"), True),
        (at(Stage.CLEANING_UP, reason="Error cleaning up challenge: x"), CleanUpFailed(KEY, "x"), False),
    ],
    ids=lambda value: value.stage.value if isinstance(value, Challenge) else str(value)[:40],
)
def test_a_new_stage_and_a_new_reason_are_written(before, event, news):
    assert news == written(before, event, after(before, event))


@pytest.mark.parametrize(
    ("settings", "stages"),
    [
        (Settings(), {Stage.STARTING: Stage.PRESENTING, Stage.RELEASING: Stage.DONE}),
        (Settings(version=version("1.19")), {Stage.RELEASING: Stage.DONE}),
        (Settings(version=version("1.20")), {}),
    ],
    ids=["ours", "1.19", "1.20"],
)
def test_steps_that_only_a_cluster_takes_are_passed_over(settings, stages):
    assert stages == passed_over(settings)
