"""Domain names as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.dns.name import MAX_NAME, canonical, from_labels, suffixes, to_labels


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("www.example.test", "WWW.Example.TEST."),
        ("www.example.test", "www.example.test"),
        ("_acme-challenge.example.test", "_acme-challenge.example.test"),
        ("*.example.test", "*.example.test"),
        ("", "."),
        ("", ""),
        ("a" * 63 + ".test", "a" * 63 + ".test"),
    ],
)
def test_a_name_has_one_form(expected, name):
    assert expected == canonical(name)


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".test",
        "a..test",
        "a.test..",
        "a" * 64 + ".test",
        "a." * 126 + "aa",
        "bücher.test",
        "\u212aelvin.test",
        "a b.test",
        "a\\046b.test",
        "a\n.test",
    ],
)
def test_what_is_not_a_name_is_refused(name):
    with pytest.raises(ValueError, match="is not a domain name"):
        canonical(name)


def test_the_longest_name_has_253_characters():
    name = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert len(canonical(name)) == MAX_NAME


def test_octets_that_are_not_plain_are_escaped():
    assert from_labels((b"A.b\\\x00\xff", b"Test")) == r"a\046b\092\000\255.test"


@given(st.lists(st.binary(min_size=1, max_size=63), max_size=4).map(tuple))
def test_every_name_on_the_wire_has_one_text_but_for_case(labels):
    assert tuple(label.lower() for label in labels) == to_labels(from_labels(labels))


def test_the_suffixes_of_a_name_are_the_names_above_it():
    assert list(suffixes("a.b.test")) == ["a.b.test", "b.test", "test"]
    assert list(suffixes("")) == []
