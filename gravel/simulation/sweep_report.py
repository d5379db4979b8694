"""What a sweep found: one row for each setting of the knobs, with the spread over its seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from rich.table import Table

from gravel.simulation.durations import spoken, unit_for
from scheduler.simulator.summary import Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@attrs.frozen
class Swept:
    """One run of a sweep: the knobs that were turned, as they were written, its seed, and what it led to."""

    knobs: Mapping[str, str]
    seed: int
    summary: Summary


@attrs.frozen
class Spread:
    """The least, the median and the most over the seeds."""

    least: float
    median: float
    most: float

    def to_json(self, scale: float = 1) -> dict[str, float]:
        """Return the three numbers, divided."""
        return {"min": self.least / scale, "median": self.median / scale, "max": self.most / scale}


@attrs.frozen
class Setting:
    """All runs of one setting of the knobs."""

    knobs: Mapping[str, str]
    seeds: int
    makespan: Spread
    p95: Spread
    failed: Spread
    workers: Spread


def settings(runs: Sequence[Swept]) -> tuple[Setting, ...]:
    """Put the runs of each setting together, in the order in which settings first come."""
    grouped: dict[tuple[tuple[str, str], ...], list[Summary]] = {}
    for run in runs:
        grouped.setdefault(tuple(run.knobs.items()), []).append(run.summary)
    return tuple(
        Setting(
            knobs=dict(knobs),
            seeds=len(found),
            makespan=_spread(summary.makespan for summary in found),
            p95=_spread(summary.time_to_issue.p95 for summary in found),
            failed=_spread(summary.failed for summary in found),
            workers=_spread(summary.workers for summary in found),
        )
        for knobs, found in grouped.items()
    )


def to_json(runs: Sequence[Swept]) -> list[dict[str, Any]]:
    """Return one object a setting; durations are seconds."""
    return [
        {
            "knobs": dict(each.knobs),
            "seeds": each.seeds,
            "makespan_s": each.makespan.to_json(1000),
            "time_to_issue_p95_s": each.p95.to_json(1000),
            "failed": each.failed.to_json(),
            "workers": each.workers.to_json(),
        }
        for each in settings(runs)
    ]


def table(runs: Sequence[Swept]) -> Table:
    """Lay a sweep out for a terminal: the median, and from the least to the most where seeds differ."""
    found = settings(runs)
    laid = Table(caption=f"median over {found[0].seeds} seeds (least to most)" if found[0].seeds > 1 else None)
    for knob in found[0].knobs:
        laid.add_column(knob, justify="right")
    for heading in ("makespan", "p95 to certificate", "failed", "workers busy"):
        laid.add_column(heading, justify="right")
    for each in found:
        counts = (
            _shown(each.failed, lambda value: f"{value:,.0f}"),
            _shown(each.workers, lambda value: f"{value:.1f}"),
        )
        laid.add_row(*each.knobs.values(), _shown(each.makespan, _time), _shown(each.p95, _time), *counts)
    return laid


def plot(runs: Sequence[Swept]) -> Figure:
    """Return makespan and p95 of each setting, with the spread over its seeds."""
    from gravel.simulation.plots import bars

    found = settings(runs)
    unit = unit_for(round(max(each.makespan.most for each in found)))
    names = [", ".join(f"{knob} {value}" for knob, value in each.knobs.items()) for each in found]
    groups = {
        label: [(one.least / unit.size, one.median / unit.size, one.most / unit.size) for one in spreads]
        for label, spreads in (
            ("makespan", [each.makespan for each in found]),
            ("p95 to certificate", [each.p95 for each in found]),
        )
    }
    return bars(names, groups, f"time, {unit.sign}")


def _spread(values: Any) -> Spread:
    ordered = sorted(values)
    return Spread(ordered[0], statistics.median(ordered), ordered[-1])


def _time(milliseconds: float) -> str:
    return spoken(round(milliseconds))


def _shown(spread: Spread, write: Callable[[float], str]) -> str:
    ends = (write(spread.least), write(spread.most))
    return write(spread.median) + (f"\n{ends[0]}\nto {ends[1]}" if ends[0] != ends[1] else "")
