"""The scheduler's slots and queue, as the page draws them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.journal import Fact, Journal
from gravel.page.slots import QUEUE, slots_and_queue
from scheduler.challenge import Challenge, Stage

START = datetime(2026, 1, 1, tzinfo=UTC)


def challenge(key, name="a.test", kind="HTTP-01", second=0, **more):
    return Challenge(f"default/{key}", name, kind, START + timedelta(seconds=second), **more)


def queue(*challenges):
    return {each["id"]: each["held_by"] for each in slots_and_queue(challenges, 60, ())["queue"]}


@pytest.mark.parametrize(
    ("others", "held_by"),
    [
        ([], None),
        ([challenge("1", stage=Stage.CHECKING)], "default/1"),
        ([challenge("1", second=-1)], "default/1"),
        ([challenge("1", second=1)], None),
        ([challenge("1", wildcard=True, stage=Stage.CHECKING)], "default/1"),
        ([challenge("1", kind="DNS-01", stage=Stage.CHECKING)], None),
        ([challenge("1", "b.test", stage=Stage.CHECKING)], None),
        ([challenge("1", stage=Stage.DONE, state="valid")], None),
    ],
)
def test_who_waits_is_held_back_by_whoever_goes_first_for_the_same_name_and_type(others, held_by):
    assert queue(challenge("0"), *others)["default/0"] == held_by


def test_the_queue_has_the_order_in_which_challenges_are_taken():
    assert list(queue(challenge("late", "b.test", second=2), challenge("early", "c.test", second=1))) == [
        "default/early",
        "default/late",
    ]


def test_of_a_long_queue_the_beginning_is_listed_and_all_are_counted():
    waiting = [challenge(str(number), f"{number}.test", second=number) for number in range(QUEUE + 7)]
    picture = slots_and_queue(waiting, 60, ())
    assert (len(picture["queue"]), picture["waiting"]) == (QUEUE, QUEUE + 7)
    assert picture["queue"][0]["id"] == "default/0"


def test_slots_and_ends_are_counted_and_slots_over_time_are_those_of_the_journal():
    journal = Journal()
    journal.append("scheduler", [Fact("ChallengeScheduled", {"challenge": "default/0"}, {"slots": 1})], START)
    journal.append("acme_server", [Fact("OrderCreated", {"order": "x"})], START)
    known = [
        challenge("0", stage=Stage.VALIDATING, checks=2, reason="Waiting"),
        challenge("1", "b.test", stage=Stage.DONE, state="valid"),
        challenge("2", "c.test", stage=Stage.DONE, state="valid"),
        challenge("3", "d.test", stage=Stage.DONE, state="errored"),
    ]
    picture = slots_and_queue(known, 2, journal)
    assert [(each["id"], each["stage"], each["checks"], each["reason"]) for each in picture["slots"]] == [
        ("default/0", "validating", 2, "Waiting")
    ]
    assert (picture["maximum"], picture["ends"]) == (2, {"valid": 2, "errored": 1})
    assert picture["recent"] == [["2026-01-01T00:00:00.000000Z", 1]]
