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
    AcceptFailed,
    AcceptPostponed,
    Added,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    CleanUp,
    CleanUpFailed,
    Decided,
    Present,
    Presented,
    PresentFailed,
    Removed,
    Selected,
    SelfCheck,
)
from scheduler.settings import Settings
from scheduler.stages import EFFECTS, MOVES, advance, effect_of, patience

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(hours=1)
KEY = "default/web"
NEW = Challenge(KEY, "web.test", "HTTP-01", START)
EVENTS = [
    Added(NEW),
    Selected(KEY),
    Removed(KEY),
    Presented(KEY),
    PresentFailed(KEY, "no route"),
    CheckPassed(KEY),
    CheckFailed(KEY, "404"),
    AcceptPostponed(KEY, "Waiting 5s", timedelta(seconds=5)),
    Decided(KEY, "valid", ""),
    AcceptFailed(KEY, "503"),
    CleanedUp(KEY),
    CleanUpFailed(KEY, "no route"),
]
LEGAL = {
    ("queued", "Selected"): "presenting",
    ("queued", "Removed"): "done",
    ("presenting", "Presented"): "checking",
    ("presenting", "PresentFailed"): "presenting",
    ("presenting", "Removed"): "cleaning_up",
    ("checking", "CheckPassed"): "accepting",
    ("checking", "CheckFailed"): "checking",
    ("checking", "AcceptPostponed"): "checking",
    ("checking", "Removed"): "cleaning_up",
    ("accepting", "Decided"): "cleaning_up",
    ("accepting", "AcceptFailed"): "accepting",
    ("accepting", "Removed"): "cleaning_up",
    ("cleaning_up", "CleanedUp"): "done",
    ("cleaning_up", "CleanUpFailed"): "cleaning_up",
    ("cleaning_up", "Removed"): "cleaning_up",
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
        assert set(ANSWERS[effect]) == set(MOVES[stage]) - {Removed}


@pytest.mark.parametrize(
    ("stage", "effect"),
    [
        (Stage.QUEUED, None),
        (Stage.PRESENTING, Present(KEY)),
        (Stage.CHECKING, SelfCheck(KEY)),
        (Stage.ACCEPTING, Accept(KEY)),
        (Stage.CLEANING_UP, CleanUp(KEY)),
        (Stage.DONE, None),
    ],
)
def test_the_stage_names_the_effect(stage, effect):
    assert effect == effect_of(at(stage))


@pytest.mark.parametrize(
    ("before", "event", "changes"),
    [
        (at(Stage.QUEUED), Selected(KEY), {}),
        (
            at(Stage.PRESENTING, failures=3, reason="no route"),
            Presented(KEY),
            {"presented": True, "presented_at": NOW, "reason": "", "failures": 0},
        ),
        (at(Stage.PRESENTING, presented_at=START), Presented(KEY), {"presented": True}),
        (at(Stage.PRESENTING, failures=1), PresentFailed(KEY, "no route"), {"failures": 2, "reason": "no route"}),
        (
            at(Stage.CHECKING, checks=4, reason="Waiting", failures=1),
            CheckPassed(KEY),
            {"checks": 5, "reason": "", "failures": 0},
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
        (at(Stage.CHECKING, presented=True), Removed(KEY), {"removed": True}),
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
    expected = [False, True, True, True, True, False]
    assert expected == [at(stage).processing for stage in Stage]


def wait_after(before, event):
    return patience(before, event, advance(before, event, NOW), Settings()).total_seconds()


@pytest.mark.parametrize(
    ("before", "event", "seconds"),
    [
        (at(Stage.QUEUED), Selected(KEY), 0),
        (at(Stage.PRESENTING), Presented(KEY), 0),
        (at(Stage.PRESENTING), PresentFailed(KEY, "x"), 5),
        (at(Stage.PRESENTING, failures=3), PresentFailed(KEY, "x"), 40),
        (at(Stage.CHECKING), CheckPassed(KEY), 0),
        (at(Stage.CHECKING), CheckFailed(KEY, "new"), 0),
        (at(Stage.CHECKING), CheckFailed(KEY, "new", timedelta(seconds=3)), 0),
        (at(Stage.CHECKING, reason="Waiting for HTTP-01 challenge propagation: x"), CheckFailed(KEY, "x"), 10),
        (
            at(Stage.CHECKING, reason="Waiting for HTTP-01 challenge propagation: x"),
            CheckFailed(KEY, "x", timedelta(seconds=3)),
            3,
        ),
        (at(Stage.CHECKING), AcceptPostponed(KEY, "new", timedelta(seconds=3)), 3),
        (at(Stage.CHECKING, reason="old"), AcceptPostponed(KEY, "new", timedelta(seconds=30)), 10),
        (at(Stage.ACCEPTING, failures=9), AcceptFailed(KEY, "x"), 1800),
        (at(Stage.ACCEPTING), Decided(KEY, "valid", ""), 0),
        (at(Stage.CLEANING_UP, failures=1), CleanUpFailed(KEY, "x"), 10),
    ],
    ids=lambda value: value.stage.value if isinstance(value, Challenge) else str(value)[:40],
)
def test_the_effect_waits_this_long(before, event, seconds):
    assert seconds == wait_after(before, event)
