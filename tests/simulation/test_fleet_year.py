"""A year of a fleet: the real pipeline in virtual time and the fleet simulator agree, certificate by certificate.

Twelve certificates here; `make year` lives it with 500.
"""

from __future__ import annotations

import pytest

from scheduler.simulator.scenario import DAY, MINUTE, SECOND
from tests.simulation.fleet_year import SCENARIOS, lived, scenario, simulated, year_of

CERTIFICATES = 12
# The CA dates a certificate a minute back, so that real renewals come a minute sooner.
BACKDATED = MINUTE


@pytest.mark.seed("B01", "B02")
@pytest.mark.parametrize("name", SCENARIOS)
def test_both_issue_the_same_certificates_at_the_same_moments(name):
    asked = scenario(name, CERTIFICATES)
    model, real = simulated(asked), year_of(lived(asked), CERTIFICATES)
    assert [len(each) for each in real.issued] == [len(each) for each in model.issued]
    for ours, theirs in zip(real.asked, model.asked, strict=True):
        for turn, (here, there) in enumerate(zip(ours, theirs, strict=True)):
            assert abs(there - here - turn * BACKDATED) <= 2 * SECOND * turn
    assert all(abs(here - there) <= 2 * SECOND for here, there in zip(real.waits, model.waits, strict=True))


def test_both_queue_alike_for_the_slots_when_all_come_at_once():
    asked = scenario("500 services, all at the same moment", 130, until=DAY)
    model, real = simulated(asked), year_of(lived(asked), 130)
    assert real.slots == 60
    assert all(abs(here - there) <= 2 * SECOND for here, there in zip(real.waits, model.waits, strict=True))


def test_no_certificate_ends_before_the_next_is_there_and_nobody_did_anything():
    name = "500 services, 90 days each, renewed on the last"
    asked = scenario(name, CERTIFICATES)
    house = lived(asked)
    real = year_of(house, CERTIFICATES)
    assert [len(each) - 1 for each in real.issued] == [4] * CERTIFICATES
    assert real.least_left(asked.renewals.lifetime) > asked.renewals.before - 2 * MINUTE
    assert len({entry.data["serial"] for entry in house.facts("SecretWritten")}) == real.issuances
