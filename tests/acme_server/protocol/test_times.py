"""Moments on the wire: one spelling out, RFC 3339 and nothing else in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.times import parse_rfc3339, rfc3339, rfc3339_micro

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS = st.integers(-30_000_000_000, 250_000_000_000)
MOMENTS = st.builds(
    lambda seconds, part: EPOCH + timedelta(seconds=seconds, microseconds=part), SECONDS, st.integers(0, 999_999)
)


@given(MOMENTS)
def test_what_is_written_reads_back_as_the_same_moment(moment):
    assert parse_rfc3339(rfc3339_micro(moment)) == moment
    assert parse_rfc3339(rfc3339(moment)) == moment.replace(microsecond=0)


def test_moments_are_written_in_utc_whatever_their_offset():
    moment = datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=2)))
    assert (rfc3339(moment), rfc3339_micro(moment)) == ("2025-12-31T23:02:03Z", "2025-12-31T23:02:03.000004Z")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01t00:00:00z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T00:00:00.25+01:00", datetime(2025, 12, 31, 23, 0, 0, 250000, tzinfo=UTC)),
    ],
)
def test_rfc_3339_is_read(text, expected):
    assert parse_rfc3339(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-01-01",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00",
        "20260101T000000Z",
        "2026-W01-1T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01T00:00:00Z\n",
    ],
)
def test_everything_else_is_a_value_error(text):
    with pytest.raises(ValueError):
        parse_rfc3339(text)
