"""Every check can fail: for each there is a broken issuer that it catches, and no other check does."""

import pytest

from conformance.issuer.checks.certificate import SHAPE_CHECKS
from conformance.issuer.table import CHECKS
from conformance.verdict import Outcome
from tests.conformance.issuer.mutants import JUNK, LEAVING, MUTANTS
from tests.conformance.issuer.signer import Signer

# For a clock of whole seconds to have moved, and for a loop to have turned on a machine that has much to do.
SLOW = {
    name: {"quiet": 2.2}
    for name in (
        "a_transition_time_moves_with_the_status",
        "what_rests_is_not_written_to_again_and_again",
        "what_rests_is_not_told_of_again_and_again",
    )
}
SHAPES = [one.name for one in SHAPE_CHECKS]


def test_every_check_has_a_mutant():
    assert sorted([*MUTANTS, *SHAPES]) == sorted(one.name for one in CHECKS)


def test_an_issuer_that_does_as_it_should_passes_every_check(verdicts_of):
    verdicts = verdicts_of(Signer, quiet=2.2)
    assert {name: (one.outcome, one.detail, one.actual) for name, one in verdicts.items()} == dict.fromkeys(
        verdicts, (Outcome.PASS, "", "")
    )


@pytest.mark.seed("L12")
@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught_by_its_check_alone(name, verdicts_of):
    verdicts = verdicts_of(MUTANTS[name], **SLOW.get(name, {}))
    odd = {one.check.name: one.actual for one in verdicts.values() if one.outcome is Outcome.FAIL}
    assert list(odd) == [name], odd
    mistakes = [one.detail for one in verdicts.values() if one.outcome is Outcome.ERROR]
    assert mistakes == []


def test_an_issuer_that_leaves_what_it_does_not_know_is_caught_by_each_check_of_that(verdicts_of):
    verdicts = verdicts_of(LEAVING)
    assert [name for name, one in verdicts.items() if one.outcome is Outcome.FAIL] == SHAPES


def test_what_is_no_certificate_fails_its_check_and_no_other_is_mistaken(verdicts_of):
    verdicts = verdicts_of(JUNK).values()
    assert [one.check.name for one in verdicts if one.outcome is Outcome.FAIL] == ["a_certificate_is_pem"]
    assert [one.detail for one in verdicts if one.outcome is Outcome.ERROR] == []
