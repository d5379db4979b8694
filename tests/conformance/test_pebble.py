"""The suite against Debian's pebble: a server that we did not write, and whose defects are known."""

import json
from contextlib import closing

import pytest

from bench.servers import pebble
from conformance.options import Options
from conformance.report import to_json
from conformance.runner import run
from conformance.session import Session
from conformance.table import CHECKS, chosen
from conformance.verdict import Outcome

pytestmark = pytest.mark.client("pebble")

# Of pebble 2.4.0, and of what came after it: each is in its source, or was tried by hand too.
DEFECTS = {
    "supported_algorithms_are_listed": "no such member",
    "another_url_makes_it_unauthorized": "400 malformed",
    "errors_are_problem_documents": "404 without a problem document",
    "nonces_are_not_cached": "no-cache",
    "a_deactivated_account_is_told_401": "403 unauthorized",
    "a_deactivated_account_cannot_revoke": "200",
    "an_order_with_an_unreadable_date_is_refused": "201",
    "an_order_that_ends_before_it_begins_is_refused": "201",
    "an_order_ends_with_an_authorization_that_is_given_up": "deactivated",
    "who_controls_its_names_revokes_a_certificate": "403 unauthorized",
    "whitespace_after_the_text_is_ignored": "invalid",
    "an_address_has_one_spelling": "201",
    "no_request_is_smuggled_in_a_body": "415 malformed, 204",
    "base64url_has_no_other_characters": "201 for a line break in the signature",
    "base64url_has_one_spelling": "201",
    "a_short_rsa_key_is_refused": "201",
    "what_is_no_json_is_explained_wherever_it_is": "invalid UTF-8 in the payload",
    "names_that_come_twice_are_refused": "201 for two agreements in the payload",
    "a_csr_without_a_good_signature_is_refused": "200 for a CSR with a forged signature",
    "a_csr_with_a_weak_key_is_refused": "200 for a CSR with an RSA key of 1024 bits",
    "a_csr_asks_for_the_orders_names_exactly": "200 for a CSR with a common name that is not in the order",
    "a_name_may_be_the_common_name_alone": "403 unauthorized",
    "what_is_no_name_cannot_be_ordered": "201 for 'a..",
    "odd_names_are_explained": "201 for '127.1'",
    "absurd_dates_are_refused": "201 for notBefore 'now'",
    "dates_of_other_ages_are_explained": "201 for notBefore 1900",
    "odd_contacts_are_explained": "201 for ['mailto:aaa",
    "a_large_body_is_refused": "201",
    "too_many_of_a_kind_are_explained": "201 for 2,000 identifiers",
    "a_silent_connection_ends": "silence",
    "a_slow_head_ends": "a head",
    "a_slow_body_ends": "a body",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with pebble(tmp_path_factory.mktemp("pebble")) as found:
        yield found


@pytest.fixture(scope="module", params=["challtestsrv", "our own responders"])
def verdicts(request, running):
    options = Options(
        directory=running.directory,
        ca_cert=running.ca,
        chall_mgmt=running.management if request.param == "challtestsrv" else None,
        http01_port=running.http01_port,
        tls_alpn_port=running.tls_alpn_port,
    )
    with closing(Session(options)) as session:
        return {one.check.name: one for one in run(CHECKS, session)}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_shows(verdicts, name):
    assert (verdicts[name].outcome, verdicts[name].check.name) == (Outcome.FAIL, name)
    assert DEFECTS[name] in verdicts[name].actual


def test_most_checks_pass_and_none_is_out_of_reach(verdicts):
    out = {name: one.detail for name, one in verdicts.items() if one.outcome in (Outcome.NOT_REACHABLE, Outcome.ERROR)}
    # Its orders become 'deactivated' with an authorization, which orders cannot be.
    unmet = ("--eab", "the run met no", "what can be answered here is none of dns-01")
    assert [name for name, why in out.items() if not why.startswith(unmet) and "--eab" not in why] == [
        "invalid_orders_are_not_listed"
    ]
    assert sum(one.outcome is Outcome.PASS for one in verdicts.values()) > 100


def test_a_key_rollover_passes_and_fails(verdicts):
    """Our own server has none, so that pebble is what these checks are held against."""
    passed = ("a_key_is_changed", "a_key_change_leaves_orders_as_they_are", "a_wrong_key_change_is_refused")
    assert [verdicts[name].outcome for name in passed] == [Outcome.PASS] * 3
    assert verdicts["a_conflict_names_the_other_account"].outcome is Outcome.FAIL


EAB = ("kid-1", "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W")


@pytest.fixture(scope="module")
def bound(tmp_path_factory):
    """Run the checks of accounts against a pebble that wants external accounts."""
    settings = {"externalAccountBindingRequired": True, "externalAccountMACKeys": dict([EAB])}
    with pebble(tmp_path_factory.mktemp("bound"), **settings) as running:
        options = Options(directory=running.directory, ca_cert=running.ca, chall_mgmt=running.management, eab=EAB)
        with closing(Session(options)) as session:
            return list(run(chosen("7.3"), session))


def test_an_external_account_is_bound(bound):
    verdicts = [one.outcome for one in bound if one.check.section == "7.3.4"]
    assert verdicts == [Outcome.PASS] * 5


def test_the_key_of_an_external_account_is_in_no_report(bound):
    assert EAB[1] not in json.dumps(to_json("https://acme.test/dir", bound))
