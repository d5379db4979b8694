"""The suite against our own server, as it is."""

from contextlib import closing
from pathlib import Path

import pytest

from conformance.options import Options
from conformance.runner import run
from conformance.session import Session
from conformance.table import CHECKS, chosen
from conformance.verdict import Outcome
from gravel.free_port import free_port
from tests.conformance import mutant_challenges, mutant_requests
from tests.conformance.served import Served

# check -> why our own server fails it, and what mends it; none at present.
KNOWN: dict[str, str] = {}

# What is about one type of challenge alone.
SECTIONS = {"http-01": ("8.3",), "dns-01": ("8.4",), "tls-alpn-01": ("RFC 8737 3",)}
# Looked at only where the run meets it: this server has no limits, and its terms do not change.
UNMET = {"a_limit_is_named_so", "a_limit_says_when_it_ends", "changed_terms_are_explained"}


@pytest.mark.parametrize("turn", range(3))
def test_our_server_fails_no_check_but_those_that_are_known(open_session, turn):
    verdicts = list(run(CHECKS, open_session()))
    failed = {one.check.name: f"{one.expected}; {one.actual}" for one in verdicts if one.outcome is Outcome.FAIL}
    assert failed.keys() == KNOWN.keys(), failed


def test_nothing_of_our_server_is_out_of_reach_and_no_check_is_mistaken(open_session):
    verdicts = list(run(CHECKS, open_session()))
    out = {one.check.name: one.detail for one in verdicts if one.outcome in (Outcome.NOT_REACHABLE, Outcome.ERROR)}
    assert {name for name, why in out.items() if "--eab" not in why} == UNMET


def test_where_external_accounts_are_required_all_of_binding_is_passed():
    checks = [one for one in CHECKS if one.section == "7.3.4"]
    with Served(eab=(("kid-1", b"secret"),), eab_required=True) as addresses:
        options = Options(directory=addresses.directory, ca_cert=Path(addresses.tls_ca), eab=("kid-1", "c2VjcmV0"))
        with closing(Session(options)) as session:
            verdicts = [(one.check.name, one.outcome, one.detail) for one in run(checks, session)]
    assert verdicts == [(one.name, Outcome.PASS, "") for one in checks]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("kind", ["http-01", "dns-01", "tls-alpn-01"])
def test_challenges_are_answered_by_our_own_responders_alone(kind, named):
    """No management API is there to help. named: the names are found in our own DNS, too."""
    dns, http, tls = free_port(), free_port(), free_port()
    own = {"http-01": {"http01_port": http}, "dns-01": {}, "tls-alpn-01": {"tls_alpn_port": tls}}[kind]
    asked = {}
    if named or kind == "dns-01":
        own["dns"], asked["dns"] = ("127.0.0.1", dns), f"127.0.0.1:{dns}"
    names = [one.name for one in CHECKS if one.section in SECTIONS[kind]]
    with Served(http01_port=http, tls_alpn_port=tls, **asked) as addresses:
        options = Options(directory=addresses.directory, ca_cert=Path(addresses.tls_ca), **own)
        with closing(Session(options)) as session:
            verdicts = list(run([one for one in CHECKS if one.name in names], session))
    assert {one.check.name: (one.outcome, one.detail, one.actual) for one in verdicts} == dict.fromkeys(
        names, (Outcome.PASS, "", "")
    )


def test_challenges_are_answered_over_the_management_api_too():
    here = {"http01_port": 0, "http01_listen": "127.0.0.1:0", "tls_alpn_port": 0, "tls_alpn_listen": "127.0.0.1:0"}
    ours_alone = ("http_01_asks_for_the_token_at_the_name", "tls_alpn_01_asks_for_the_name")
    checks = [one for one in chosen("8.3") + chosen("RFC 8737") if one.name not in ours_alone]
    with Served(**here) as addresses:
        options = Options(
            directory=addresses.directory, ca_cert=Path(addresses.tls_ca), chall_mgmt=addresses.management
        )
        with closing(Session(options)) as session:
            verdicts = list(run(checks, session))
    missed = {one.check.name: one.detail for one in verdicts if one.outcome is not Outcome.PASS}
    wrong = "wrong certificates are shown by our own responder alone (--tls-alpn-port)"
    assert missed == dict.fromkeys(
        ["tls_alpn_01_is_not_valid_by_another_certificate", "another_protocol_is_not_acme_tls"], wrong
    )


def test_a_limit_is_no_refusal_of_what_was_wrong(open_session, monkeypatch):
    mutant_challenges.MUTANTS["a_limit_says_when_it_ends"](monkeypatch)
    found = {one.check.name: one.outcome for one in run(chosen("7.4"), open_session())}
    assert found["an_identifier_of_an_unknown_type_is_refused"] is Outcome.NOT_REACHABLE


def test_terms_that_a_new_account_must_agree_to_have_not_changed(open_session, monkeypatch):
    mutant_requests.MUTANTS["terms_that_must_be_agreed_to_are_named"](monkeypatch)
    found = {one.check.name: one.outcome for one in run(chosen("7.3"), open_session())}
    assert found["terms_that_must_be_agreed_to_are_named"] is Outcome.FAIL
    assert found["changed_terms_are_explained"] is Outcome.NOT_REACHABLE
