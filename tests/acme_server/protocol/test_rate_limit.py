"""GCRA against a bucket that is counted in fractions, and rates as texts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.rate_limit import Rate, parse_rate, spend

START = datetime(2026, 11, 25, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("300/3h", Rate(300, timedelta(hours=3), 300)),
        ("20/s/10", Rate(20, SECOND, 10)),
        ("1/d/1152", Rate(1, timedelta(days=1), 1152)),
        ("5/7d", Rate(5, timedelta(days=7), 5)),
        ("1/250ms", Rate(1, timedelta(milliseconds=250), 1)),
    ],
)
def test_a_rate_is_a_count_a_period_and_a_burst(text, rate):
    assert rate == parse_rate(text)
    assert rate == parse_rate(str(rate))


@pytest.mark.parametrize(
    "text", ["", "5", "5/", "0/s", "-1/s", "5/0s", "5/y", "5/s/0", "5/s/", "1.5/s", " 5/s", "5/s\n", "\u0665/s"]
)
def test_what_is_no_rate_is_named(text):
    with pytest.raises(ValueError, match=r"is no rate; write COUNT/PERIOD\[/BURST\], such as 300/3h"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["1/999999w", "1/w/9999999"])
def test_a_rate_stays_within_the_calendar(text):
    with pytest.raises(ValueError, match="takes more than a hundred years to refill"):
        parse_rate(text)


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.integers(0, 200), min_size=1, max_size=60),
)
def test_a_bucket_is_as_full_as_one_counted_in_fractions(count, seconds_each, burst, gaps):
    rate = Rate(count, seconds_each * count * SECOND, burst)
    full_at, now, tokens = None, START, Fraction(burst)
    for gap in gaps:
        now += gap * SECOND
        tokens = min(Fraction(burst), tokens + Fraction(gap, seconds_each))
        decision = spend(rate, full_at, now)
        assert decision.allowed == (tokens >= 1)
        assert decision.retry_in == (timedelta(0) if tokens >= 1 else float((1 - tokens) * seconds_each) * SECOND)
        tokens -= 1 if decision.allowed else 0
        full_at = decision.full_at
        assert full_at - now == float((burst - tokens) * seconds_each) * SECOND


def test_who_waits_as_told_is_let_in_as_soon_as_there_is_room():
    """300 orders at once, then one every 36 s."""
    rate, now, full_at, admitted = parse_rate("300/3h"), START, None, []
    while len(admitted) < 1000:
        decision = spend(rate, full_at, now)
        full_at = decision.full_at
        if decision.allowed:
            admitted.append(now)
        now += decision.retry_in
    assert admitted == [START + max(0, number - 299) * 36 * SECOND for number in range(1000)]
