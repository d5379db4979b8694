"""Timelines out of a journal in which both sides speak of the same challenge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from acme_server.protocol.journal import Fact, Journal
from gravel.timeline import STEPS, timelines

START = datetime(2026, 1, 1, tzinfo=UTC)
OURS, THEIRS, OTHER = {"challenge": "default/www-1"}, {"challenge": "auth/0"}, {"challenge": "auth/1"}
URL = "https://127.0.0.1:14000/chall/auth/0"
QUEUED = Fact("ChallengeQueued", OURS, {"type": "DNS-01", "dns_name": "a.test", "wildcard": True})
CREATED = Fact("ChallengeCreated", {**OURS, "order": "default/www"}, {"url": URL})
HAPPY = [
    CREATED,
    QUEUED,
    Fact("ChallengeScheduled", OURS),
    Fact("ChallengePresented", OURS),
    Fact("SelfCheckPassed", OURS),
    Fact("ChallengeResponded", THEIRS),
    Fact("ChallengeValidated", THEIRS),
    Fact("ChallengeDecided", OURS, {"state": "valid", "reason": "Successfully authorized domain"}),
    Fact("ChallengeCleanedUp", OURS),
]


def journal_of(facts: list[Fact]) -> Journal:
    journal = Journal()
    for second, fact in enumerate(facts):
        journal.append("test", [fact], START + timedelta(seconds=second))
    return journal


@pytest.mark.seed("B59")
def test_each_step_has_its_moment_whichever_side_knows_it():
    (timeline,) = timelines(journal_of(HAPPY))
    assert (timeline.key, timeline.title) == ("default/www-1", "DNS-01 *.a.test")
    offsets = [(timeline.at(step) - timeline.started).total_seconds() for step in STEPS.values()]
    assert offsets == [0, 1, 2, 3, 4, 5, 7]
    assert timeline.failures == ()


def test_the_server_may_be_told_apart_though_the_challenge_was_queued_first():
    (timeline,) = timelines(journal_of([QUEUED, CREATED, *HAPPY[2:]]))
    assert None not in [timeline.at(step) for step in STEPS.values()]


def test_challenges_of_others_are_left_out():
    strangers = [Fact("ChallengeResponded", OTHER), Fact("OrderCreated", {"order": "x"})]
    assert timelines(journal_of(strangers)) == []
    (timeline,) = timelines(journal_of([*HAPPY, *strangers]))
    assert {entry.subject["challenge"] for entry in timeline.entries} == {"default/www-1", "auth/0"}


def test_a_step_counts_from_the_first_time_and_a_missing_one_is_none():
    again = [QUEUED, Fact("ChallengePresented", OURS), Fact("ChallengePresented", OURS)]
    (timeline,) = timelines(journal_of(again))
    assert timeline.at("presented") == START + timedelta(seconds=1)
    assert timeline.at("cleaned up") is None


def test_what_failed_is_said_once():
    failed = [Fact("SelfCheckFailed", OURS, {"reason": "not yet"})] * 2
    failed.append(Fact("ChallengeFailed", THEIRS, {"problem": "urn:x", "detail": "wrong TXT"}))
    failed.append(Fact("ChallengeDecided", OURS, {"state": "invalid", "reason": "Error accepting"}))
    (timeline,) = timelines(journal_of([CREATED, QUEUED, *failed]))
    assert timeline.failures == ("not yet", "wrong TXT", "Error accepting")


def test_what_failed_before_it_came_out_well_is_not_told():
    early = Fact("SelfCheckFailed", OURS, {"reason": "not yet"})
    (timeline,) = timelines(journal_of([*HAPPY[:4], early, *HAPPY[4:]]))
    assert timeline.failures == ()


def test_the_verdict_of_a_foreign_server_is_heard_from_our_side():
    (timeline,) = timelines(journal_of([QUEUED, Fact("ChallengeDecided", OURS, {"state": "valid", "reason": ""})]))
    assert timeline.at("validated") == START + timedelta(seconds=1)


def test_as_json_it_is_its_part_of_the_journal():
    journal = journal_of(HAPPY)
    (timeline,) = timelines(journal)
    document = timeline.to_json()
    assert (document["event"], document["challenge"]) == ("timeline", "default/www-1")
    assert [entry.kind for entry in journal][1:] == [step["kind"] for step in document["steps"]]
    assert document["steps"][0] == {
        "at": "2026-01-01T00:00:01.000000Z",
        "house": "test",
        "kind": "ChallengeQueued",
        "data": QUEUED.data,
    }
