"""What people saw of cert-manager in public, and what the simulator says of the same: one row each, seed 0.

Numbers are issues and pull requests of cert-manager/cert-manager.
"""

from __future__ import annotations

import pytest

from scheduler.simulator.delays import fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.run import NEVER
from scheduler.simulator.scenario import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Names,
    Scenario,
    Solver,
)


def makespan(run):
    return run.makespan


def started_by(*moments):
    return lambda run: [sum(NEVER != started <= moment for started in run.challenges.started) for moment in moments]


def issued(run):
    return sum(moment != NEVER for moment in run.issuances.issued)


def presented(place):
    return lambda run: run.challenges.presented[place]


def failed_and_tried_again(run):
    rows = run.issuances
    refused = [row for row, moment in enumerate(rows.failed) if moment != NEVER and rows.attempt[row] == 0]
    again = [created for created, attempt in zip(rows.created, rows.attempt, strict=True) if attempt == 1]
    return len(refused), sorted(set(again))


def stuck_first(count, healthy):
    names = tuple(f"n{number}.example" for number in range(count + healthy))
    moments = (*(0 for _ in range(count)), *(MINUTE for _ in range(healthy)))
    return Scenario(
        count + healthy,
        arrivals=Arrivals(Arrival.GIVEN, moments=moments),
        names=Names(given=names),
        solver=Solver(stuck_names=names[:count]),
        until=DAY,
    )


# What was seen, where -> the scenario, what is looked at, and what it is.
OBSERVATIONS = {
    "#5430: apex and wildcard over DNS01 take about four minutes": (
        Scenario(1, names=Names(wildcards=1.0), solver=Solver("DNS-01", propagation=fixed(MINUTE))),
        makespan,
        242 * SECOND,
    ),
    "#2888, #3772: sixty challenges that nobody can see stop all others": (stuck_first(60, 10), issued, 0),
    "#2888, #3772: fifty-nine of them do not": (stuck_first(59, 10), issued, 10),
    "the scheduler starts twenty a second, up to sixty": (
        Scenario(200, solver=Solver(stuck=1.0), until=MINUTE),
        started_by(0, 1 * SECOND, 2 * SECOND, MINUTE),
        [20, 40, 60, 60],
    ),
    "#5867: an order that met 429 is lost, whatever Retry-After says; the certificate waits an hour": (
        Scenario(310, authority=Authority(limits="letsencrypt"), cluster=Cluster(workers=60), until=HOUR),
        failed_and_tried_again,
        (10, [HOUR]),
    ),
    "PR #2673: a DNS01 challenge that passed blocks its worker for sixty seconds, so the sixth is shown a minute later": (
        Scenario(6, solver=Solver("DNS-01")),
        presented(5),
        61 * SECOND,
    ),
    "10,000 HTTP01 names take five hours with five workers": (Scenario(10_000), makespan, 5 * HOUR),
    "10,000 HTTP01 names take 0.42 hours with sixty": (
        Scenario(10_000, cluster=Cluster(workers=60)),
        lambda run: round(run.makespan / HOUR, 2),
        0.42,
    ),
}


@pytest.mark.parametrize("seen", OBSERVATIONS)
def test_the_simulator_says_what_was_seen(seen):
    scenario, look, expected = OBSERVATIONS[seen]
    assert look(simulate(scenario)) == expected
