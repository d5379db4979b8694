"""Patterns, by the table of approver-policy's `internal/util/wildcard_test.go`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.policy.wildcards import contains, covers, matches

MATCHES = [
    ("*", "cert-manager", True),
    ("", "cert-manager", False),
    ("", "", True),
    ("cert-*", "cert-manager.io", True),
    ("cert-manager-foo", "cert-manager", False),
    ("cert-manager", "cert-manager", True),
    ("cert-manager.io*", "cert-manager.io", True),
    ("*cert-manager.io", "cert-manager.io", True),
    ("cert-*manager.io", "cert-manager.io", True),
    ("cert-foo*", "cert-manager.io", False),
    ("ce*t-*ger*io", "cert-manager.io", True),
    ("ce*t-*ger*.", "cert-manager.io", False),
    ("*.example.com", "a.b.example.com", True),
    ("*.example.com", "*.example.com", True),
    ("a?c", "abc", False),
    (r"\*", "*", False),
    ("ab*ba", "aba", False),
]
CONTAINS = [
    ([], "cert-manager", False),
    (["cert-manager"], "cert-manager", True),
    ([""], "", True),
    (["cert-manager", "foo"], "cert-manager", True),
    (["foo", "cert-manager"], "cert-manager", True),
    (["foo", "cert-*"], "cert-manager", True),
    (["foo", "cert-*manager"], "cert-manager", True),
    (["foo", "cert-m*"], "cert-", False),
    (["foo", "cert-manager"], "bar", False),
    (["foo", "*"], "bar", True),
    (["foo", ""], "bar", False),
]
COVERS = [
    ([], [], True),
    (["cert-manager"], ["cert-manager"], True),
    (["cert-manager", "foo"], ["cert-manager"], True),
    (["cert-manager"], ["cert-manager", "foo"], False),
    (["foo", "cert-manager", "bar"], ["cert-manager", "foo"], True),
    (["foo", "cert-*", "bar"], ["cert-manager", "foo"], True),
    (["*"], ["cert-manager", "foo"], True),
    (["foo.*"], ["cert-manager", "foo."], False),
    (["foo.*"], ["foo.cert-manager", "foo."], True),
]


@pytest.mark.seed("B30")
@pytest.mark.parametrize(("pattern", "text", "expected"), MATCHES)
def test_a_pattern_is_the_whole_text(pattern, text, expected):
    assert expected == matches(pattern, text)


@pytest.mark.parametrize(("patterns", "text", "expected"), CONTAINS)
def test_one_pattern_is_enough_for_a_text(patterns, text, expected):
    assert expected == contains(patterns, text)


@pytest.mark.parametrize(("patterns", "texts", "expected"), COVERS)
def test_each_text_needs_a_pattern(patterns, texts, expected):
    assert expected == covers(patterns, texts)


@given(st.text("ab*.", max_size=12), st.text("ab.*", max_size=12))
def test_it_is_the_regular_expression_that_it_looks_like(pattern, text):
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None
    assert expected == matches(pattern, text)


def test_no_pattern_takes_long():
    assert not matches("*a" * 2000 + "!", "a" * 20000)
