"""--rate-limits and --rate-limit."""

from __future__ import annotations

import json

import click
import pytest

from acme_server.limit_presets import preset
from acme_server.protocol.rate_limit import parse_rate
from gravel.rate_limit_options import rates_of
from gravel.settings import Settings


def test_there_are_none_unless_told():
    assert rates_of(Settings()) == {}


def test_a_single_limit_stands_over_the_preset():
    rates = rates_of(
        Settings(rate_limits="letsencrypt", rate_limit=("NewOrdersPerAccount=7/h", "CertificatesPerDomain=1/s"))
    )
    assert rates["NewOrdersPerAccount"] == parse_rate("7/h")
    assert {**preset("letsencrypt"), **rates} == rates


def test_a_file_holds_names_and_rates(tmp_path):
    file = tmp_path / "limits.json"
    file.write_text(json.dumps({"NewOrdersPerAccount": "7/h"}))
    assert rates_of(Settings(rate_limits=str(file))) == {"NewOrdersPerAccount": parse_rate("7/h")}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rate_limits": "zerossl"}, "'zerossl' is no preset of rate limits"),
        ({"rate_limits": "/"}, "the file cannot be read"),
        ({"rate_limit": ("NewOrdersPerAccount",)}, "'' is no rate"),
        ({"rate_limit": ("Orders=1/s",)}, "'Orders' is no rate limit"),
    ],
)
def test_what_is_wrong_with_an_option_is_one_sentence(options, sentence):
    with pytest.raises(click.BadParameter, match=sentence):
        rates_of(Settings(**options))
