"""The scheduler as its users see it, in virtual time: exact moments, real effects, scripted outcomes."""

from collections import Counter
from datetime import timedelta
from itertools import accumulate

import attrs
import pytest

from scheduler.challenge import Stage
from scheduler.events import Accept, CheckFailed, CleanUp, Decided, Present, SelfCheck
from scheduler.runner import Scheduler
from scheduler.settings import Settings
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from solvers.solver import SolverError
from tests.scheduler.scripted_world import START, World, challenge, seconds, virtual_world

LIFE = [
    "ChallengeQueued",
    "ChallengeScheduled",
    "ChallengePresented",
    "SelfCheckPassed",
    "ChallengeAccepted",
    "ChallengeDecided",
    "ChallengeCleanedUp",
]


def test_a_challenge_goes_all_the_way():
    world = virtual_world(takes=1)
    world.add(challenge("web"))
    world.driver.run()
    assert world.kinds("web") == LIFE
    assert (world.driver.now(), world.shown) == (START + seconds(5), {})
    web = world.get("web")
    assert (web.stage, web.state, web.reason) == (Stage.DONE, "valid", "Successfully authorized domain")
    assert (web.presented, web.presented_at, web.checks) == (False, START + seconds(1), 1)
    stages = [change.stage.value for change in world.changes]
    assert stages == ["presenting", "checking", "accepting", "validating", "cleaning_up", "done"]


def test_self_checks_come_at_once_when_the_reason_is_new_and_else_every_ten_seconds():
    reasons = ["404", "404", "404", "503", "503", "404"]
    world = virtual_world({("web", SelfCheck): reasons})
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("SelfCheckFailed") == [0, 0, 10, 20, 20, 30]
    assert world.moments("SelfCheckPassed") == [30]


def test_the_retry_period_is_counted_from_the_end_of_the_first_check_for_a_reason():
    world = virtual_world({("web", SelfCheck): ["404"] * 4}, takes=3)
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("SelfCheckFailed") == [6, 9, 19, 32]
    assert world.moments("SelfCheckPassed") == [45]


def test_the_retry_period_is_a_choice():
    world = virtual_world({("web", SelfCheck): ["404"] * 4}, Settings(retry_period=timedelta(milliseconds=100)))
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("SelfCheckPassed") == [0.3]


def test_a_solver_may_say_when_to_look_again():
    answers = [CheckFailed("default/web", "soon", seconds(wait)) for wait in (3, 9, 4)]
    world = virtual_world({("web", SelfCheck): answers})
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("SelfCheckFailed") == [0, 0, 3]
    assert world.moments("SelfCheckPassed") == [7]


@pytest.mark.parametrize(
    ("effect", "fact"), [(Present, "PresentFailed"), (Accept, "AcceptFailed"), (CleanUp, "CleanUpFailed")]
)
def test_failures_are_retried_at_once_and_then_after_five_seconds_doubling_to_half_an_hour(effect, fact):
    """The second failure in a row is tried again when the backoff of the first is over, as in client-go."""
    world = virtual_world({("web", effect): ["no route"] * 12})
    world.add(challenge("web"))
    world.driver.run()
    waits = [0, 5, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]
    assert world.moments(fact) == list(accumulate(waits, initial=0))
    assert world.moments("ChallengeCleanedUp") == [sum(waits) + 1800]


def test_a_failed_check_starts_the_backoff_anew_and_a_presentation_does_not():
    """Upstream forgets the failures of a key when a sync ends without one."""
    script = {("web", Present): ["no route"] * 3, ("web", Accept): ["503"] * 2}
    world = virtual_world(script)
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("PresentFailed") == [0, 0, 5]
    assert world.moments("AcceptFailed") == [25, 25]
    assert world.moments("ChallengeDecided") == [65]
    world = virtual_world({**script, ("web", SelfCheck): ["404"]})
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("AcceptFailed") == [25, 25]
    assert world.moments("ChallengeDecided") == [30]


