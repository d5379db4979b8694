"""A finding, and its JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from issuer_bridge.diagnosis.finding import Finding


def test_a_finding_is_told_in_json_with_the_word_try_and_rfc_3339():
    finding = Finding(
        code="slots-full",
        subject="challenge/default/www",
        cause="60 challenges hold all slots",
        awaited="a slot",
        who="whoever owns the challenges that never pass",
        attempt="delete them",
        blocks=True,
        since=datetime(2026, 1, 1, tzinfo=UTC),
        pain=1,
        evidence=("challenge/a/b: presented for 3 days",),
    )
    assert finding.to_json() == {
        "code": "slots-full",
        "subject": "challenge/default/www",
        "cause": "60 challenges hold all slots",
        "awaited": "a slot",
        "who": "whoever owns the challenges that never pass",
        "try": "delete them",
        "blocks": True,
        "since": "2026-01-01T00:00:00.000000Z",
        "pain": 1,
        "evidence": ["challenge/a/b: presented for 3 days"],
    }
