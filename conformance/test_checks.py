"""The suite as a pytest package: `ACME_DIRECTORY=... pytest --pyargs conformance`, a test for each check.

Options are the variables of the command line: ACME_DIRECTORY, ACME_CA_CERT or ACME_TLS_CA, ACME_CHALL_MGMT or
ACME_MANAGEMENT, ACME_HTTP01_PORT, ACME_TLS_ALPN_PORT, ACME_EAB. A MUST that fails is a failure, any other an expected one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing

import click
import pytest

from conformance.check import Check
from conformance.cli import main, options_of
from conformance.report import said
from conformance.runner import judge
from conformance.session import Session
from conformance.table import CHECKS
from conformance.verdict import Outcome


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    """One run against the server that the environment names."""
    if "ACME_DIRECTORY" not in os.environ:
        pytest.skip("ACME_DIRECTORY names no server")
    try:
        context = main.make_context("conformance", [])
    except click.UsageError as error:
        pytest.fail(error.format_message())
    with closing(Session(options_of(context.params))) as opened:
        yield opened


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.section}-{check.name}")
def test_check(check: Check, session: Session) -> None:
    """The server does what the check's sentence says."""
    verdict = judge(check, session)
    why = f"{check.section} {check.level}, {check.sentence} {said(verdict)}"
    if verdict.breaks:
        pytest.fail(why, pytrace=False)
    if verdict.outcome is Outcome.FAIL:
        pytest.xfail(why)
    if verdict.outcome in (Outcome.NOT_OFFERED, Outcome.NOT_REACHABLE, Outcome.LEFT_OUT):
        pytest.skip(f"{verdict.outcome}: {verdict.detail}")
    assert verdict.outcome is Outcome.PASS, verdict.detail
