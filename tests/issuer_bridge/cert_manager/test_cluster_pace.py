"""The bridge at cert-manager's pace and with its errors, against the real server, in virtual time."""

import pytest

from scheduler.settings import CLUSTER
from scheduler.versions import NEWEST
from tests.issuer_bridge.bridge_resources import HTTP01
from tests.issuer_bridge.bridge_rig import Rig
from tests.issuer_bridge.scripted_server import problem


def rig_with(*names, **options):
    rig = Rig(scheduler=CLUSTER, **options)
    rig.apply_issuer(solvers=[HTTP01])
    rig.run(seconds=1)
    for name in names:
        rig.apply(name, f"{name}.http.test")
    return rig


def kinds(rig):
    return [entry.kind for entry in rig.world.journal if entry.house == "scheduler"]


def state(rig):
    (challenge,) = rig.challenges
    return challenge["status"].get("state"), challenge["status"].get("reason", "")


def test_a_challenge_takes_all_the_steps_of_a_cluster():
    rig = rig_with("one")
    rig.run(minutes=1)
    assert rig.issued("one")
    assert kinds(rig) == [
        "ChallengeQueued",
        "ChallengeScheduled",
        "FinalizerAdded",
        "ChallengeStateFetched",
        "ChallengePresented",
        "SelfCheckPassed",
        "ChallengeAccepted",
        "ChallengeDecided",
        "ChallengeCleanedUp",
        "SlotReleased",
    ]


@pytest.mark.seed("K33")
def test_twenty_challenges_start_each_second():
    rig = rig_with(*(f"n{number:02}" for number in range(50)))
    rig.run(minutes=1)
    assert all(rig.issued(f"n{number:02}") for number in range(50))
    started = [entry.at[17:19] for entry in rig.facts("scheduler", "ChallengeScheduled")]
    assert len(started) == 50
    assert max(started.count(second) for second in started) == 20


def test_the_steps_of_a_cluster_can_be_told_from_a_challenge_s_stage_alone():
    """A crash between two steps presents anew, and everything ends clean."""
    rig = rig_with("one", "two")
    for _ in range(6):
        rig.run(milliseconds=30)
        rig.crash()
        rig.start()
    rig.run(minutes=2)
    assert [rig.issued("one"), rig.issued("two")] == [True, True]
    assert rig.responder.handle("GET", "one.http.test", "/")[0] == 404


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        (None, (None, "Error getting authorization: ")),
        (NEWEST, ("errored", "Failed to retrieve Order resource: ")),
    ],
    ids=["ours", "cert-manager"],
)
def test_a_rate_limit_is_waited_out_or_ends_the_challenge(errors, expected):
    rig = rig_with("one", errors=errors)
    refused = problem("rateLimited", 429, Retry_After="3600")
    rig.tamper = lambda question: refused if question.url.split("/")[3] == "authz" and rig.challenges else None
    rig.run(seconds=30)
    found, reason = state(rig)
    assert (found, reason[: len(expected[1])]) == expected
