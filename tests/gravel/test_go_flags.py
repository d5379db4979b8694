"""Command lines as Go reads them."""

from __future__ import annotations

import click
import pytest

from gravel.go_flags import parse

DEFAULTS = {"config": "c", "strict": False}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", {}),
        ("-config f", {"config": "f"}),
        ("--config f", {"config": "f"}),
        ("-config=f", {"config": "f"}),
        ("--config=a=b", {"config": "a=b"}),
        ("-config=", {"config": ""}),
        ("-config -strict", {"config": "-strict"}),
        ("-strict", {"strict": True}),
        ("--strict=false -config f", {"strict": False, "config": "f"}),
        ("-config a -config b", {"config": "b"}),
        ("-strict --", {"strict": True}),
    ],
)
def test_a_flag_is_read_in_each_of_its_forms(line, expected):
    assert parse(line.split(), DEFAULTS) == {**DEFAULTS, **expected}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("-config", "flag needs an argument: -config"),
        ("-no", "flag provided but not defined: -no"),
        ("-strict=perhaps", 'invalid boolean value "perhaps" for -strict'),
        ("-strict true", "invalid command line arguments: true"),
        ("stray -strict", "invalid command line arguments: stray -strict"),
        ("-- -strict", "invalid command line arguments: -strict"),
    ],
)
def test_what_is_no_flag_is_complained_of(line, complaint):
    with pytest.raises(click.UsageError, match=complaint):
        parse(line.split(), DEFAULTS)
