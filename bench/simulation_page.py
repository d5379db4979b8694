"""Write docs/simulated.md: what the simulator says, beside what people saw, with the seeds that repeat it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from rich.progress import track

from gravel.simulation.durations import spoken
from gravel.simulation.plots import draw, save
from gravel.simulation.scenario_fields import scenario_of
from gravel.simulation.scenario_file import read_preset
from gravel.simulation.tables import rows
from scheduler.simulator.delays import Delay, fixed
from scheduler.simulator.fleet import simulate
from scheduler.simulator.recording import compare, read_recording
from scheduler.simulator.scenario import (
    HOUR,
    MINUTE,
    SECOND,
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Scenario,
    Solver,
)
from scheduler.simulator.summary import Summary, summarise
from tests.scheduler.simulator.test_observations import OBSERVATIONS

ROOT = Path(__file__).parents[1]
RECORDING = "tests/fixtures/cert-manager-1.12.5-80-dns01.jsonl"
SEEDS = range(10)
PATIENCES = (None, 6, 12, 30)
PICTURED = {"fleet-500": "A year of 500 services", "stuck-tenant": "One tenant whose DNS shows nothing"}
_DNS = "DNS-01"
POLICIES: Mapping[str, Scenario] = {
    "500, all seen at once": Scenario(500),
    "300, seen after 5 min, 60 workers": Scenario(
        300, solver=Solver(_DNS, propagation=fixed(5 * MINUTE)), cluster=Cluster(workers=60)
    ),
    "300, seen after 30 s on average (exponential), 60 workers": Scenario(
        300, solver=Solver(_DNS, propagation=Delay("exponential", 30 * SECOND)), cluster=Cluster(workers=60)
    ),
    "600 within 6 h, 5 % never seen": Scenario(
        600, solver=Solver(stuck=0.05), arrivals=Arrivals(Arrival.TRICKLE, 6 * HOUR)
    ),
    "500 at once, 20 % never seen": Scenario(500, solver=Solver(stuck=0.2)),
    "500 at once, 20 % never seen, a check takes 10 s": Scenario(
        500, solver=Solver(stuck=0.2, check=fixed(10 * SECOND))
    ),
}
TEXT = """\
# What the simulator says

Written by `make simulated`; [simulate.md](simulate.md) tells how to ask. Everything here repeats by its seed.

## What people saw

Numbers are issues and pull requests of cert-manager; seed 0. Each row is a test
(`tests/scheduler/simulator/test_observations.py`), which has the scenarios.

| seen | simulated |
|---|---|
{observations}

A real cert-manager 1.12.5 was recorded while it issued 80 certificates over DNS-01. From the moments at which its challenges
were created, and nothing else, the simulator says when the k-th starts, is valid and gives its slot back, and how many are
processing, within {deviation} s at most:

    gravel simulate --replay {recording} --cert-manager 1.12

## A deadline for what is stuck

cert-manager keeps a slot until its challenge is decided. With `--patience k` a challenge gives its slot back after k failed
self-checks, is cleaned up, and queues again behind all others. Medians over seeds 0 to {last_seed}, cut off after 12 hours:
certificates issued, and the time within which 95 % of them were.

| certificates | first come, first served | patience 6 | patience 12 | patience 30 |
|---|---|---|---|---|
{policies}

The deadline wins when challenges that nobody can see fill the slots, and costs nothing where none are stuck. It loses where
the deadline is shorter than the propagation: what is taken away before it was seen begins anew, and never ends. Choose k so
that k times the retry period (10 s) is longer than the slowest zone.

{pictured}
"""


def observations() -> Iterator[str]:
    """Yield a row for each observation."""
    for seen, (scenario, look, expected) in OBSERVATIONS.items():
        found = look(simulate(scenario))
        assert found == expected
        yield f"| {seen} | {_shown(found)} |"


def deviation() -> float:
    """Return the largest deviation from the recording, in seconds."""
    recording = read_recording((ROOT / RECORDING).read_text().splitlines())
    base = Scenario(0, solver=Solver(_DNS), authority=Authority(validation=fixed(0)), cluster=Cluster(version="1.12"))
    return max(attrs.astuple(compare(recording, simulate(recording.scenario(base))))) / SECOND


def policies() -> Iterator[str]:
    """Yield a row for each scenario, a cell for each patience."""
    for name, scenario in track(POLICIES.items(), "policies"):
        cells = [_median(scenario, patience) for patience in PATIENCES]
        yield f"| {name} | " + " | ".join(cells) + " |"


def _median(scenario: Scenario, patience: int | None) -> str:
    found: list[Summary] = []
    for seed in SEEDS:
        cluster = attrs.evolve(scenario.cluster, patience=patience)
        found.append(summarise(simulate(attrs.evolve(scenario, seed=seed, cluster=cluster, until=12 * HOUR))))
    issued = statistics.median(each.issued for each in found)
    return f"{issued:g} issued, p95 {spoken(round(statistics.median(each.time_to_issue.p95 for each in found)))}"


def pictured(name: str, title: str) -> str:
    """Return a section with a preset's numbers and pictures, which are written beside."""
    run = simulate(scenario_of(read_preset(name)))
    save(draw(run), ROOT / "docs/simulated" / name, ("svg",))
    lines = "\n".join(f"| {heading} | {text} |" for heading, text in rows(summarise(run)))
    shown = "\n\n".join(
        f"![{each}](simulated/{name}/{each}.svg)" for each in ("gantt", "queue", "utilisation", "time-to-certificate")
    )
    return f"## {title}\n\n    gravel simulate --scenario {name} --explain\n\n| | |\n|---|---|\n{lines}\n\n{shown}"


def _shown(value: Any) -> str:
    if isinstance(value, int) and value >= 2 * SECOND:
        return spoken(value)
    return ", ".join(map(_shown, value)) if isinstance(value, list | tuple) else str(value)


def main() -> None:
    """Write the page."""
    text = TEXT.format(
        observations="\n".join(observations()),
        deviation=f"{deviation():.1f}",
        recording=RECORDING,
        last_seed=SEEDS[-1],
        policies="\n".join(policies()),
        pictured="\n\n".join(pictured(name, title) for name, title in PICTURED.items()),
    )
    (ROOT / "docs/simulated.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
