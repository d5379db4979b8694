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
