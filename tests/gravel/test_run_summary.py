"""The summary of `gravel run`: what it counts, and how it reads."""

from __future__ import annotations

from datetime import UTC, datetime

from acme_server.protocol.journal import Fact, Journal
from gravel.run_summary import summarize

ISSUED = {"serial": "ab", "identifiers": ["a.test", "b.test"], "not_before": "2026-01-01T00:00:00Z"}
ISSUED |= {"not_after": "2026-04-01T00:00:00Z"}
FAILED = {"type": "http-01", "identifier": "c.test", "problem": "urn:ietf:params:acme:error:connection"}
FAILED |= {"detail": "connection refused"}


def refused(endpoint: str, problem: str, detail: str) -> Fact:
    data = {"endpoint": endpoint, "problem": f"urn:ietf:params:acme:error:{problem}", "status": 400, "detail": detail}
    return Fact("RequestRefused", {}, data)


def journal_of(*facts: Fact) -> Journal:
    journal = Journal()
    journal.append("acme_server", facts, datetime(2026, 1, 1, tzinfo=UTC))
    return journal


def test_of_a_quiet_run_it_says_that_nothing_happened():
    summary = summarize(journal_of(Fact("OrderCreated", {})), ("true",), 0, 0.04)
    assert list(summary.to_lines()) == [
        "gravel run: true ended with 0 after 0.0 s",
        "  no certificates issued",
        "  no challenges failed",
        "  no requests refused",
    ]


def test_refusals_of_one_kind_are_told_once_and_counted():
    refusals = [("new-order", "badNonce", "nonce 1"), ("new-account", "badNonce", "x"), ("new-order", "badNonce", "2")]
    facts = [Fact("CertificateIssued", {}, ISSUED), Fact("ChallengeFailed", {}, FAILED)]
    summary = summarize(journal_of(*facts, *(refused(*each) for each in refusals)), ("certbot", "-n"), 1, 12.34)
    assert list(summary.to_lines()) == [
        "gravel run: certbot ended with 1 after 12.3 s",
        "  1 certificate issued",
        "    a.test, b.test: serial ab, until 2026-04-01T00:00:00Z",
        "  1 challenge failed",
        "    http-01 c.test: connection refused",
        "  3 requests refused",
        "    new-order: 400 badNonce: nonce 1 (2 times)",
        "    new-account: 400 badNonce: x",
    ]


def test_as_json_it_is_one_object_with_the_journals_own_data():
    summary = summarize(
        journal_of(Fact("CertificateIssued", {}, ISSUED), refused("new-order", "badNonce", "n")), ("a", "b"), 3, 1.23456
    )
    assert summary.to_json() == {
        "command": ("a", "b"),
        "exit_status": 3,
        "seconds": 1.235,
        "issued": (ISSUED,),
        "failed": (),
        "refused": (
            {
                "endpoint": "new-order",
                "problem": "urn:ietf:params:acme:error:badNonce",
                "status": 400,
                "detail": "n",
                "count": 1,
            },
        ),
    }
