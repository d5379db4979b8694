"""Go's durations."""

from datetime import timedelta

import pytest

from issuer_bridge.durations import format_duration, fraction_of, parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2160h", timedelta(days=90)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5h", timedelta(minutes=90)),
        ("90m", timedelta(minutes=90)),
        ("500ms", timedelta(milliseconds=500)),
        ("1500us", timedelta(microseconds=1500)),
        ("-5s", timedelta(seconds=-5)),
        ("+5s", timedelta(seconds=5)),
        (".5s", timedelta(milliseconds=500)),
        ("0", timedelta(0)),
    ],
)
def test_a_duration_is_read(text, expected):
    assert expected == parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "5 s", "1d", "h", "1h-2m", "1h2", "five minutes"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (timedelta(hours=1), "1h0m0s"),
        (timedelta(days=90), "2160h0m0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(seconds=5), "5s"),
        (timedelta(0), "0s"),
        (timedelta(hours=-1), "-1h0m0s"),
    ],
)
def test_a_duration_is_written_as_go_writes_it(duration, expected):
    assert expected == format_duration(duration)
    assert duration == parse_duration(expected)


def test_moments_are_spread_evenly_and_each_name_keeps_its_own():
    found = [fraction_of(f"name-{number}") for number in range(1000)]
    assert found == [fraction_of(f"name-{number}") for number in range(1000)]
    assert [sum(tenth / 10 <= each < (tenth + 1) / 10 for each in found) > 70 for tenth in range(10)] == [True] * 10
