"""A run as tables for a terminal, and as CSV for programs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from rich.console import Group
from rich.table import Table

from gravel.simulation.durations import spoken
from scheduler.simulator.run import NEVER, STATES, Run
from scheduler.simulator.scenario import Scenario
from scheduler.simulator.summary import Quantiles, Summary

Row = tuple[str, str]


def question(scenario: Scenario) -> str:
    """Return what was asked, in one line."""
    cluster, solver = scenario.cluster, scenario.solver
    names = f" of {scenario.names.per_certificate} names" if scenario.names.per_certificate > 1 else ""
    title = f"{scenario.name}: " if scenario.name else ""
    what = f"{title}{scenario.certificates:,} certificates{names} over {solver.type}"
    return f"{what}, cap {cluster.cap}, {cluster.workers} workers, seed {scenario.seed}"


def rows(summary: Summary) -> tuple[Row, ...]:
    """Return the table: a heading and what is said of it."""
    uses = ", ".join(f"{share:.0%} {use}" for use, share in summary.slot_uses.items() if share >= 0.005)
    limits = ", ".join(f"{name} {count:,} times" for name, count in summary.limits.items() if count)
    found: list[tuple[str, str, bool]] = [
        ("makespan", spoken(summary.makespan), True),
        ("requests", _ends(summary), True),
        ("time to certificate", _quantiles(summary.time_to_issue), bool(summary.issued)),
        ("in full use", f"workers {summary.all_busy:.0%} of the time, slots {summary.slots_full:.0%}", True),
        ("time in the queue", _quantiles(summary.time_in_queue), bool(summary.challenges)),
        ("queue", f"at most {summary.queue_most:,}, {summary.queue_mean:,.1f} on average", bool(summary.challenges)),
        ("slots", f"at most {summary.slots_most}, {summary.slots_mean:.1f} on average", bool(summary.challenges)),
        ("slots' time", uses, bool(uses)),
        ("workers", f"{summary.workers:.1f} busy on average", True),
        ("starvation", f"longest wait {summary.starvation:.1f} times the median one", summary.starvation > 0),
        (
            "overtaken",
            f"{summary.overtaken:,} challenges, by as many younger ones as there are slots",
            summary.overtaken > 0,
        ),
        ("ACME requests", f"{summary.calls:,}, {summary.wasted:,} of them for nothing", True),
        ("limits hit", limits, bool(limits)),
        ("renewed too late", f"{summary.missed:,}", summary.missed > 0),
    ]
    return tuple((heading, text) for heading, text, told in found if told)


def table(scenario: Scenario, summary: Summary) -> Group:
    """Lay a run out for a terminal."""
    laid = Table(show_header=False, box=None, pad_edge=False)
    laid.add_column(style="bold", no_wrap=True)
    laid.add_column()
    for heading, text in rows(summary):
        laid.add_row(heading, text)
    return Group(question(scenario), laid)


def write_csv(run: Run, folder: Path) -> tuple[Path, ...]:
    """Write certificates.csv and challenges.csv, one row each; moments are seconds, empty for what never was."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _write(folder / "certificates.csv", attrs.asdict(run.issuances, recurse=False)),
        _write(folder / "challenges.csv", attrs.asdict(run.challenges, recurse=False)),
    )


def _seconds(moment: int) -> str:
    return "" if moment == NEVER else f"{moment / 1000:.3f}"


def _write(path: Path, columns: Mapping[str, Sequence[int]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(name if name in _NO_TIME else f"{name}_s" for name in columns)
        cells = (map(_NO_TIME.get(name, _seconds), column) for name, column in columns.items())
        writer.writerows(zip(*cells, strict=True))
    return path


# How columns are written that hold no moment and no duration.
_NO_TIME: Mapping[str, Callable[[int], Any]] = {
    **dict.fromkeys(("certificate", "attempt", "issuance", "name", "checks"), int),
    "state": STATES.__getitem__,
}


def _ends(summary: Summary) -> str:
    ends = ((summary.issued, "issued"), (summary.failed, "failed"), (summary.unfinished, "without an end"))
    counts = [(f"{count:,}" if count < summary.requests else "all", end) for count, end in ends if count]
    return ", ".join([f"{summary.requests:,}", *(f"{count} {end}" for count, end in counts)])


def _quantiles(found: Quantiles) -> str:
    return f"p50 {spoken(found.p50)}, p95 {spoken(found.p95)}, p99 {spoken(found.p99)}, at most {spoken(found.most)}"
