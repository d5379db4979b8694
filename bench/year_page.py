"""Write docs/year.md: a year of 500 services, lived by the real pipeline and counted by the simulator."""

from __future__ import annotations

import resource
from pathlib import Path
from time import process_time

import attrs
from rich.progress import track

from gravel.simulation.durations import spoken
from scheduler.simulator.scenario import DAY, HOUR, Cluster
from tests.simulation.fleet_year import SCENARIOS, Year, lived, scenario, simulated, year_of

PAGE = Path(__file__).parents[1] / "docs/year.md"
BY_HAND = HOUR // 4
"""What document 003 reckons for one rotation by hand."""
TEXT = """\
# A year of 500 services

Written by `make year`. Five fleets, each twice: once *lived*, by Certificates whose keys, requests, orders, challenges,
self-checks, validations and chains are all real and only time and the network are virtual; and once *simulated*, by
`gravel simulate`, which keeps integers. Both give every certificate as often as the other, and at the same moments but for
what the note says; `tests/simulation/test_fleet_year.py` holds them to it with fewer certificates.

| fleet | | certificates | renewals | at work by hand | wait, median | longest | most slots | least left at renewal |
|---|---|---|---|---|---|---|---|---|
{rows}

"500 services, four rotations a year, fifteen minutes each: 500 hours" is the first fleet, if a rotation is a renewal and each
comes on the last day. With cert-manager's rule, a third of the lifetime before the end, it is half as much work again. Five renewals a day of
150 certificates need renewal every 30 days; every 60 they are 2.5 a day.

Note: the CA dates certificates a minute back, so that each renewal that is lived comes a minute before the simulated one, and
the second of a renewal before it, and so on; a wait differs by two seconds at most. ACME requests take 5 ms in both. The
last fleet's simulation has 60 workers, as the bridge waits without holding one; with cert-manager's five, who are held
through every check, the same crowd takes {five}.

Lived: {issuances} certificates of {years} years in {seconds:.0f} s of CPU and {memory:.0f} MB, seed 1.
"""


def main() -> None:
    """Live and simulate every fleet, and write the page."""
    began, rows, issuances = process_time(), [], 0
    for name in track(SCENARIOS, "years", transient=True):
        asked = scenario(name)
        real = year_of(lived(asked), asked.certificates)
        issuances += real.issuances
        assert asked.renewals is not None
        rows += [
            _row(name, "lived", real, asked.renewals.lifetime),
            _row("", "simulated", simulated(asked), asked.renewals.lifetime),
        ]
    crowd = scenario("500 services, all at the same moment", until=DAY)
    PAGE.write_text(
        TEXT.format(
            rows="\n".join(rows),
            five=spoken(simulated(attrs.evolve(crowd, cluster=Cluster())).waits[-1]),
            issuances=f"{issuances:,}",
            years=len(SCENARIOS),
            seconds=process_time() - began,
            memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        ),
        encoding="utf-8",
    )


def _row(name: str, how: str, year: Year, lifetime: int) -> str:
    renewals = year.issuances - len(year.issued)
    cells = (
        name,
        how,
        f"{year.issuances:,}",
        f"{renewals:,}",
        f"{renewals * BY_HAND // HOUR} h",
        spoken(year.waits[len(year.waits) // 2]),
        spoken(year.waits[-1]),
        str(year.slots or ""),
        spoken(year.least_left(lifetime)),
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
