"""One scenario twice: issued by the real pipeline in virtual time, and by the fleet simulator's integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

import attrs

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.resources import CERTIFICATE
from scheduler.simulator.delays import NOTHING, fixed
from scheduler.simulator.fleet import Fleet, simulate
from scheduler.simulator.scenario import DAY, HOUR, Arrival, Arrivals, Authority, Cluster, Renewals, Scenario
from tests.simulation.virtual_house import START, VirtualHouse

LATENCY = 5
"""Of every request, in both worlds, in milliseconds."""
AUTHORITY = Authority(latency=fixed(LATENCY), validation=NOTHING)
YEAR = 365 * DAY
# What document 003 promises, and what its numbers mean: a rotation is a renewal.
SCENARIOS: Mapping[str, Scenario] = {
    "500 services, 90 days each, renewed on the last": Scenario(
        500, arrivals=Arrivals(Arrival.WAVE, DAY), renewals=Renewals(90 * DAY, DAY)
    ),
    "the same, renewed 30 days before the end": Scenario(
        500, arrivals=Arrivals(Arrival.WAVE, DAY), renewals=Renewals(90 * DAY, 30 * DAY)
    ),
    "500 services that come within ten months": Scenario(
        500, arrivals=Arrivals(Arrival.TRICKLE, 305 * DAY), renewals=Renewals(90 * DAY, 30 * DAY)
    ),
    "50 services in 3 environments, renewed 60 days before the end": Scenario(
        150, arrivals=Arrivals(Arrival.WAVE, DAY), renewals=Renewals(90 * DAY, 60 * DAY)
    ),
    # Our bridge waits without holding a worker.
    "500 services, all at the same moment": Scenario(
        500, cluster=Cluster(workers=60), renewals=Renewals(90 * DAY, 30 * DAY)
    ),
}


@attrs.frozen
class Year:
    """What became of each certificate, in milliseconds from the start: when it was asked for, and issued.

    slots: most challenges that were under way at once.
    """

    asked: Sequence[Sequence[int]]
    issued: Sequence[Sequence[int]]
    slots: int = 0

    @property
    def issuances(self) -> int:
        """How many there were."""
        return sum(map(len, self.issued))

    @property
    def waits(self) -> list[int]:
        """From asked to issued, the shortest first."""
        return sorted(
            there - here
            for asked, issued in zip(self.asked, self.issued, strict=True)
            for here, there in zip(asked, issued, strict=False)
        )

    def least_left(self, lifetime: int) -> int:
        """Return how much of its lifetime a certificate had left, at the least, when the next one was there."""
        return min(lifetime - (there - here) for issued in self.issued for here, there in pairwise(issued))


def scenario(name: str, certificates: int | None = None, until: int = YEAR) -> Scenario:
    """Return a scenario of the table, with another number of certificates or another end if they are told."""
    found = SCENARIOS[name]
    return attrs.evolve(found, certificates=certificates or found.certificates, authority=AUTHORITY, until=until)


def simulated(asked: Scenario) -> Year:
    """Run it in the simulator."""
    rows = simulate(asked).issuances
    year = Year([[] for _ in range(asked.certificates)], [[] for _ in range(asked.certificates)])
    for number, created, issued in zip(rows.certificate, rows.created, rows.issued, strict=True):
        year.asked[number].append(created)  # type: ignore[attr-defined]
        if issued >= 0:
            year.issued[number].append(issued)  # type: ignore[attr-defined]
    return year


def lived(asked: Scenario, seed: int = 1) -> VirtualHouse:
    """Live it: Certificates are created at the simulator's moments; keys, orders, checks and chains are real."""
    assert asked.renewals is not None
    house = VirtualHouse(seed, latency=timedelta(milliseconds=LATENCY))
    house.apply_issuer()
    for number, moment in enumerate(Fleet(asked).population.moments):
        wanted = _certificate(number, asked.renewals)
        house.driver.later(timedelta(milliseconds=moment), lambda wanted=wanted: house.create(CERTIFICATE, wanted))
    for day in range((asked.until or YEAR) // DAY):
        house.driver.run(until=START + timedelta(days=day + 1))
    return house


def year_of(house: VirtualHouse, certificates: int) -> Year:
    """Read a lived year from the journal."""
    asked: list[list[int]] = [[] for _ in range(certificates)]
    issued: list[list[int]] = [[] for _ in range(certificates)]
    kept = {"IssuanceTriggered": asked, "SecretWritten": issued}
    running = most = 0
    for entry in house.house.world.journal:
        running += {"ChallengeScheduled": 1, "ChallengeCleanedUp": -1}.get(entry.kind, 0)
        most = max(most, running)
        if entry.kind in kept:
            number = int(entry.subject["certificate"].removeprefix("default/service-"))
            kept[entry.kind][number].append((parse_rfc3339(entry.at) - START) // timedelta(milliseconds=1))
    return Year(asked, issued, most)


def _certificate(number: int, renewals: Renewals) -> dict[str, object]:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": f"service-{number}", "namespace": "default"},
        "spec": {
            "secretName": f"service-{number}-tls",
            "dnsNames": [f"service-{number}.http.test"],
            "duration": f"{renewals.lifetime // HOUR}h",
            "renewBefore": f"{renewals.before // HOUR}h",
            "privateKey": {"algorithm": "ECDSA", "rotationPolicy": "Always"},
            "issuerRef": {"name": "gravel", "kind": "ClusterIssuer"},
        },
    }
