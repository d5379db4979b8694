"""A journal becomes counters: the same ones however often it is read, and whatever a limit drops."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.journal import Fact, Journal
from gravel.metrics import facts, fold
from gravel.metrics.facts import BRIDGE, SCHEDULER, SERVER, reason_of
from gravel.metrics.fold import Fold

START = datetime(2026, 1, 1, tzinfo=UTC)
URN = "urn:ietf:params:acme:error:"
REFUSED = {"endpoint": "/new-order", "problem": f"{URN}rateLimited", "status": 429, "detail": "too many"}
CHECK = {"dns_name": "a.test", "type": "DNS-01", "slots": 1}


def write(journal, house, kind, subject=None, after=0.0, **data):
    journal.append(house, [Fact(kind, subject or {}, data)], START + timedelta(seconds=after))


def told(folded):
    for _ in folded.steps():
        pass
    return {family.name: samples for family, samples in folded.readings}


COUNTED = [
    (SERVER, "AccountCreated", {}, "gravel_server_events_total", ("AccountCreated",)),
    (SERVER, "OrderFinalized", {}, "gravel_server_events_total", ("OrderFinalized",)),
    (SERVER, "AuthorizationFailed", {}, "gravel_server_events_total", ("AuthorizationFailed",)),
    (SERVER, "ChallengeValidated", {"type": "http-01"}, "gravel_challenges_total", ("http-01", "valid")),
    (SERVER, "CertificateIssued", {}, "gravel_certificates_issued_total", ()),
    (SERVER, "CertificateRevoked", {"reason": 4}, "gravel_certificates_revoked_total", ("4",)),
    (SERVER, "CertificateRevoked", {"reason": None}, "gravel_certificates_revoked_total", ("0",)),
    (SERVER, "RequestRefused", REFUSED, "gravel_problems_total", ("rateLimited", "newOrder", "429")),
    (
        SERVER,
        "RequestRefused",
        {**REFUSED, "endpoint": "/any/path"},
        "gravel_problems_total",
        ("rateLimited", "other", "429"),
    ),
    (
        SERVER,
        "ValidationFailed",
        {"type": "dns-01", "problem": f"{URN}dns"},
        "gravel_validation_problems_total",
        ("dns-01", "dns"),
    ),
    (
        SERVER,
        "FaultInjected",
        {"action": {"kind": "latency"}, "endpoint": "dns"},
        "gravel_faults_injected_total",
        ("latency", "dns"),
    ),
    (SCHEDULER, "ChallengePresented", CHECK, "gravel_scheduler_events_total", ("ChallengePresented", "DNS-01")),
    (
        SCHEDULER,
        "SelfCheckFailed",
        {**CHECK, "reason": "NS ns1.test. returned SERVFAIL for a.test."},
        "gravel_self_check_failures_total",
        ("DNS-01", "rcode"),
    ),
    (
        SCHEDULER,
        "ChallengeDecided",
        {**CHECK, "state": "invalid"},
        "gravel_challenges_decided_total",
        ("DNS-01", "invalid"),
    ),
    (BRIDGE, "OrderPlaced", {}, "gravel_bridge_events_total", ("OrderPlaced",)),
]


@pytest.mark.parametrize(("house", "kind", "data", "name", "labels"), COUNTED)
def test_a_fact_is_counted_under_its_labels(house, kind, data, name, labels):
    journal = Journal()
    subject = {"order": "o", "challenge": "ns/c"}
    folded = Fold(journal)
    before = told(folded)[name].get(labels, 0)
    write(journal, house, kind, subject, **data)
    assert told(folded)[name][labels] == before + 1


@pytest.mark.parametrize("kind", ["OrderCreated", "CertificateIssued"])
def test_one_house_does_not_count_what_another_house_says(kind):
    journal = Journal()
    write(journal, BRIDGE, kind, {"order": "ns/o"})
    assert told(Fold(journal))["gravel_server_events_total"][("OrderCreated",)] == 0
    assert told(Fold(journal))["gravel_certificates_issued_total"][()] == 0


def test_spans_end_with_the_first_fact_that_ends_them():
    journal, order = Journal(), {"order": "o1"}
    write(journal, SERVER, "OrderCreated", order)
    write(journal, SERVER, "OrderCreated", {"order": "o2"}, after=1)
    write(journal, SERVER, "CertificateIssued", order, after=7)
    write(journal, SERVER, "CertificateIssued", order, after=9)
    (row,) = told(Fold(journal))["gravel_order_duration_seconds"].items()
    assert (row[0], row[1].total, sum(row[1].counts)) == (("issued",), 7.0, 1)


def test_the_time_to_issue_is_told_by_issuer_and_outcome():
    journal, request = Journal(), {"request": "shop/web-1"}
    seen = {"issuer": "ca", "issuer_kind": "Issuer", "issuer_group": "cert-manager.io"}
    write(journal, BRIDGE, "RequestSeen", request, **seen)
    write(journal, BRIDGE, "RequestFailed", request, after=60, message="no")
    (row,) = told(Fold(journal))["gravel_certificate_request_duration_seconds"].items()
    assert (row[0], row[1].total) == (("Issuer", "cert-manager.io", "failed"), 60.0)


def test_a_challenge_waits_from_each_arrival_in_the_queue_until_it_has_a_slot():
    journal, challenge = Journal(), {"challenge": "ns/c"}
    for kind, after in (
        ("ChallengeQueued", 0),
        ("ChallengeScheduled", 5),
        ("ChallengeRequeued", 100),
        ("ChallengeScheduled", 102),
        ("ChallengeRequeued", 200),
        ("ChallengeRemoved", 300),
    ):
        write(journal, SCHEDULER, kind, challenge, after, **CHECK)
    folded = Fold(journal)
    (row,) = told(folded)["gravel_scheduler_wait_seconds"].items()
    assert (row[0], row[1].total, sum(row[1].counts)) == (("DNS-01",), 7.0, 2)
    assert folded._open == {}


def test_what_never_ends_is_forgotten_when_there_is_too_much_of_it(monkeypatch):
    monkeypatch.setattr(fold, "_MANY", 3)
    journal, folded = Journal(), None
    for number in range(5):
        write(journal, SERVER, "OrderCreated", {"order": f"o{number}"})
    folded = Fold(journal)
    told(folded)
    assert [subject for _, subject in folded._open] == ["o2", "o3", "o4"]


@given(st.lists(st.integers(1, 40), max_size=12))
def test_a_journal_read_bit_by_bit_comes_to_the_same(sizes):
    journal = Journal(recent=8)
    folded = Fold(journal)
    for size in sizes:
        for number in range(size):
            write(journal, SERVER, "OrderCreated", {"order": str(number)})
            write(journal, SERVER, "CertificateIssued", {"order": str(number)}, after=1)
        told(folded)
    assert told(folded) == told(Fold(journal))
    assert told(folded)["gravel_certificates_issued_total"][()] == sum(sizes)


@given(st.integers(1, 200), st.integers(0, 60), st.booleans())
def test_what_a_limit_drops_was_counted_before(facts_written, limit, asked):
    journal = Journal(recent=4, limit=limit)
    folded = Fold(journal)
    for number in range(facts_written):
        write(journal, SERVER, "OrderReused", {"order": str(number)})
        if asked and number % 7 == 0:
            told(folded)
    assert told(folded)["gravel_server_events_total"][("OrderReused",)] == facts_written


def test_a_journal_that_has_dropped_entries_is_read_from_there():
    journal = Journal(recent=4, limit=4)
    for number in range(40):
        write(journal, SERVER, "OrderReused", {"order": str(number)})
    kept = len(journal) - journal.oldest + 1
    assert told(Fold(journal))["gravel_server_events_total"][("OrderReused",)] == kept < 40


SAID = [
    ('DNS record for "a.test" not yet propagated', "not_propagated"),
    ("NS ns1.a.test.:53 gave no answer for _acme-challenge.a.test.: timed out", "no_answer"),
    ("NS ns1.a.test.:53 returned REFUSED for _acme-challenge.a.test.", "rcode"),
    ("Could not find the SOA record in the DNS tree for the domain 'a.test.' using nameservers []", "no_zone"),
    ('Found recursive CNAME record to "a.test." when looking up "b.test."', "alias"),
    ("wrong status code '404', expected '200'", "wrong_status"),
    ('did not get expected response "x" when querying endpoint', "wrong_response"),
    (
        "failed to perform self check GET request 'u': Get \"u\": dial tcp 127.0.0.1:80: connect: connection refused",
        "refused",
    ),
    ("failed to perform self check GET request 'u': Get \"u\": dial tcp: lookup a.test: no such host", "no_such_host"),
    ("failed to perform self check GET request 'u': Get \"u\": dial tcp 192.0.2.1:80: i/o timeout", "timeout"),
    ("failed to perform self check GET request 'u': Get \"u\": stopped after 10 redirects", "redirect"),
    ("something else", "other"),
]


@pytest.mark.parametrize(("text", "word"), SAID)
def test_why_a_self_check_failed_is_one_word_of_few(text, word):
    assert reason_of(text) == word
    assert word in (*facts.REASONS.values(), "other")
