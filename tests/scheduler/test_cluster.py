"""The engine as cert-manager's controller: closed forms of what ticks, workers, cap and conflicts must give.

An HTTP-01 challenge blocks a worker for 8 s of checks and 1 s of waiting for
the verdict, one of DNS-01 for 60 s and 1 s; checks are repeated every 10 s.
"""

import math
from datetime import timedelta

import attrs
import pytest

from scheduler.challenge import Stage
from scheduler.engine import Engine
from scheduler.events import Accept, Added, AddFinalizer, CleanUp, Decided, FetchState, Present, Release, SyncFailed
from scheduler.settings import CLUSTER, Settings
from scheduler.versions import version
from tests.scheduler.cluster_world import DNS, HTTP, Cluster
from tests.scheduler.scripted_world import START, challenge, virtual_world

AT_ONCE = Settings()
"""No ticks and a worker for everybody: the cap alone holds back."""


def cluster(**changes):
    return attrs.evolve(CLUSTER, **changes)


@pytest.mark.parametrize("settings", [AT_ONCE, CLUSTER], ids=["at once", "cluster"])
@pytest.mark.parametrize("settle", [HTTP, DNS])
@pytest.mark.parametrize("propagation", [0, 1, 9, 10, 11, 60, 95])
def test_an_answer_is_seen_at_the_next_check_after_it_has_spread(settings, settle, propagation):
    """O1."""
    world = Cluster(settings, settle, propagation=propagation)
    assert world.run(1) == 10 * math.ceil(propagation / 10) + settle + 1


@pytest.mark.parametrize("count", [1, 59, 60, 61, 120, 600])
def test_the_cap_alone_makes_rounds_of_sixty(count):
    """O2."""
    assert Cluster(AT_ONCE).run(count) == math.ceil(count / 60) * 9


@pytest.mark.parametrize("settings", [AT_ONCE, CLUSTER], ids=["at once", "cluster"])
def test_challenges_of_one_name_run_one_after_the_other(settings):
    """O3: a pass of the scheduler sees what was released at its moment."""
    assert Cluster(settings).run(50, dns_name="a.test") == 450


def test_apex_and_wildcard_take_four_minutes():
    """cert-manager#5430."""
    world = Cluster(settle=DNS, propagation=60)
    world.add(*(challenge(name, "a.test", type="DNS-01", wildcard=name == "wild") for name in ("apex", "wild")))
    assert world.run() == 242


@pytest.mark.parametrize(("settle", "seconds"), [(HTTP, 1800), (DNS, 12_200)])
def test_five_workers_are_the_limit_of_a_burst(settle, seconds):
    """O4."""
    assert Cluster(settle=settle).run(1000) == seconds


