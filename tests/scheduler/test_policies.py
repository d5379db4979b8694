"""Orders of the queue, and slots that are given back."""

from datetime import timedelta

import attrs
import pytest

from scheduler.challenge import Stage
from scheduler.events import CleanUp, SelfCheck
from scheduler.policies import UPSTREAM, Policy, first_come
from scheduler.selection import age, select
from scheduler.settings import CLUSTER, Settings
from tests.scheduler.cluster_world import Cluster
from tests.scheduler.scripted_world import START, challenge, virtual_world

PATIENT = Policy(patience=3)


def with_policy(policy, **changes):
    return attrs.evolve(CLUSTER, policy=policy, **changes)


def youngest_first(each):
    return -each.created.timestamp()


def test_upstream_is_first_come_first_served_for_ever():
    assert Policy() == UPSTREAM == Settings().policy
    assert first_come(challenge("web")) == age(challenge("web"))


def test_a_patience_of_no_check_at_all_is_refused():
    with pytest.raises(ValueError, match="patience"):
        Policy(patience=0)


@pytest.mark.parametrize(("order", "expected"), [(first_come, ["a", "b", "c"]), (youngest_first, ["c", "b", "a"])])
def test_the_order_of_the_queue_is_a_choice(order, expected):
    world = Cluster(with_policy(Policy(order), max_concurrent=1))
    queue = [challenge(name, created=number) for number, name in enumerate("abc")]
    world.add(*queue)
    world.run()
    started = [fact.subject["challenge"][-1] for _, fact in world.facts if fact.kind == "ChallengeScheduled"]
    assert expected == started == [each.key[-1] for each in select(queue, 3, 60, order)]


def test_the_order_says_which_of_two_of_a_name_comes_first():
    twins = [challenge("elder", "a.test"), challenge("younger", "a.test", created=1)]
    assert [each.key for each in select(twins, 3, 60, youngest_first)] == ["default/younger"]


@pytest.mark.parametrize("settings", [Settings(policy=PATIENT), with_policy(PATIENT)], ids=["ours", "cluster"])
def test_whoever_spends_its_patience_is_cleaned_up_gives_its_slot_back_and_queues_again(settings):
    world = virtual_world({("web", SelfCheck): ["404"] * 4}, settings)
    world.add(challenge("web"))
    world.driver.run()
    kinds = [kind for kind in world.kinds("web") if kind not in ("FinalizerAdded", "ChallengeStateFetched")]
    released = [kind for kind in kinds if kind == "SlotReleased"][:1]
    first = ["ChallengeQueued", "ChallengeScheduled", "ChallengePresented", *3 * ["SelfCheckFailed"], "SlotYielded"]
    assert kinds[: len(first) + 2 + len(released)] == [*first, "ChallengeCleanedUp", *released, "ChallengeRequeued"]
    assert world.moments("SelfCheckFailed") == [0, 0, 10, 10]
    assert (world.get("web").stage, world.get("web").state, world.shown) == (Stage.DONE, "valid", {})


def test_whoever_comes_back_queues_behind_all_who_wait():
    world = Cluster(with_policy(PATIENT, max_concurrent=1), stuck=["stuck"])
    world.add(challenge("stuck"), challenge("a", created=5), challenge("b", created=9))
    world.run(until=60)
    started = [fact.subject["challenge"] for _, fact in world.facts if fact.kind == "ChallengeScheduled"]
    assert started[:4] == ["default/stuck", "default/a", "default/b", "default/stuck"]
    assert [each.key for each in world.scheduler.challenges] == ["default/a", "default/b", "default/stuck"]


def test_its_next_turn_finds_its_patience_and_its_presentation_new():
    world = Cluster(with_policy(PATIENT, tick=timedelta(seconds=4)), stuck=["stuck"])
    world.add(challenge("stuck"))
    world.run(until=10)
    waiting = world.get("stuck")
    assert (waiting.stage, waiting.checks, waiting.presented_at) == (Stage.QUEUED, 0, None)
    assert waiting.queued == START + timedelta(seconds=10)
    world.run(until=12)
    assert (world.get("stuck").checks, world.get("stuck").presented_at) == (2, START + timedelta(seconds=12))


def test_its_younger_twin_comes_first_then():
    world = Cluster(with_policy(PATIENT), stuck=["elder"])
    world.add(challenge("elder", "a.test"), challenge("younger", "a.test", created=1))
    world.run(until=30)
    assert world.get("younger").stage is Stage.DONE


def test_sixty_stuck_challenges_do_not_stop_the_others():
    names = [f"stuck{number}" for number in range(60)]
    world = Cluster(with_policy(PATIENT), stuck=names)
    world.add(*(challenge(name, created=-1) for name in names))
    world.run(100, until=600)
    assert len(world.done) == 100


def test_a_slot_whose_clean_up_fails_is_kept_all_the_same():
    world = virtual_world(
        {("web", SelfCheck): ["404"] * 9, ("web", CleanUp): ["no route"] * 3}, Settings(policy=PATIENT)
    )
    world.add(challenge("web"))
    world.driver.run(until=START + timedelta(seconds=14))
    assert (world.get("web").stage, world.get("web").processing) == (Stage.CLEANING_UP, True)
    world.driver.run(until=START + timedelta(seconds=50))
    assert world.moments("ChallengeRequeued")[:1] == [35]


def test_a_challenge_that_is_removed_while_it_gives_its_slot_back_is_forgotten():
    world = virtual_world({("web", SelfCheck): ["404"] * 3}, Settings(policy=PATIENT), takes=1)
    world.add(challenge("web"))
    world.driver.run(until=START + timedelta(seconds=13.5))
    assert world.get("web").stage is Stage.CLEANING_UP
    world.scheduler.remove("default/web")
    world.driver.run()
    assert (world.get("web"), world.shown) == (None, {})
