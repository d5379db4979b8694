"""A nameserver that is late shows what the zone held some time ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.dns.lookup import lookup
from solvers.dns.secondary import Lag, Secondary
from solvers.dns.zone import Zone

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


def late(seconds, until=None, seed=b""):
    return Lag(seconds * SECOND, (seconds if until is None else until) * SECOND, seed)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def zone(clock):
    return Zone(default_addresses=[], clock=clock)


def texts(zone, name="a.test"):
    return (zone.rrsets(name) or {}).get("TXT")


def serial(zone):
    return int(zone.soa("test").value.split()[2])


def test_a_change_is_seen_when_its_time_has_come(zone, clock):
    secondary = Secondary(zone, late(10))
    zone.add_txt("a.test", "one")
    for second, expected in ((0, None), (9, None), (10, ("one",)), (60, ("one",))):
        assert expected == texts(secondary.at(START + second * SECOND))
    assert texts(zone) == ("one",)


def test_what_was_removed_stays_as_long(zone, clock):
    zone.add_txt("x.a.test", "one")
    clock.now = START + 60 * SECOND
    secondary = Secondary(zone, late(10))
    assert texts(secondary.at(clock.now), "x.a.test") == ("one",)
    zone.clear_txt("x.a.test")
    assert texts(secondary.at(clock.now + 9 * SECOND), "x.a.test") == ("one",)
    gone = secondary.at(clock.now + 10 * SECOND)
    assert (texts(gone, "x.a.test"), lookup(gone, "x.a.test", "TXT").rcode) == (None, "NXDOMAIN")


def test_a_name_that_is_not_there_yet_does_not_exist(zone, clock):
    secondary = Secondary(zone, late(10))
    zone.add_txt("a.b.test", "one")
    assert lookup(secondary.at(START), "b.b.test", "A").rcode == "NXDOMAIN"
    assert lookup(secondary.at(START), "a.b.test", "TXT").rcode == "NXDOMAIN"


def test_one_that_starts_late_is_late_from_the_start(zone, clock):
    zone.add_txt("a.test", "one")
    clock.now = START + 5 * SECOND
    zone.add_txt("a.test", "two")
    secondary = Secondary(zone, late(10))
    assert [texts(secondary.at(START + second * SECOND)) for second in (5, 10, 14, 15)] == [
        None,
        ("one",),
        ("one",),
        ("one", "two"),
    ]


def test_the_serial_is_that_of_what_is_seen(zone, clock):
    secondary = Secondary(zone, late(10))
    zone.add_txt("a.test", "one")
    before = serial(zone) - 1
    clock.now = START + 5 * SECOND
    zone.add_txt("b.test", "two")
    seen = [serial(secondary.at(START + second * SECOND)) for second in (5, 10, 15)]
    assert seen == [before, before + 1, serial(zone)]


def test_between_two_bounds_each_change_has_a_lag_of_its_own_and_always_the_same(zone, clock):
    for number in range(50):
        zone.add_txt(f"{number}.test", "x")

    def seen(seed):
        secondary = Secondary(zone, late(10, 20, seed))
        moments = (10, 15, 20)
        return [
            [bool(texts(secondary.at(START + second * SECOND), f"{number}.test")) for number in range(50)]
            for second in moments
        ]

    at_10, at_15, at_20 = seen(b"one")
    assert (any(at_10), all(at_20)) == (False, True)
    assert 10 < sum(at_15) < 40
    assert seen(b"one") == [at_10, at_15, at_20] != seen(b"two")


def test_of_two_changes_the_later_wins_as_soon_as_it_is_seen(zone, clock):
    """With lags of their own, the second may be seen first; what comes to light after it is older, and changes nothing."""
    zone.add_txt("a.test", "one")
    zone.add_txt("a.test", "two")
    overtaken = 0
    for number in range(200):
        secondary = Secondary(zone, late(0, 10, bytes([number])))
        seen = [texts(secondary.at(START + second * SECOND)) for second in range(11)]
        stages = [None, ("one",), ("one", "two")]
        assert [stages.index(each) for each in seen] == sorted(stages.index(each) for each in seen)
        overtaken += ("one",) not in seen
    assert overtaken


def test_default_addresses_are_seen_at_once(zone, clock):
    secondary = Secondary(zone, late(10))
    secondary.at(START)
    zone.set_default_addresses(["192.0.2.1"])
    assert secondary.at(START).rrsets("any.test")["A"] == ("192.0.2.1",)


def test_a_zone_that_became_another_is_followed_anew(zone, clock):
    kept = zone.copy()
    secondary = Secondary(zone, late(10))
    zone.add_txt("a.test", "one")
    clock.now = START + 60 * SECOND
    assert texts(secondary.at(clock.now)) == ("one",)
    zone.become(kept)
    assert texts(secondary.at(clock.now)) is None


NAMES = ("a.test", "b.a.test", "c.test")
VERBS = {
    "add": lambda zone, name: zone.add_txt(name, "one"),
    "add two": lambda zone, name: zone.add_txt(name, "two"),
    "remove": lambda zone, name: zone.remove_txt(name, "one"),
    "clear": lambda zone, name: zone.clear_txt(name),
    "alias": lambda zone, name: zone.set_cname(name, "c.test"),
    "no alias": lambda zone, name: zone.clear_cname(name),
    "replace": lambda zone, name: zone.replace({each: {"TXT": ("new",)} for each in NAMES}),
}
STEPS = st.lists(
    st.tuples(st.integers(0, 15), st.sampled_from(list(VERBS)), st.sampled_from(NAMES), st.booleans()), max_size=12
)


@given(STEPS, st.integers(0, 30))
def test_a_fixed_lag_shows_exactly_the_past(steps, lag):
    clock = Clock()
    zone = Zone(default_addresses=[], clock=clock)
    secondary = Secondary(zone, late(lag))
    past = [(datetime.min.replace(tzinfo=UTC), zone.copy())]
    for wait, verb, name, look in [*steps, (0, "clear", "z.test", True), (60, "clear", "z.test", True)]:
        clock.now += wait * SECOND
        VERBS[verb](zone, name)
        past.append((clock.now, zone.copy()))
        if look:
            expected = next(copy for at, copy in reversed(past) if at <= clock.now - lag * SECOND)
            seen = secondary.at(clock.now)
            for each in (*NAMES, "test", "x.a.test"):
                assert expected.rrsets(each) == seen.rrsets(each), each