@pytest.mark.parametrize(
    ("effect", "fact", "reason"),
    [
        (Present, "PresentFailed", "zone is read-only"),
        (SelfCheck, "SelfCheckFailed", "Waiting for HTTP-01 challenge propagation: zone is read-only"),
        (Accept, "AcceptFailed", "zone is read-only"),
        (CleanUp, "CleanUpFailed", "Error cleaning up challenge: zone is read-only"),
    ],
)
def test_an_exception_is_the_failing_answer_of_its_effect(effect, fact, reason):
    world = virtual_world({("web", effect): [SolverError("zone is read-only")]})
    world.add(challenge("web"))
    world.driver.run()
    assert [each.data["reason"] for _, each in world.facts if each.kind == fact] == [reason]
    assert world.get("web").stage is Stage.DONE


def test_an_exception_without_a_text_goes_by_its_name():
    world = virtual_world({("web", Present): [TimeoutError()] * 2})
    world.add(challenge("web"))
    world.driver.run(until=START)
    assert world.get("web").reason == "TimeoutError"


@pytest.mark.parametrize("state", ["invalid", "expired", "errored"])
def test_a_failed_challenge_is_cleaned_up_and_keeps_its_reason(state):
    world = virtual_world({("web", Accept): [Decided("default/web", state, "because")]})
    world.add(challenge("web"))
    world.driver.run()
    web = world.get("web")
    assert (web.stage, web.state, web.reason, world.shown) == (Stage.DONE, state, "because", {})


def test_of_a_hundred_challenges_sixty_run_at_once_and_the_oldest_first():
    world = virtual_world(takes=1)
    world.add(*(challenge(f"c{number}", created=100 - number) for number in reversed(range(100))))
    world.driver.run()
    assert world.moments("ChallengeScheduled") == [0] * 60 + [5] * 40
    assert max(fact.data["slots"] for _, fact in world.facts) == 60
    scheduled = [fact.subject["challenge"] for _, fact in world.facts if fact.kind == "ChallengeScheduled"]
    assert scheduled == [f"default/c{number}" for number in reversed(range(100))]
    assert Counter(each.state for each in world.scheduler.challenges) == {"valid": 100}


def test_sixty_stuck_challenges_stop_everything():
    """cert-manager#2888: there is no time-out, so a stuck challenge keeps its slot."""
    script = {(f"stuck{number}", SelfCheck): ["404"] * 10_000 for number in range(60)}
    world = virtual_world(script)
    world.add(*(challenge(f"stuck{number}") for number in range(60)), challenge("web", created=1))
    world.driver.run(until=START + timedelta(minutes=20))
    assert world.get("web").stage is Stage.QUEUED
    world.scheduler.remove("default/stuck0")
    world.driver.run(until=START + timedelta(minutes=20, seconds=10))
    assert world.get("web").stage is Stage.DONE


def test_challenges_of_one_name_and_type_run_one_after_the_other():
    world = virtual_world(takes=1)
    world.add(
        challenge("apex", "web.test", type="DNS-01"),
        challenge("wildcard", "web.test", created=1, type="DNS-01", wildcard=True),
        challenge("http", "web.test", created=2),
    )
    world.driver.run()
    started = {name: world.moments("ChallengeScheduled", name) for name in ("apex", "wildcard", "http")}
    assert started == {"apex": [0], "wildcard": [5], "http": [0]}


@pytest.mark.parametrize("at", [0.5, 1.5, 2.5, 3.5, 4.5])
def test_whatever_a_removed_challenge_showed_is_taken_away(at):
    world = virtual_world(takes=1)
    world.add(challenge("web"))
    world.driver.run(until=START + seconds(at))
    world.scheduler.remove("default/web")
    world.driver.run()
    assert (world.get("web"), world.shown) == (None, {})
    assert world.kinds("web")[-1] == "ChallengeCleanedUp"
    last = world.changes[-1]
    assert (last.stage, last.removed, last.presented) == (Stage.DONE, True, False)


def test_removing_what_is_not_known_is_harmless():
    world = virtual_world()
    world.scheduler.remove("default/web")
    assert (world.facts, world.driver.pending) == ([], ())


def test_after_a_restart_each_challenge_goes_on_where_it_was():
    before = virtual_world(takes=1)
    before.add(*(challenge(f"c{number}", created=number) for number in range(3)))
    before.driver.run(until=START + seconds(1.5))
    before.add(challenge("late", created=9))
    after = virtual_world(takes=1)
    after.shown = before.shown
    after.add(*before.scheduler.challenges)
    assert after.kinds("c0") == ["ChallengeResumed"]
    after.driver.run()
    assert after.kinds("c0")[1:] == LIFE[3:]
    assert {each.state for each in after.scheduler.challenges} == {"valid"}
    assert after.shown == {}


