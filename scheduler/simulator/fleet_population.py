"""Who comes, and when: the certificates' names and the moments of their requests, drawn from a scenario."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from random import Random

import attrs

from acme_server.limits import registered_domain
from scheduler.simulator.scenario import Arrival, Scenario


@attrs.frozen
class Population:
    """Certificates, by number.

    moments: of each; order: the certificates as they come; names: of all of them,
    one after the other (an apex and its wildcard are the same name twice), those
    of one from `first[certificate]` on; domains: the registered domain of each name;
    stuck: 1 for the names that nobody will ever see.
    """

    moments: Sequence[int]
    order: Sequence[int]
    names: array[int]
    first: array[int]
    domains: Sequence[int]
    stuck: bytes = b""

    def size_of(self, certificate: int) -> int:
        """Return how many names one has."""
        return self.first[certificate + 1] - self.first[certificate]

    def names_of(self, certificate: int) -> array[int]:
        """Return the names of one."""
        return self.names[self.first[certificate] : self.first[certificate + 1]]


def populate(scenario: Scenario, dice: Random) -> Population:
    """Return the certificates; ValueError when what is given are not as many."""
    n = scenario.certificates
    moments_given = scenario.arrivals.law is Arrival.GIVEN
    for what, given, wanted in (
        ("moments", scenario.arrivals.moments, moments_given),
        ("names", scenario.names.given, bool(scenario.names.given)),
    ):
        if wanted and len(given) != n:
            raise ValueError(f"{len(given)} {what} are given for {n} certificates; give one each")
    moments = _moments(scenario, dice)
    if not scenario.names.given:
        return Population(moments, sorted(range(n), key=moments.__getitem__), *_drawn(scenario, dice))
    # cert-manager compares names byte by byte; the number of a name is its place in that order.
    plain = [name.removeprefix("*.") for name in scenario.names.given]
    number = _numbers(plain)
    # Without the public suffix list.
    domain = _numbers([registered_domain(name) for name in plain])
    names = array("q", [number[name] for name in plain])
    return Population(
        moments,
        sorted(range(n), key=lambda each: (moments[each], names[each])),
        names,
        first=array("q", range(n + 1)),
        domains=[domain[registered_domain(name)] for name in number],
        stuck=bytes(name in scenario.solver.stuck_names for name in number),
    )


def _moments(scenario: Scenario, dice: Random) -> Sequence[int]:
    n, arrivals = scenario.certificates, scenario.arrivals
    match arrivals.law:
        case Arrival.TRICKLE:
            return sorted(dice.randrange(max(arrivals.over, 1)) for _ in range(n))
        case Arrival.WAVE:
            return [number * arrivals.over // n for number in range(n)]
        case Arrival.GIVEN:
            return arrivals.moments
    return [0] * n


def _numbers(texts: Sequence[str]) -> Mapping[str, int]:
    return {text: number for number, text in enumerate(sorted(dict.fromkeys(texts), key=str.encode))}


def _drawn(scenario: Scenario, dice: Random) -> tuple[array[int], array[int], Sequence[int]]:
    law = scenario.names
    names, first, domains = array("q"), array("q", [0]), array("q")
    for certificate in range(scenario.certificates):
        own: list[int] = []
        for _ in range(law.per_certificate):
            other = dice.randrange(len(domains)) if domains and dice.random() < law.shared else len(domains)
            if other == len(domains) or other in own:
                other = len(domains)
                domains.append(certificate)
            own.append(other)
        if dice.random() < law.wildcards:
            own.append(own[0])
        names.extend(own)
        first.append(len(names))
    return names, first, domains
