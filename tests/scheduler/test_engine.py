"""The engine, event by event, without a driver."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import IllegalTransition
from scheduler.challenge import Challenge, Stage
from scheduler.engine import Engine, Settings, Step
from scheduler.events import (
    Accept,
    Accepted,
    AcceptFailed,
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
    SelfCheck,
    SyncFailed,
    WaitAuthorization,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "default/web"
WEB = Challenge(KEY, "web.test", "HTTP-01", START)
TWIN = Challenge("default/twin", "web.test", "HTTP-01", START + timedelta(seconds=1))
OTHER = Challenge("default/other", "other.test", "HTTP-01", START + timedelta(seconds=2))

TO_PRESENTING = [Added(WEB)]
TO_CHECKING = [*TO_PRESENTING, Presented(KEY)]
TO_ACCEPTING = [*TO_CHECKING, CheckPassed(KEY)]
TO_VALIDATING = [*TO_ACCEPTING, Accepted(KEY)]
TO_CLEANING_UP = [*TO_VALIDATING, Decided(KEY, "valid", "")]
TO_DONE = [*TO_CLEANING_UP, CleanedUp(KEY)]


def engine_after(events, **settings):
    engine = Engine(Settings(**settings))
    for event in events:
        engine.handle(event, START)
    return engine


def kinds(step):
    return [fact.kind for fact in step.facts]


@pytest.mark.parametrize(
    ("events", "fact", "effect"),
    [
        (TO_PRESENTING, "ChallengeScheduled", Present(KEY)),
        (TO_CHECKING, "ChallengePresented", SelfCheck(KEY)),
        (TO_ACCEPTING, "SelfCheckPassed", Accept(KEY)),
        (TO_VALIDATING, "ChallengeAccepted", WaitAuthorization(KEY)),
        (TO_CLEANING_UP, "ChallengeDecided", CleanUp(KEY)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_success_leads_to_the_next_effect(events, fact, effect):
    engine = engine_after(events[:-1])
    step = engine.handle(events[-1], START)
    assert (kinds(step)[-1], step.effects) == (fact, (effect,))
    assert step.changed == (engine.get(KEY),)


def test_a_finished_challenge_is_kept_until_it_is_removed():
    engine = engine_after(TO_DONE)
    assert (engine.get(KEY).stage, engine.get(KEY).state, engine.slots) == (Stage.DONE, "valid", 0)
    assert kinds(engine.handle(Removed(KEY), START)) == ["ChallengeRemoved"]
    assert engine.challenges == ()


@pytest.mark.parametrize(
    ("events", "failure", "effect"),
    [
        (TO_PRESENTING, PresentFailed(KEY, "no route"), Present(KEY)),
        (TO_CLEANING_UP, CleanUpFailed(KEY, "no route"), CleanUp(KEY)),
    ],
    ids=["present", "clean up"],
)
def test_a_failure_is_tried_again_at_once_for_its_new_reason_and_then_when_its_backoff_is_over(events, failure, effect):
    """The first backoff still counts when the second begins: of two moments the earlier is kept."""
    engine = engine_after(events)
    stage = engine.get(KEY).stage
    now = START
    assert engine.handle(failure, now).effects == (effect,)
    for wait in (5, 20, 40):
        assert engine.handle(failure, now).effects == ()
        due = now + timedelta(seconds=wait)
        assert engine.deadline() == (due, f"{stage} {KEY} again")
        assert engine.tick(due - timedelta(microseconds=1)) == Step()
        assert engine.tick(due) == Step(effects=(effect,))
        assert engine.deadline() is None
        now = due


@pytest.mark.parametrize(
    ("events", "failure", "at_once"),
    [(TO_ACCEPTING, AcceptFailed(KEY, "503"), (SelfCheck(KEY),)), (TO_VALIDATING, SyncFailed(KEY, "no verdict"), ())],
    ids=["accept", "wait"],
)
def test_without_a_verdict_the_answer_is_looked_for_again(events, failure, at_once):
    """What upstream writes into the status wakes its controller: that accepting failed, not that there is no verdict."""
    engine = engine_after([*TO_CHECKING, CheckFailed(KEY, "404"), *events[2:]])
    assert engine.handle(failure, START).effects == at_once
    assert engine.get(KEY).stage is Stage.CHECKING
    assert engine.deadline() == (START + timedelta(seconds=5), f"checking {KEY} again")


def test_a_failed_self_check_is_repeated_at_once_and_then_every_retry_period():
    engine = engine_after(TO_CHECKING)
    assert engine.handle(CheckFailed(KEY, "404"), START).effects == (SelfCheck(KEY),)
    assert engine.handle(CheckFailed(KEY, "404"), START).effects == ()
    assert engine.deadline() == (START + timedelta(seconds=10), f"checking {KEY} again")


@pytest.mark.seed("K32")
def test_a_slot_is_held_until_the_clean_up_worked_and_then_goes_to_the_next():
    engine = engine_after([*TO_CLEANING_UP, Added(TWIN), Added(OTHER)], max_concurrent=1)
    engine.handle(CleanUpFailed(KEY, "no route"), START)
    assert [each.processing for each in engine.challenges] == [True, False, False]
    engine.tick(START + timedelta(seconds=5))
    step = engine.handle(CleanedUp(KEY), START)
    assert kinds(step) == ["ChallengeCleanedUp", "ChallengeScheduled"]
    assert step.effects == (Present("default/twin"),)
    assert [each.key for each in step.changed] == [KEY, "default/twin"]


def test_a_twin_waits_while_others_run_beside():
    engine = engine_after([Added(WEB), Added(TWIN), Added(OTHER)])
    assert [each.stage for each in engine.challenges] == [Stage.PRESENTING, Stage.QUEUED, Stage.PRESENTING]


def test_facts_say_who_and_how_many_slots_are_in_use():
    engine = engine_after([Added(OTHER)])
    data = {"dns_name": "web.test", "type": "HTTP-01"}
    subject = {"challenge": KEY}
    created = {"created": "2026-01-01T00:00:00.000000Z", "wildcard": False}
    assert engine.handle(Added(WEB), START).facts == (
        Fact("ChallengeQueued", subject, {**data, "slots": 1, **created}),
        Fact("ChallengeScheduled", subject, {**data, "slots": 2}),
    )
    engine.handle(Presented(KEY), START)
    reason = "Waiting for HTTP-01 challenge propagation: 404"
    assert engine.handle(CheckFailed(KEY, "404"), START).facts == (
        Fact("SelfCheckFailed", subject, {**data, "slots": 2, "reason": reason, "checks": 1}),
    )
    engine.handle(CheckPassed(KEY), START)
    assert engine.handle(Decided(KEY, "invalid", "403"), START).facts == (
        Fact("ChallengeDecided", subject, {**data, "slots": 2, "reason": "403", "state": "invalid"}),
    )
    assert engine.handle(CleanedUp(KEY), START).facts == (Fact("ChallengeCleanedUp", subject, {**data, "slots": 1}),)


@pytest.mark.parametrize(
    ("stage", "effects"),
    [
        (Stage.PRESENTING, (Present(KEY),)),
        (Stage.CHECKING, (SelfCheck(KEY),)),
        (Stage.ACCEPTING, (Accept(KEY),)),
        (Stage.VALIDATING, (WaitAuthorization(KEY),)),
        (Stage.CLEANING_UP, (CleanUp(KEY),)),
        (Stage.DONE, ()),
    ],
)
def test_a_challenge_that_was_left_in_the_middle_goes_on_from_there(stage, effects):
    engine = Engine(Settings())
    step = engine.handle(Added(attrs.evolve(WEB, stage=stage)), START)
    assert (kinds(step), step.effects) == (["ChallengeResumed"], effects)
    assert step.facts[0].data["stage"] == stage.value
    assert engine.slots == len(effects)


def test_a_final_challenge_in_the_queue_is_never_started():
    engine = engine_after([Added(attrs.evolve(WEB, state="valid")), Added(TWIN)])
    assert [each.stage for each in engine.challenges] == [Stage.QUEUED, Stage.PRESENTING]


def test_a_queued_challenge_that_is_removed_is_forgotten_at_once():
    engine = engine_after([Added(WEB), Added(TWIN)])
    step = engine.handle(Removed("default/twin"), START)
    assert (kinds(step), step.effects) == (["ChallengeRemoved"], ())
    assert step.changed == (attrs.evolve(TWIN, stage=Stage.DONE, removed=True),)
    assert engine.get("default/twin") is None


@pytest.mark.parametrize(
    ("events", "late"),
    [
        (TO_PRESENTING, Presented(KEY)),
        (TO_PRESENTING, PresentFailed(KEY, "no route")),
        (TO_CHECKING, CheckPassed(KEY)),
        (TO_CHECKING, CheckFailed(KEY, "404")),
        (TO_ACCEPTING, Decided(KEY, "valid", "")),
        (TO_ACCEPTING, AcceptFailed(KEY, "503")),
        (TO_VALIDATING, Decided(KEY, "valid", "")),
    ],
    ids=lambda value: "" if isinstance(value, list) else type(value).__name__,
)
def test_a_running_challenge_that_is_removed_is_cleaned_up_after_its_late_answer_and_forgotten(events, late):
    """The clean-up waits for the effect in flight: a presentation that ended after it would stay for ever."""
    engine = engine_after(events)
    step = engine.handle(Removed(KEY), START)
    assert (kinds(step), step.effects) == (["ChallengeRemoved"], ())
    assert engine.get(KEY).stage is Stage.CLEANING_UP
    assert engine.handle(late, START) == Step(effects=(CleanUp(KEY),))
    assert kinds(engine.handle(CleanedUp(KEY), START)) == ["ChallengeCleanedUp"]
    assert (engine.challenges, engine.slots) == ((), 0)


@pytest.mark.parametrize(
    ("events", "failure"),
    [
        (TO_PRESENTING, PresentFailed(KEY, "no route")),
        (TO_CHECKING, CheckFailed(KEY, "404")),
        (TO_CLEANING_UP, CleanUpFailed(KEY, "no route")),
    ],
    ids=["present", "check", "clean up"],
)
def test_a_challenge_that_is_removed_while_it_waits_is_cleaned_up_at_once(events, failure):
    engine = engine_after([*events, failure, failure])
    assert engine.handle(Removed(KEY), START).effects == (CleanUp(KEY),)
    engine.handle(CleanedUp(KEY), START)
    assert engine.deadline() is None


def test_a_removal_during_the_clean_up_lets_it_finish():
    engine = engine_after(TO_CLEANING_UP)
    assert engine.handle(Removed(KEY), START).effects == ()
    engine.handle(CleanedUp(KEY), START)
    assert engine.challenges == ()


@pytest.mark.parametrize(
    ("stage", "effects"), [(Stage.QUEUED, ()), (Stage.CHECKING, (CleanUp(KEY),)), (Stage.DONE, ())]
)
def test_a_challenge_that_comes_back_removed_is_only_cleaned_up(stage, effects):
    engine = Engine(Settings())
    step = engine.handle(Added(attrs.evolve(WEB, stage=stage, removed=True)), START)
    assert (kinds(step), step.effects) == (
        ["ChallengeResumed" if stage.value != "queued" else "ChallengeQueued", "ChallengeRemoved"],
        effects,
    )
    assert [each.key for each in engine.challenges] == [effect.key for effect in effects]


def test_there_is_nothing_to_say_about_a_challenge_that_is_not_known():
    engine = engine_after([Added(OTHER)])
    for event in (Removed(KEY), Presented(KEY), CleanedUp(KEY), CheckFailed(KEY, "404")):
        assert engine.handle(event, START) == Step()
    assert engine.deadline() is None


@pytest.mark.parametrize(
    ("events", "event"),
    [
        (TO_PRESENTING, Added(WEB)),
        (TO_PRESENTING, CheckPassed(KEY)),
        (TO_CHECKING, Presented(KEY)),
        (TO_ACCEPTING, Decided(KEY, "pending", "")),
        (TO_ACCEPTING, CleanedUp(KEY)),
        (TO_DONE, CleanedUp(KEY)),
        ([*TO_PRESENTING, *2 * [PresentFailed(KEY, "no route")]], Presented(KEY)),
        ([*TO_PRESENTING, Removed(KEY)], CleanedUp(KEY)),
    ],
    ids=lambda value: "" if isinstance(value, list) else type(value).__name__,
)
def test_an_event_that_cannot_be_is_refused_and_changes_nothing(events, event):
    engine, twin = engine_after(events), engine_after(events)
    with pytest.raises(IllegalTransition, match=KEY):
        engine.handle(event, START)
    assert (engine.challenges, engine.slots, engine.deadline()) == (twin.challenges, twin.slots, twin.deadline())
    go_on = Removed(KEY)
    assert engine.handle(go_on, START) == twin.handle(go_on, START)
