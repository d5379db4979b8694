"""What a scenario's values may look like, in a flag or a file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gravel.simulation import value_kinds as kinds
from gravel.simulation.scenario_fields import BY_FLAG, BY_PATH, FIELDS, document_of, flag_of, scenario_of
from gravel.simulation.value_kinds import LONGEST
from scheduler.simulator.delays import Delay, fixed
from scheduler.simulator.scenario import DAY, HOUR, MINUTE, SECOND, Arrival, Renewals, Scenario

GOOD = [
    (kinds.DURATION, "90s", 90 * SECOND),
    (kinds.DURATION, "2m", 2 * MINUTE),
    (kinds.DURATION, "1h30m", HOUR + 30 * MINUTE),
    (kinds.DURATION, "60d", 60 * DAY),
    (kinds.DURATION, "250ms", 250),
    (kinds.DURATION, "1.5", 1500),
    (kinds.DURATION, 90, 90 * SECOND),
    (kinds.DELAY, "30s", fixed(30 * SECOND)),
    (kinds.DELAY, 0, fixed(0)),
    (kinds.DELAY, "uniform 10s..90s", Delay("uniform", 10 * SECOND, 90 * SECOND)),
    (kinds.DELAY, "uniform 10s .. 1m30s", Delay("uniform", 10 * SECOND, 90 * SECOND)),
    (kinds.DELAY, "exponential 30s", Delay("exponential", 30 * SECOND)),
    (kinds.DELAY, "lognormal 30s 0.8", Delay("lognormal", 30 * SECOND, 800)),
    (kinds.SHARE, "5%", 0.05),
    (kinds.SHARE, "0.05", 0.05),
    (kinds.SHARE, 1, 1.0),
    (kinds.count(1), "60", 60),
    (kinds.optional(kinds.count(1)), "none", None),
    (kinds.optional(kinds.count(1)), None, None),
    (kinds.several(kinds.DURATION), "1m, 2m", (MINUTE, 2 * MINUTE)),
    (kinds.several(kinds.TEXT), ["a.test"], ("a.test",)),
    (kinds.FLAG, True, True),
]
BAD = [
    (kinds.DURATION, "90x", "'90x' is no duration; write 90s, 2m or 1h30m"),
    (kinds.DURATION, "-1s", "'-1s' is no duration; write 90s, 2m or 1h30m"),
    (kinds.DURATION, -1, "-1 is no duration; write 90s, 2m or 1h30m"),
    (kinds.DURATION, True, "True is no duration; write 90s, 2m or 1h30m"),
    (kinds.DURATION, float("inf"), "inf is no duration; write 90s, 2m or 1h30m"),
    (kinds.DURATION, "36526d", "'36526d' is no duration; write 90s, 2m or 1h30m"),
    (kinds.POSITIVE, "0s", "is 0; it must be longer than nothing"),
    (kinds.DELAY, "uniform 90s..10s", "'uniform 90s..10s' ends before it begins"),
    (kinds.DELAY, "normal 3s", "'normal 3s' is no duration; write 90s, 2m or 1h30m"),
    *(
        (kinds.DELAY, text, f"{text!r} is no delay; write 30s, uniform 10s..90s, exponential 30s or lognormal 30s 0.8")
        for text in ("uniform 10s", "exponential 3s 4", "lognormal 30s", "lognormal 30s x", "lognormal 30s 0.8001")
    ),
    (kinds.SHARE, "105%", "'105%' is no share; write 5% or 0.05"),
    (kinds.SHARE, "x", "'x' is no share; write 5% or 0.05"),
    (kinds.SHARE, True, "True is no share; write 5% or 0.05"),
    (kinds.count(1, 9), "0", "'0' is no whole number from 1 to 9"),
    (kinds.count(1, 9), 1.5, "1.5 is no whole number from 1 to 9"),
    (kinds.count(1, 9), True, "True is no whole number from 1 to 9"),
    (kinds.word("none", "letsencrypt"), "letsencrpt", "'letsencrpt' is unknown; did you mean letsencrypt?"),
    (kinds.word("none", "letsencrypt"), 7, "7 is unknown; did you mean"),
    (kinds.several(kinds.DURATION), 7, "7 is no list"),
    (kinds.FLAG, "yes", "'yes' is neither true nor false"),
    (kinds.TEXT, "a\nb", "'a\\nb' is no line of text"),
]


@pytest.mark.parametrize(("kind", "written", "value"), GOOD)
def test_a_value_is_read_from_a_text_or_from_yaml(kind, written, value):
    assert kind.read(written) == value


@pytest.mark.parametrize(("kind", "written", "sentence"), BAD)
def test_a_bad_value_is_told_with_one_that_would_do(kind, written, sentence):
    with pytest.raises(ValueError) as complaint:
        kind.read(written)
    assert str(complaint.value).startswith(sentence)


@pytest.mark.parametrize("spelling", ["http01", "HTTP-01", "http-01", "Http01"])
def test_a_solver_has_the_spelling_of_everyday(spelling):
    assert BY_FLAG["solver"].kind.read(spelling) == "HTTP-01"


def test_a_law_is_a_member_of_its_enumeration():
    assert BY_FLAG["arrivals"].kind.read("trickle") is Arrival.TRICKLE


DURATIONS = st.integers(0, LONGEST)
VALUES = {
    id(kinds.DURATION): DURATIONS,
    id(kinds.POSITIVE): st.integers(1, LONGEST),
    id(kinds.SHARE): st.floats(0, 1),
    id(kinds.DELAY): st.one_of(
        st.builds(fixed, DURATIONS),
        st.builds(lambda ends: Delay("uniform", *sorted(ends)), st.tuples(DURATIONS, DURATIONS)),
        st.builds(lambda mean: Delay("exponential", mean), DURATIONS),
        st.builds(lambda median, spread: Delay("lognormal", median, spread), DURATIONS, st.integers(0, 9999)),
    ),
}
WRITTEN = [(field, VALUES[id(field.kind)]) for field in FIELDS if id(field.kind) in VALUES]


@given(st.one_of(*(st.tuples(st.just(field), values) for field, values in WRITTEN)))
def test_what_is_written_of_a_value_is_read_as_the_same(row):
    field, value = row
    assert field.kind.read(field.kind.write(value)) == value


def test_every_flag_is_of_one_field():
    assert len(BY_FLAG) == len(BY_PATH) == len(FIELDS)


@pytest.mark.parametrize("word", ["retry-period", "retry_period", "cluster.retry_period"])
def test_a_knob_may_be_called_as_its_flag_or_as_its_place_in_a_file(word):
    assert flag_of(word) is BY_PATH["cluster.retry_period"]


CONTRADICTIONS = [
    ({}, "certificates: how many are wanted"),
    ({"renewals.ari": True}, "until: renewals never end; say when the run does, such as 365d"),
    ({"renewals.lifetime": DAY, "until": DAY}, "renewals.before: is not shorter than lifetime"),
    ({"cluster.first_retry": 33 * HOUR}, "cluster.first_retry: is longer than longest_retry"),
    ({"arrivals.law": Arrival.GIVEN}, "arrivals.moments: 0 are given for 2 certificates"),
    ({"arrivals.moments": (0, 1)}, "arrivals.moments: are for the law given"),
    ({"names.given": ("a.test",)}, "names.given: 1 are given for 2 certificates"),
    (
        {"names.given": ("a.test", "b.test"), "names.shared": 0.5},
        "names.given: goes without the other members of names",
    ),
    ({"solver.stuck_names": ("a.test",)}, "solver.stuck_names: a.test is none of the names given"),
]


@pytest.mark.parametrize(("values", "sentence"), CONTRADICTIONS)
def test_values_that_contradict_each_other_are_refused(values, sentence):
    with pytest.raises(ValueError) as complaint:
        scenario_of({**({"certificates": 2} if values else {}), **values})
    assert str(complaint.value) == sentence


def test_a_document_leaves_out_what_is_as_by_default_but_not_that_there_are_renewals():
    assert document_of(Scenario(5)) == {"certificates": 5}
    assert document_of(Scenario(5, until=DAY, renewals=Renewals())) == {
        "certificates": 5,
        "until": "1d",
        "renewals": {},
    }
