"""Every check can fail: for each there is a broken issuer that it catches, and no other check does."""

import pytest

from conformance.issuer.table import CHECKS
from conformance.verdict import Outcome
from tests.conformance.issuer.mutants import MUTANTS
from tests.conformance.issuer.signer import Signer

# Two versions must be apart for a clock of whole seconds to have moved.
SLOW = {"a_transition_time_moves_with_the_status": {"quiet": 2.2}}


def test_every_check_has_a_mutant():
    assert sorted(MUTANTS) == sorted(one.name for one in CHECKS)


def test_an_issuer_that_does_as_it_should_passes_every_check(verdicts_of):
    verdicts = verdicts_of(Signer, quiet=2.2)
    assert {name: (one.outcome, one.detail, one.actual) for name, one in verdicts.items()} == dict.fromkeys(
        verdicts, (Outcome.PASS, "", "")
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_its_check_alone(name, verdicts_of):
    verdicts = verdicts_of(MUTANTS[name], **SLOW.get(name, {}))
    odd = {one.check.name: one.actual for one in verdicts.values() if one.outcome is Outcome.FAIL}
    assert list(odd) == [name], odd
    mistakes = [one.detail for one in verdicts.values() if one.outcome is Outcome.ERROR]
    assert mistakes == []
