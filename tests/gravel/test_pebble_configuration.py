"""What Pebble's configuration and variables come to here."""

from __future__ import annotations

import json
from datetime import timedelta

import click
import pytest

from acme_server.faults.personas import read_rules
from acme_server.profiles import Profile
from gravel.pebble_configuration import read
from gravel.shims import install


@pytest.fixture
def configured(tmp_path):
    def read_it(variables=None, **section):
        path = tmp_path / "pebble.json"
        path.write_text(json.dumps({"Pebble": section, "ignored": 1}))
        return read(path, variables or {})

    return read_it


def test_keys_are_found_in_any_case_and_unknown_ones_ignored(configured):
    found = configured(LISTENaddress="127.0.0.1:1400", managementListenAddress=":1500", HttpPort=5, nonsense=[])
    assert {name: found.options[name] for name in ("host", "acme_port", "management_port", "http01_port")} == {
        "host": "127.0.0.1",
        "acme_port": 1400,
        "management_port": 1500,
        "http01_port": 5,
    }


def test_without_a_file_there_are_pebbles_own_defaults_on_loopback():
    found = read(None, {})
    assert tuple(found.options[name] for name in ("host", "acme_port", "http01_port", "tls_alpn_port")) == (
        "127.0.0.1",
        14000,
        5002,
        5001,
    )
    assert (found.server["authorization_reuse"], found.server["orders_per_page"], found.reject) == (0.5, 3, 0.05)
    assert timedelta(days=90) == found.server["certificate_lifetime"]


@pytest.mark.parametrize(
    ("variable", "text", "part", "name", "expected"),
    [
        ("PEBBLE_AUTHZREUSE", "100", "server", "authorization_reuse", 1.0),
        ("PEBBLE_AUTHZREUSE", "101", "server", "authorization_reuse", 1.0),
        ("PEBBLE_AUTHZREUSE", "-1", "server", "authorization_reuse", 0.0),
        ("PEBBLE_AUTHZREUSE", "half", "server", "authorization_reuse", 0.5),
        ("PEBBLE_WFE_ORDERS_PER_PAGE", "15", "server", "orders_per_page", 15),
        ("PEBBLE_WFE_ORDERS_PER_PAGE", "0", "server", "orders_per_page", 3),
        ("PEBBLE_VA_ALWAYS_VALID", "1", "server", "always_valid", True),
        ("PEBBLE_VA_ALWAYS_VALID", "yes", "server", "always_valid", False),
        ("PEBBLE_VA_NOSLEEP", "1", "options", "validation_delay", 0.0),
        ("PEBBLE_VA_SLEEPTIME", "11", "options", "validation_delay", 5.0),
        ("PEBBLE_VA_SLEEPTIME", "0", "options", "validation_delay", 0.0),
        ("PEBBLE_ALTERNATE_ROOTS", "2", "options", "alternate_roots", 2),
        ("PEBBLE_ALTERNATE_ROOTS", "-2", "options", "alternate_roots", 0),
        ("PEBBLE_CHAIN_LENGTH", "0", "options", "chain_length", 0),
        ("PEBBLE_CHAIN_LENGTH", "x", "options", "chain_length", 1),
    ],
)
def test_a_variable_is_clamped_as_pebble_does(configured, variable, text, part, name, expected):
    assert getattr(configured({variable: text}), part)[name] == expected


@pytest.mark.parametrize(("text", "expected"), [("0", 0.0), ("20", 0.2), ("100", 0.99), ("-5", 0.0), ("", 0.05)])
def test_a_part_of_the_nonces_is_refused_by_a_rule(configured, text, expected):
    found = configured({"PEBBLE_WFE_NONCEREJECT": text})
    assert found.reject == expected
    assert [rule.when.probability for rule in read_rules(found.faults)] == ([expected] if expected else [])


def test_external_accounts_blocked_names_and_profiles_are_handed_on(configured):
    found = configured(
        externalAccountBindingRequired=True,
        externalAccountMACKeys={"kid-1": "AAEC"},
        domainBlocklist=["blocked.test"],
        profiles={
            "short": {"description": "Short", "validityPeriod": 3600, "promoteCommonName": True},
            "default": {"validityPeriod": 86400},
        },
    )
    assert tuple(found.options[name] for name in ("eab_required", "eab", "blocked_name")) == (
        True,
        (("kid-1", b"\0\1\2"),),
        ("blocked.test",),
    )
    assert timedelta(days=1) == found.server["certificate_lifetime"]
    assert found.server["profiles"] == (
        Profile("default", "", timedelta(days=1), must_staple=True),
        Profile("short", "Short", timedelta(hours=1), common_name=True, must_staple=True),
    )


def test_without_profiles_there_is_one_as_long_as_certificates_are_valid(configured):
    (profile,) = configured(certificateValidityPeriod=3600).server["profiles"]
    assert (profile.name, profile.lifetime, profile.common_name) == ("default", timedelta(hours=1), False)


@pytest.mark.parametrize(("text", "expected"), [("", None), ("http://127.0.0.1:4002", "http://127.0.0.1:4002")])
def test_an_ocsp_responder_is_named_unless_its_url_is_empty(configured, text, expected):
    assert configured(ocspResponderURL=text).server["ocsp_url"] == expected


def test_challenges_are_those_of_2_10_1_or_as_our_own_key_says(configured):
    assert len(configured().server["challenge_types"]) == 5
    assert configured(challengeTypes=["dns-01"]).server["challenge_types"] == ("dns-01",)


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ({"listenAddress": "nowhere"}, "'nowhere' is no address to listen on"),
        ({"httpPort": "5002"}, "'httpPort' is of the wrong type"),
        ({"challengeTypes": ["dns-02"]}, "'challengeTypes' are of http-01, .*, not 'dns-02'"),
        ({"keyAlgorithm": "dsa"}, "'keyAlgorithm' is rsa or ecdsa"),
        ({"certificate": "/none.pem", "privateKey": "/none.pem"}, "/none.pem cannot be read"),
    ],
)
def test_what_is_wrong_is_one_sentence(configured, section, complaint):
    with pytest.raises(click.ClickException, match=complaint):
        configured(**section)


def test_a_strangers_pebble_is_not_overwritten(tmp_path):
    (tmp_path / "pebble").write_text("#!/bin/sh\n")
    with pytest.raises(click.ClickException, match="somebody else's"):
        install(tmp_path)
