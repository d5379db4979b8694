"""An index of a journal by what its facts are about."""

from __future__ import annotations

from datetime import UTC, datetime

from acme_server.protocol.journal import Fact, Journal
from gravel.page.subjects import MOST, Subjects

AT = datetime(2026, 1, 1, tzinfo=UTC)
KEY = {"challenge": "default/www-1-1"}
BRIDGE = {"order": "default/www-1", "request": "default/www"}
# What one certificate leaves behind, told by three houses.
HAPPY = [
    ("issuer_bridge", Fact("RequestSeen", {"request": "default/www"})),
    ("issuer_bridge", Fact("OrderCreated", BRIDGE)),
    ("acme_server", Fact("OrderCreated", {"order": "ord", "account": "acc"})),
    ("issuer_bridge", Fact("OrderPlaced", BRIDGE, {"url": "https://127.0.0.1/order/ord"})),
    ("issuer_bridge", Fact("ChallengeCreated", {**KEY, "order": "default/www-1"})),
    ("scheduler", Fact("ChallengeQueued", KEY)),
    ("acme_server", Fact("ChallengeValidated", {"authorization": "auth", "challenge": "auth/0", "account": "acc"})),
    ("acme_server", Fact("CertificateIssued", {"order": "ord", "certificate": "cert", "account": "acc"})),
]
OTHERS = [
    ("acme_server", Fact("OrderCreated", {"order": "other", "account": "acc"})),
    ("issuer_bridge", Fact("OrderPlaced", {"order": "default/x-1", "request": "default/x"}, {"url": "/order/other"})),
    ("scheduler", Fact("ChallengeQueued", {"challenge": "default/x-1-1"})),
]


def journal_of(*told, **options):
    journal = Journal(**options)
    for house, fact in told:
        journal.append(house, [fact], AT)
    return journal


def about(subjects, *ids):
    for _ in subjects.steps():
        pass
    return [(entry.house, entry.kind) for entry in subjects.about(*ids)]


def test_an_order_has_the_facts_of_all_houses_in_their_order():
    mixed = [each for pair in zip(HAPPY, [*OTHERS, *OTHERS, *OTHERS], strict=False) for each in pair]
    subjects = Subjects(journal_of(*mixed))
    assert about(subjects, "ord", "auth") == [(house, fact.kind) for house, fact in HAPPY]


def test_without_a_bridge_there_is_what_the_server_says():
    told = [each for each in HAPPY if each[0] == "acme_server"]
    assert about(Subjects(journal_of(*told, *OTHERS)), "ord", "auth") == [(house, fact.kind) for house, fact in told]


def test_what_happens_later_is_there_when_it_is_asked_again():
    journal = journal_of(*HAPPY)
    subjects = Subjects(journal)
    assert len(about(subjects, "ord", "auth")) == 8
    journal.append("acme_server", [Fact("CertificateRevoked", {"certificate": "cert", "account": "acc"})], AT)
    assert about(subjects, "ord", "auth", "cert")[-1] == ("acme_server", "CertificateRevoked")


def test_facts_that_were_packed_long_ago_are_found():
    noise = [("acme_server", Fact("OrderCreated", {"order": f"o-{number}"})) for number in range(100)]
    subjects = Subjects(journal_of(*HAPPY, *noise, *OTHERS, recent=8))
    assert about(subjects, "ord", "auth") == [(house, fact.kind) for house, fact in HAPPY]
    assert about(subjects, "o-50") == [("acme_server", "OrderCreated")]


def test_facts_that_a_limit_has_dropped_are_left_out():
    journal = journal_of(*HAPPY, recent=8, limit=8)
    subjects = Subjects(journal)
    assert len(about(subjects, "ord", "auth")) == 8
    for number in range(100):
        journal.append(
            "acme_server", [Fact("OrderFailed" if number == 99 else "OrderCreated", {"order": f"o-{number}"})], AT
        )
    assert journal.oldest > 8
    assert about(subjects, "ord", "auth") == []
    assert about(subjects, "o-99") == [("acme_server", "OrderFailed")]


def test_an_order_of_very_many_names_has_its_first_facts():
    noise = [("acme_server", Fact("ChallengeResponded", {"authorization": "auth"})) for _ in range(MOST + 50)]
    assert len(about(Subjects(journal_of(*noise)), "auth")) == MOST
