import io
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gravel.printing import as_list, json_text, print_row, print_table, yaml_text
from gravel.tables import columns, headings, newest_last, row, style
from issuer_bridge.ages import age, duration
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    EVENT,
    ISSUER,
    KINDS,
    ORDER,
    SECRET,
)

NOW = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
METADATA = {"name": "x", "namespace": "default", "creationTimestamp": "2026-11-22T01:00:00Z", "resourceVersion": "1"}


# k8s.io/apimachinery/pkg/util/duration: the edges of its ranges.
@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (8 * 3600, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (730 * 86400 - 1, "729d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (8 * 365 * 86400, "8y"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_a_duration_is_kubectls(seconds, text):
    assert duration(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [("2026-11-22T01:00:00Z", "2m3s"), (None, "<unknown>"), ("", "<unknown>"), ("yesterday", "<unknown>")],
)
def test_an_age_is_counted_from_now(moment, text):
    assert age(moment, NOW) == text


def ready(status):
    return {"conditions": [{"type": "Ready", "status": status}]}


@pytest.mark.parametrize(
    ("kind", "resource", "heading", "cells"),
    [
        (ISSUER, {"status": ready("True")}, ("NAME", "READY", "AGE"), ("x", "True", "2m3s")),
        (CLUSTER_ISSUER, {}, ("NAME", "READY", "AGE"), ("x", "", "2m3s")),
        (
            CERTIFICATE_REQUEST,
            {
                "spec": {"issuerRef": {"name": "gravel"}, "username": "ada"},
                "status": {
                    "conditions": [{"type": "Approved", "status": "True"}, {"type": "Ready", "status": "False"}]
                },
            },
            ("NAME", "APPROVED", "DENIED", "READY", "ISSUER", "REQUESTER", "AGE"),
            ("x", "True", "", "False", "gravel", "ada", "2m3s"),
        ),
        (ORDER, {"status": {"state": "pending"}}, ("NAME", "STATE", "AGE"), ("x", "pending", "2m3s")),
        (
            CHALLENGE,
            {"spec": {"dnsName": "x.test"}},
            ("NAME", "STATE", "DOMAIN", "AGE"),
            ("x", "", "x.test", "2m3s"),
        ),
        (
            SECRET,
            {"type": "Opaque", "data": {"a": "", "b": ""}},
            ("NAME", "TYPE", "DATA", "AGE"),
            ("x", "Opaque", "2", "2m3s"),
        ),
        (
            EVENT,
            {
                "lastTimestamp": "2026-11-22T01:02:00Z",
                "type": "Normal",
                "reason": "Created",
                "involvedObject": {"kind": "Order", "name": "o"},
                "message": "it is",
            },
            ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"),
            ("3s", "Normal", "Created", "order/o", "it is"),
        ),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_a_resource_is_a_row_of_its_kinds_columns(kind, resource, heading, cells):
    shown = columns(kind)
    assert headings(shown) == heading
    assert row(shown, {"metadata": METADATA} | resource, NOW) == cells


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_has_columns_and_the_namespace_comes_first_where_there_is_one(kind):
    shown = headings(columns(kind, namespace=True))
    assert (shown[0] == "NAMESPACE") == kind.namespaced
    assert len(shown) == len(columns(kind)) + kind.namespaced


def test_events_come_in_the_order_in_which_they_happened():
    def event(version, moment):
        return {"metadata": {"resourceVersion": version, "creationTimestamp": "2026"}, "lastTimestamp": moment}

    events = [event("10", "2026-11-22T01:00:00Z"), event("9", "2026-11-22T01:00:00Z"), event("11", None)]
    assert [item["metadata"]["resourceVersion"] for item in newest_last(events)] == ["11", "9", "10"]


@pytest.mark.parametrize(
    ("heading", "value", "expected"),
    [("READY", "True", "green"), ("STATE", "invalid", "red"), ("NAME", "True", ""), ("READY", "", "")],
)
def test_values_have_colours(heading, value, expected):
    assert style(heading, value) == expected


def printed(draw, **options):
    screen = io.StringIO()
    draw(Console(file=screen, width=20, highlight=False, **options))
    return screen.getvalue()


ROWS = [("a-long-name", "True", "a message that is wider than the console [bold]"), ("b", "", "")]


def test_a_table_is_aligned_and_never_cut():
    text = printed(lambda console: print_table(console, ("NAME", "READY", "MESSAGE"), ROWS, indent="  "))
    assert text.splitlines() == [
        "  NAME          READY   MESSAGE",
        "  a-long-name   True    a message that is wider than the console [bold]",
        "  b",
    ]


def test_a_row_goes_into_the_columns_of_a_table():
    text = printed(lambda console: print_row(console, ("NAME", "READY"), ("longer-than-that", "True"), [4, 5]))
    assert text == "longer-than-that   True\n"


def test_colour_is_for_terminals_only():
    def draw(console):
        print_table(console, ("NAME", "READY"), [("a", "True")])

    assert "\x1b" not in printed(draw)
    assert "\x1b[32mTrue" in printed(draw, force_terminal=True, color_system="standard")


def test_yaml_is_written_as_kubectl_writes_it():
    document = {
        "metadata": {"name": "x", "labels": {}, "creationTimestamp": "2026-11-22T01:00:00Z", "generation": 1},
        "kind": "X",
        "spec": {
            "pem": "-----BEGIN\nabc\n-----END\n",
            "list": [{"b": 1, "a": "yes"}, "5"],
            "long": "word " * 40 + "end",
            "none": None,
            "true": True,
            "ä": "ö",
        },
    }
    assert yaml_text(document) == (
        "kind: X\n"
        "metadata:\n"
        '  creationTimestamp: "2026-11-22T01:00:00Z"\n'
        "  generation: 1\n"
        "  labels: {}\n"
        "  name: x\n"
        "spec:\n"
        "  list:\n"
        '  - a: "yes"\n'
        "    b: 1\n"
        '  - "5"\n'
        f"  long: {'word ' * 40}end\n"
        "  none: null\n"
        "  pem: |\n"
        "    -----BEGIN\n"
        "    abc\n"
        "    -----END\n"
        '  "true": true\n'
        "  ä: ö\n"
    )


def test_shared_values_are_written_out():
    shared = {"a": "b"}
    assert yaml_text({"one": shared, "two": shared}) == "one:\n  a: b\ntwo:\n  a: b\n"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=33)), inner),
        max_leaves=8,
    )
)
def test_yaml_reads_back_as_what_was_written(value):
    assert yaml.safe_load(yaml_text({"value": value})) == {"value": value}


def test_several_objects_are_a_list():
    assert as_list([{"a": 1}]) == {
        "apiVersion": "v1",
        "items": [{"a": 1}],
        "kind": "List",
        "metadata": {"resourceVersion": ""},
    }


def test_json_is_indented_and_sorted():
    assert json_text({"b": "ä", "a": 1}) == '{\n    "a": 1,\n    "b": "ä"\n}\n'