@pytest.mark.parametrize("count", [20, 21, 200])
def test_twenty_start_each_second(count):
    """O5."""
    world = Cluster(cluster(workers=600, max_concurrent=600))
    assert world.run(count) == math.ceil(count / 20) - 1 + 9
    assert world.moments("ChallengeScheduled") == [number // 20 for number in range(count)]


@pytest.mark.parametrize("stuck", [0, 1, 30, 59])
def test_each_stuck_challenge_takes_a_slot_from_the_others(stuck):
    """O8."""
    names = [f"stuck{number}" for number in range(stuck)]
    world = Cluster(AT_ONCE, stuck=names)
    world.add(*(challenge(name, created=-1) for name in names))
    world.run(90, until=math.ceil(90 / (60 - stuck)) * 9)
    assert len(world.done) == 90
    assert world.moments("ChallengeCleanedUp")[-1] == math.ceil(90 / (60 - stuck)) * 9


def test_sixty_stuck_challenges_let_nobody_start():
    """O8, cert-manager#2888."""
    names = [f"stuck{number}" for number in range(60)]
    world = Cluster(stuck=names)
    world.add(*(challenge(name, created=-1) for name in names))
    world.run(10, until=3600)
    assert (world.done, world.moments("ChallengeScheduled")) == ([], [0] * 20 + [1] * 20 + [2] * 20)


def test_whoever_shares_the_name_of_a_stuck_challenge_never_starts():
    """O8."""
    world = Cluster(stuck=["elder"])
    world.add(challenge("elder", "a.test", created=-1), challenge("younger", "a.test"), challenge("other"))
    world.run(until=3600)
    assert [world.get(name).stage for name in ("elder", "younger", "other")] == [
        Stage.CHECKING,
        Stage.QUEUED,
        Stage.DONE,
    ]


def test_every_write_is_a_step_of_its_own():
    world = Cluster(costs={AddFinalizer: 0.25, FetchState: 0.5, Present: 2, Accept: 4, Release: 0.125})
    world.run(1)
    assert [(kind, world.moments(kind)) for kind in world.kinds("c00000")] == [
        ("ChallengeQueued", [0]),
        ("ChallengeScheduled", [0]),
        ("FinalizerAdded", [0.25]),
        ("ChallengeStateFetched", [0.75]),
        ("ChallengePresented", [2.75]),
        ("SelfCheckPassed", [10.75]),
        ("ChallengeAccepted", [14.75]),
        ("ChallengeDecided", [15.75]),
        ("ChallengeCleanedUp", [15.75]),
        ("SlotReleased", [15.875]),
    ]


def test_what_costs_nothing_waits_in_the_queue_for_workers_that_block():
    """Of the first pass twenty are presented, five at a time; only then the second pass, and the clean-up, get a worker."""
    world = Cluster(settle=DNS)
    world.run(40)
    assert world.moments("ChallengeScheduled") == [0] * 20 + [1] * 20
    assert world.moments("FinalizerAdded") == world.moments("ChallengeStateFetched") == [0] * 20 + [244] * 20
    assert world.moments("ChallengePresented") == [61 * (number // 5) for number in range(40)]
    assert world.moments("ChallengeCleanedUp") == world.moments("SlotReleased") == [244] * 20 + [488] * 20


def test_a_challenge_waits_in_the_queue_from_its_creation_on():
    """Its selection finds it there, and does not put it behind those that came between."""
    world = Cluster(cluster(workers=1), settle=DNS)
    world.run(1, until=0.5)
    world.add(challenge("b", created=9), challenge("a", created=8))
    world.run()
    assert world.moments("ChallengeScheduled") == [0, 1, 1]
    assert world.moments("ChallengePresented", "b") < world.moments("ChallengePresented", "a")


def test_before_1_20_the_clean_up_gives_the_slot_back():
    world = Cluster(cluster(version=version("1.19")), costs={CleanUp: 3, Release: 5})
    world.run(1)
    assert (world.moments("ChallengeCleanedUp"), world.moments("SlotReleased")) == ([12], [])
    assert world.get("c00000").stage is Stage.DONE


def test_a_state_that_is_final_already_is_not_presented():
    decided = {("web", FetchState): [Decided("default/web", "valid", "")]}
    world = virtual_world(decided, CLUSTER)
    world.add(challenge("web"))
    world.driver.run()
    assert world.kinds("web")[3:] == ["ChallengeDecided", "ChallengeCleanedUp", "SlotReleased"]


def test_a_state_that_cannot_be_had_is_asked_for_again_after_its_backoff():
    """Upstream writes no reason here, so that nothing wakes it sooner."""
    world = virtual_world({("web", FetchState): ["503"] * 3}, CLUSTER)
    world.add(challenge("web"))
    world.driver.run()
    assert world.moments("SyncFailed") == [0, 5, 15]
    assert world.moments("ChallengeStateFetched") == [35]


@pytest.mark.parametrize(
    ("at", "kinds", "released"),
    [
        (1, ["ChallengeRemoved"], 1),
        (3, ["ChallengeRemoved", "ChallengeCleanedUp"], 4),
        (15, ["ChallengeRemoved"], 15),
    ],
    ids=["before the finalizer", "with the finalizer", "without the finalizer"],
)
def test_a_removed_challenge_holds_its_slot_as_long_as_its_finalizer_stands(at, kinds, released):
    world = Cluster(cluster(max_concurrent=1), costs={AddFinalizer: 2, FetchState: 2, Release: 9})
    world.add(challenge("web"), challenge("next", created=1))
    world.run(until=at)
    before = len(world.kinds("web"))
    world.scheduler.remove("default/web")
    world.run(until=released + 1)
    assert world.kinds("web")[before:] == kinds
    assert world.moments("ChallengeScheduled", "next") == [released]
    world.run()
    assert world.get("next").stage is Stage.DONE


def test_a_worker_is_free_again_when_the_answer_for_a_forgotten_challenge_comes():
    world = Cluster(cluster(workers=1), costs={AddFinalizer: 5})
    world.add(challenge("web"), challenge("next", created=1))
    world.run(until=1)
    world.scheduler.remove("default/web")
    assert world.get("web") is None
    world.run()
    assert world.moments("FinalizerAdded", "next") == [10]


def test_a_pass_comes_every_tick_from_the_first_moment_on_also_when_some_are_left_out():
    world = Cluster()
    world.run(1, until=20.3)
    world.add(challenge("late"))
    world.run(until=20.9)
    assert world.moments("ChallengeScheduled", "late") == []
    world.run(until=21)
    assert world.moments("ChallengeScheduled", "late") == [21]


def test_a_pass_that_comes_late_does_not_move_the_next():
    """A wall clock never rings on the moment."""
    engine = Engine(cluster(starts_per_tick=1))
    for number in range(3):
        engine.handle(Added(challenge(f"c{number}")), START)
    assert engine.deadline() == (START, "the scheduler's pass")
    for number in range(3):
        moment = START + timedelta(seconds=number)
        assert engine.deadline()[0] == moment
        assert engine.tick(moment + timedelta(seconds=0.4)).effects == (AddFinalizer(f"default/c{number}"),)
    assert engine.deadline() is None


def test_what_comes_again_at_the_moment_of_a_pass_comes_before_it():
    engine = Engine(cluster(max_concurrent=2, starts_per_tick=1))
    engine.handle(Added(challenge("old")), START)
    engine.tick(START)
    engine.handle(SyncFailed("default/old", "conflict"), START)
    moment = START + timedelta(seconds=5)
    engine.handle(Added(challenge("new")), moment - timedelta(seconds=0.5))
    steps = [engine.tick(moment), engine.tick(moment), engine.tick(moment)]
    assert [step.effects for step in steps] == [(AddFinalizer("default/old"),), (AddFinalizer("default/new"),), ()]


def test_nothing_is_due_while_nobody_can_start():
    world = Cluster(cluster(max_concurrent=1), stuck=["c00000"])
    world.run(2, until=30)
    assert world.driver.pending == (START + timedelta(seconds=40),)