def test_there_is_one_timer_and_it_is_set_to_the_first_retry():
    script = {("a", Present): ["x", "x"], ("b", SelfCheck): ["x", "x"], ("c", Accept): ["x", "x"]}
    world = virtual_world(script)
    world.add(*(challenge(name) for name in "abc"))
    world.driver.run(until=START + seconds(4))
    assert world.driver.pending == (START + seconds(5),)
    world.driver.run(until=START + seconds(9))
    assert world.driver.pending == (START + seconds(10),)
    world.driver.run()
    assert world.driver.pending == ()


def test_an_earlier_retry_takes_the_timer_over():
    world = virtual_world({("slow", SelfCheck): ["404"] * 2, ("quick", Present): ["no route"] * 2})
    world.add(challenge("slow"))
    world.driver.run(until=START + seconds(1))
    assert world.driver.pending == (START + seconds(10),)
    world.add(challenge("quick"))
    world.driver.run(until=START + seconds(1))
    assert world.driver.pending == (START + seconds(6),)


def test_a_timer_that_fires_too_early_is_set_again():
    """A wall clock may be a little behind the timer that the event loop kept."""
    world = virtual_world({("web", Present): ["no route"] * 2})
    world.add(challenge("web"))
    world.driver.run(until=START)
    lag = [timedelta(milliseconds=5), timedelta(0)]
    real_now = world.driver.now
    world.driver.now = lambda: real_now() - (lag.pop(0) if lag and real_now() > START else timedelta(0))
    world.driver.run()
    assert lag == []
    assert world.get("web").stage is Stage.DONE


def test_who_hears_of_a_change_may_add_and_remove():
    """Each hears of the others' changes in the order in which they came about."""
    world = virtual_world()

    def on_change(changed):
        if changed.key == "default/first" and changed.stage is Stage.DONE:
            world.scheduler.remove("default/first")
            world.add(challenge("second"))
            assert world.get("second").stage is Stage.PRESENTING

    world.on_change = on_change
    world.add(challenge("first"))
    world.driver.run()
    assert world.get("first") is None
    assert world.kinds("first") == [*LIFE, "ChallengeRemoved"]
    assert world.kinds("second") == LIFE


def test_changes_that_come_about_inside_a_change_are_told_after_it():
    world = virtual_world(settings=Settings(max_concurrent=1))
    seen = []

    def on_change(changed):
        if changed.key == "default/a" and changed.stage is Stage.DONE:
            world.scheduler.remove("default/b")
        seen.append((changed.key[-1], changed.stage.value))

    world.on_change = on_change
    world.add(challenge("a"), challenge("b", created=1))
    world.driver.run()
    assert seen[-4:] == [("a", "done"), ("b", "presenting"), ("b", "cleaning_up"), ("b", "done")]


def test_the_record_is_written_before_anyone_hears_of_the_change_and_before_any_effect():
    log = []
    driver = VirtualDriver(START, VirtualNetwork())

    def perform(effect):
        log.append("effect")
        return world.succeed(effect)
        yield

    world = World(driver)
    scheduler = Scheduler(
        driver, perform, lambda facts: log.append("fact"), lambda changed: log.append("change"), Settings()
    )
    scheduler.add(challenge("web"))
    driver.run()
    assert log == ["fact", "change", "effect"] * 5 + ["fact", "change"]


def test_a_mistake_of_the_listener_does_not_cost_a_slot():
    world = virtual_world(settings=Settings(max_concurrent=1))
    world.on_change = lambda _: 1 / 0
    with pytest.raises(ZeroDivisionError):
        world.add(challenge("web"))
    world.on_change = lambda _: None
    world.add(challenge("next", created=1))
    world.driver.run()
    assert [each.stage for each in world.scheduler.challenges] == [Stage.DONE, Stage.DONE]


def test_labels_travel_with_the_challenge():
    world = virtual_world()
    world.add(attrs.evolve(challenge("web"), labels={"order": "web-1"}))
    world.driver.run()
    assert world.changes[-1].labels == {"order": "web-1"}
