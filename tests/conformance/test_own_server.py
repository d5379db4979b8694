"""The suite against our own server, as it is."""

from contextlib import closing
from pathlib import Path

import pytest

from conformance.options import Options
from conformance.runner import run
from conformance.session import Session
from conformance.table import CHECKS
from conformance.verdict import Outcome
from gravel.free_port import free_port
from tests.conformance.served import Served

# check -> why our own server fails it, and what mends it; none at present.
KNOWN: dict[str, str] = {}


@pytest.mark.parametrize("turn", range(3))
def test_our_server_fails_no_check_but_those_that_are_known(open_session, turn):
    verdicts = list(run(CHECKS, open_session()))
    failed = {one.check.name: f"{one.expected}; {one.actual}" for one in verdicts if one.outcome is Outcome.FAIL}
    assert failed.keys() == KNOWN.keys(), failed


def test_nothing_of_our_server_is_out_of_reach_and_no_check_is_mistaken(open_session):
    verdicts = list(run(CHECKS, open_session()))
    out = {one.check.name: one.detail for one in verdicts if one.outcome in (Outcome.NOT_REACHABLE, Outcome.ERROR)}
    assert {name: why for name, why in out.items() if "--eab" not in why} == {}


def test_where_external_accounts_are_required_all_of_binding_is_passed():
    checks = [one for one in CHECKS if one.section == "7.3.4"]
    with Served(eab=(("kid-1", b"secret"),), eab_required=True) as addresses:
        options = Options(directory=addresses.directory, ca_cert=Path(addresses.tls_ca), eab=("kid-1", "c2VjcmV0"))
        with closing(Session(options)) as session:
            verdicts = [(one.check.name, one.outcome, one.detail) for one in run(checks, session)]
    assert verdicts == [(one.name, Outcome.PASS, "") for one in checks]


def test_challenges_are_answered_by_http_01_too():
    names = ("another_key_authorization_is_not_accepted", "the_certificate_is_what_was_asked_for")
    checks = [one for one in CHECKS if one.name in names]
    port = free_port()
    with Served(http01_port=port) as addresses:
        options = Options(directory=addresses.directory, ca_cert=Path(addresses.tls_ca), http01_port=port)
        with closing(Session(options)) as session:
            assert [(one.outcome, one.detail) for one in run(checks, session)] == [(Outcome.PASS, "")] * 2
