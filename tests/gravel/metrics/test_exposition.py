"""Readings become text that Prometheus's own parser reads back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.histogram import Histogram
from gravel.metrics.exposition import text_of
from gravel.metrics.family import Family, Summary
from tests.gravel.metrics.samples import read


def family(name, type_, *labels):
    return Family(name, type_, "what it is", labels)


def text(one, samples):
    return text_of({one: samples}).decode()


@pytest.mark.parametrize("name", ["gravel_things_total", "certmanager_things_count", "certmanager_clock_time_seconds"])
def test_a_counter_keeps_its_name_whether_or_not_it_ends_in_total(name):
    assert text(family(name, "counter", "of"), {("a",): 2}).splitlines() == [
        f"# HELP {name} what it is",
        f"# TYPE {name} counter",
        f'{name}{{of="a"}} 2.0',
    ]


def test_a_histogram_is_cumulative_and_its_bounds_belong_below():
    times = Histogram((0.5, 2.0))
    for seconds in (0.25, 0.5, 1.0, 7.0):
        times.add(seconds)
    assert read(text(family("t_seconds", "histogram"), {(): times})) == {
        't_seconds_bucket{le="0.5"}': 2,
        't_seconds_bucket{le="2"}': 3,
        't_seconds_bucket{le="+Inf"}': 4,
        "t_seconds_sum": 8.75,
        "t_seconds_count": 4,
    }


def test_a_summary_has_quantiles_which_are_no_number_where_there_is_nothing():
    shown = read(text(family("t_seconds", "summary"), {(): Summary(3, 4.5, {0.5: 1.0, 0.99: math.nan})}))
    assert math.isnan(shown.pop('t_seconds{quantile="0.99"}'))
    assert shown == {'t_seconds{quantile="0.5"}': 1.0, "t_seconds_sum": 4.5, "t_seconds_count": 3}


def test_a_family_without_samples_has_its_head():
    assert text(family("t", "gauge"), {}) == "# HELP t what it is\n# TYPE t gauge\n"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x85\u2028\u2029\v\f\x1c\x1d\x1e")))
def test_any_text_may_be_the_value_of_a_label(value):
    """A reason is what a server said; what `splitlines` of the parser breaks at is left out."""
    from prometheus_client.parser import text_string_to_metric_families

    (parsed,) = text_string_to_metric_families(text(family("t", "gauge", "reason"), {(value,): 1}))
    assert [sample.labels["reason"] for sample in parsed.samples] == [value]
