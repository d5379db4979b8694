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


@pytest.mark.parametrize("kind", ["http-01", "dns-01", "tls-alpn-01"])
def test_challenges_are_answered_by_our_own_responders_alone(kind):
    """Each type is the only one that the suite can answer, and no management API is there to help."""
    dns, http, tls = free_port(), free_port(), free_port()
    own = {
        "http-01": {"http01_port": http},
        "dns-01": {"dns": ("127.0.0.1", dns)},
        "tls-alpn-01": {"tls_alpn_port": tls},
    }
    names = [one.name for one in CHECKS if one.section in SECTIONS[kind]]
    asked = {"dns": f"127.0.0.1:{dns}"} if kind == "dns-01" else {}
    with Served(http01_port=http, tls_alpn_port=tls, **asked) as addresses:
        options = Options(directory=addresses.directory, ca_cert=Path(addresses.tls_ca), **own[kind])
        with closing(Session(options)) as session:
            verdicts = list(run([one for one in CHECKS if one.name in names], session))
    assert {one.check.name: (one.outcome, one.detail, one.actual) for one in verdicts} == dict.fromkeys(
        names, (Outcome.PASS, "", "")
    )
