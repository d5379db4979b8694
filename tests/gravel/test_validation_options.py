"""What the options and a world's settings say of validation."""

from __future__ import annotations

from datetime import timedelta

import click
import pytest

from acme_server.settings import CHALLENGE_TYPES, VantagePoint
from acme_server.settings import Settings as ServerSettings
from gravel.configuration import load
from gravel.management.request_body import Body
from gravel.management.world_options import options_of
from gravel.settings import Settings
from gravel.validation_options import resolver_of, with_validation

NAMESERVERS = ("127.0.0.1:8053", "127.0.0.2:8053")
NORTH, FAR = VantagePoint("north", "127.0.0.2:8053"), VantagePoint("far", "192.0.2.1:53")
# flags -> what they change of the server's settings
OPTIONS = [
    ({}, {}),
    ({"vantage": ("north=ns2", "far=192.0.2.1:53")}, {"vantages": (NORTH, FAR)}),
    ({"vantages": "3"}, {"vantages": (VantagePoint("vantage-2"), VantagePoint("vantage-3"))}),
    ({"vantage": ("north=ns2",), "vantages": "3"}, {"vantages": (NORTH, VantagePoint("vantage-3"))}),
    ({"vantage": ("north=ns2",), "quorum": "0"}, {"vantages": (NORTH,), "quorum": 0}),
    ({"caa_identity": ("CA.Test", "b.test")}, {"caa_identities": ("ca.test", "b.test")}),
    ({"challenge_type": ("dns-01", "dns-account-01")}, {"challenge_types": ("dns-01", "dns-account-01")}),
    ({"redirect_port": ("80", "443")}, {"redirect_ports": (80, 443)}),
    ({"ssrf_guard": "true"}, {"ssrf_guard": True}),
    ({"validation_attempts": "20"}, {"validation_attempts": 20}),
    ({"max_validations": "1", "max_redirects": "0"}, {"max_validations": 1, "max_redirects": 0}),
    (
        {"validation_delay": "0.5", "validation_timeout": "2"},
        {"validation_delay": timedelta(seconds=0.5), "validation_timeout": timedelta(seconds=2)},
    ),
]


@pytest.mark.parametrize(("flags", "changes"), OPTIONS, ids=str)
def test_options_say_how_validation_looks(flags, changes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    variables = {
        f"GRAVEL_{name.upper()}": ",".join(value) if isinstance(value, tuple) else value
        for name, value in flags.items()
    }
    settings = load("serve", {}, variables)
    assert ServerSettings(**changes) == with_validation(ServerSettings(), settings, NAMESERVERS)


CONTRADICTIONS = [
    ({"vantage": (VantagePoint("north", "ns3"),)}, "There is no ns3: the built-in DNS has nameservers up to ns2."),
    ({"vantage": (NORTH, NORTH)}, "Two vantage points have the same name."),
    ({"quorum": 1}, "A quorum of 1 needs as many vantage points beside the first; there are 0."),
    ({"challenge_type": ("dns-persist-01",)}, "Dns-persist-01 needs a CAA identity, which its records begin with."),
]


@pytest.mark.parametrize(("given", "sentence"), CONTRADICTIONS)
def test_options_that_contradict_each_other_are_refused_in_a_sentence(given, sentence):
    with pytest.raises(click.UsageError) as caught:
        with_validation(ServerSettings(), Settings(**given), NAMESERVERS)
    assert caught.value.message == sentence


@pytest.mark.parametrize("text", ["north", "north=", "=ns2", "north=ns0", "north=192.0.2.1", "a b=ns2"])
def test_a_vantage_point_of_another_form_is_refused(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError, match=r"is not NAME=HOST:PORT, nor NAME=ns2"):
        load("serve", {}, {"GRAVEL_VANTAGE": text})


def test_a_resolver_is_an_address_or_one_of_the_own_nameservers():
    asked = (None, "ns1", "ns2", "192.0.2.1:53")
    assert [resolver_of(each, NAMESERVERS) for each in asked] == [None, *NAMESERVERS, "192.0.2.1:53"]


WORLDS = [
    (
        {"vantages": {"far": "192.0.2.1:53", "near": None, "own": "ns1"}},
        "vantages",
        (FAR, VantagePoint("near"), VantagePoint("own", "ns1")),
    ),
    ({"vantages": {"a": None}, "quorum": 1}, "quorum", 1),
    ({"challenge_types": list(CHALLENGE_TYPES), "caa_identities": ["CA.test"]}, "challenge_types", CHALLENGE_TYPES),
    ({"caa_identities": ["CA.test"]}, "caa_identities", ("ca.test",)),
    ({"caa_recheck": "7h"}, "caa_recheck", timedelta(hours=7)),
    ({"redirect_ports": [80, 443]}, "redirect_ports", (80, 443)),
    ({"redirect_ports": []}, "redirect_ports", ()),
    ({"address_families": ["A"]}, "address_families", ("A",)),
    ({"max_validation_body": 128}, "max_validation_body", 128),
    ({"max_validations": 3}, "max_validations", 3),
    ({"max_redirects": 0}, "max_redirects", 0),
    ({"validation_delay": "2s"}, "validation_delay", timedelta(seconds=2)),
    ({"ssrf_guard": True}, "ssrf_guard", True),
]


@pytest.mark.parametrize(("settings", "name", "value"), WORLDS)
def test_a_world_may_look_in_its_own_way(settings, name, value):
    assert value == getattr(options_of(Body({"settings": settings}), ServerSettings()).settings, name)


BAD_WORLDS = [
    ({"vantages": []}, "'vantages' is wanted: an object"),
    ({"vantages": {"a": "b"}}, "'a' is wanted: HOST:PORT"),
    ({"vantages": {"a": 7}}, "'a' is wanted: a non-empty string"),
    ({"vantages": {"a": "ns2"}}, "there is no ns2: the built-in DNS has nameservers up to ns1"),
    ({"quorum": 1}, "a quorum of 1 needs as many vantage points beside the first; there are 0"),
    ({"challenge_types": ["email-reply-00"]}, "'challenge_types' are some of http-01, dns-01"),
    ({"challenge_types": ["dns-persist-01"]}, "dns-persist-01 needs a CAA identity"),
    ({"address_families": ["AAAA", "MX"]}, "'address_families' are some of AAAA, A"),
    ({"redirect_ports": 80}, "'redirect_ports' is wanted: a list of ports"),
    ({"redirect_ports": [0]}, "'redirect_ports' is wanted: a whole number from 1 to 65535"),
    ({"max_validations": 0}, "'max_validations' is wanted: a whole number from 1 to"),
]


@pytest.mark.parametrize(("settings", "sentence"), BAD_WORLDS)
def test_settings_that_cannot_be_are_refused_in_a_sentence(settings, sentence):
    with pytest.raises(ValueError) as caught:
        options_of(Body({"settings": settings}), ServerSettings())
    assert str(caught.value).startswith(sentence)
