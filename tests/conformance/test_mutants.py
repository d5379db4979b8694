"""Every check catches a mutant of our server: what it says can fail.

A mutant breaks a function of the server. Those that edit its replies instead are `mutant_replies.EDITED`, which says why.
"""

import pytest

from conformance.runner import judge
from conformance.table import CHECKS
from conformance.verdict import Outcome
from tests.conformance import mutant_challenges, mutant_hardening, mutant_replies, mutant_requests

MUTANTS = {
    **mutant_requests.MUTANTS,
    **mutant_replies.MUTANTS,
    **mutant_hardening.MUTANTS,
    **mutant_challenges.MUTANTS,
}
# Checks that are given an external account.
EXTERNAL = ("a_binding_is_accepted_and_shown", "a_wrong_binding_is_refused")


def test_every_check_has_a_mutant():
    assert sorted(MUTANTS) == sorted(one.name for one in CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.name)
def test_a_mutant_is_caught_by_its_check(check, open_session, monkeypatch):
    MUTANTS[check.name](monkeypatch)
    options = {"eab": ("kid-1", "c2VjcmV0")} if check.name in EXTERNAL else {}
    verdict = judge(check, open_session(**options))
    assert verdict.outcome is Outcome.FAIL, f"{verdict.outcome}: {verdict.detail}"
