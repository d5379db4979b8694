"""Every check catches a mutant of our server: what it says can fail."""

import pytest

from conformance.runner import judge
from conformance.table import CHECKS
from conformance.verdict import Outcome
from tests.conformance import mutant_replies, mutant_requests

MUTANTS = {**mutant_requests.MUTANTS, **mutant_replies.MUTANTS}
# Checks of what our server does not do; no mutant of it can fail them.
NO_MUTANT = {one.name for one in CHECKS if "keyChange" in one.needs}


def test_every_check_but_those_of_what_our_server_does_not_do_has_a_mutant():
    assert [one.name for one in CHECKS if one.name not in {*MUTANTS, *NO_MUTANT}] == []
    assert sorted(MUTANTS) == sorted({*MUTANTS} & {one.name for one in CHECKS})


@pytest.mark.parametrize("check", [one for one in CHECKS if one.name in MUTANTS], ids=lambda one: one.name)
def test_a_mutant_is_caught_by_its_check(check, open_session, monkeypatch):
    MUTANTS[check.name](monkeypatch)
    verdict = judge(check, open_session())
    assert verdict.outcome is Outcome.FAIL, f"{verdict.outcome}: {verdict.detail}"
