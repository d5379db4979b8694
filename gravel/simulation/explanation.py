"""What a run's bottleneck was, in words, as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from rich.table import Table

from gravel.simulation.durations import spoken
from scheduler.simulator.bottleneck import Explanation, Resource, Trial, by_makespan, measure
from scheduler.simulator.scenario import Scenario


def _limits(it: Explanation) -> str:
    worst = max(it.base.limits.items(), key=lambda item: item[1], default=("", 0))[0]
    return f"Rate limits were the bottleneck: they refused {it.evidence.limits:,} requests, {worst} most of them"


def _slots(it: Explanation, scenario: Scenario) -> str:
    full, waiting = it.evidence.slots_full, it.base.slot_uses["waiting"]
    held = (
        f"all {scenario.cluster.cap:,} were held {full:.0%} of the time, and no worker was at them {waiting:.0%} of it"
    )
    return f"Slots (the cap) were the bottleneck: {held}"


_SAID: Mapping[Resource, Callable[[Explanation, Scenario], str]] = {
    Resource.STUCK: lambda it, _: (
        f"Stuck challenges were the bottleneck: {it.evidence.stuck:,} never had a verdict, and they held their slots for "
        f"{it.base.slot_uses['stuck']:.0%} of the slots' time"
    ),
    Resource.LIMITS: lambda it, _: _limits(it),
    Resource.CONFLICTS: lambda it, _: (
        f"Conflicts were the bottleneck: {it.evidence.conflicting:,} challenges were for one name, one after the other"
    ),
    Resource.WORKERS: lambda it, scenario: (
        f"Workers were the bottleneck: all {scenario.cluster.workers:,} were busy {it.evidence.workers_full:.0%} of the time"
    ),
    Resource.SLOTS: _slots,
    Resource.STARTS: lambda _, scenario: (
        "The scheduler's pass was the bottleneck: it starts at most "
        f"{scenario.cluster.starts_per_tick:,} challenges, and comes every {spoken(scenario.cluster.tick)}"
    ),
    Resource.BOTH: lambda it, scenario: (
        f"Workers and slots together were the bottleneck: all {scenario.cluster.workers:,} workers were busy "
        f"{it.evidence.workers_full:.0%} of the time, all {scenario.cluster.cap:,} slots held {it.evidence.slots_full:.0%}"
    ),
    Resource.AUTHORITY: lambda *_: "The ACME server was the bottleneck: the run waited for its answers",
    Resource.NONE: lambda *_: "Nothing was short: challenges take that long by themselves",
}


def sentences(it: Explanation, scenario: Scenario) -> tuple[str, ...]:
    """Return the bottleneck with its proof; then what would help more, and on what it was compared, if it must be said."""
    proof = f"; {_promise(it, scenario, it.proof)}" if it.proof else ""
    said = [f"{_SAID[it.resource](it, scenario)}{proof}."]
    if it.best and (it.proof is None or it.best.gain > 1.1 * it.proof.gain):
        said.append(f"What helps most: {_promise(it, scenario, it.best)}.")
    elif it.best is None:
        said.append("None of the knobs helps.")
    if it.certificates < scenario.certificates:
        said.append(f"Compared on {it.certificates:,} of the {scenario.certificates:,} certificates.")
    return tuple(said)


def table(it: Explanation) -> Table:
    """Lay the runs out, the run itself first."""
    laid = Table(box=None, pad_edge=False)
    laid.add_column("changed to", no_wrap=True)
    for heading in ("makespan", "p95", "issued", "as fast"):
        laid.add_column(heading, justify="right")
    for text, summary, gain in (("", it.base, 1.0), *((each.text, each.summary, each.gain) for each in it.trials)):
        times = (spoken(summary.makespan), spoken(summary.time_to_issue.p95))
        laid.add_row(text or "as it is", *times, f"{summary.issued:,}", _factor(gain))
    return laid


def to_json(it: Explanation, scenario: Scenario) -> dict[str, Any]:
    """Return `resource`, `sentences`, the number of `certificates` compared, and the `runs`.

    A run has `changed`, `makespan_s`, `time_to_issue_p95_s`, `issued`, and `times_as_fast`: null where it issues more,
    0 where fewer.
    """
    return {
        "resource": it.resource.value or None,
        "sentences": list(sentences(it, scenario)),
        "certificates": it.certificates,
        "runs": [
            {
                "changed": each.text,
                "makespan_s": each.summary.makespan / 1000,
                "time_to_issue_p95_s": each.summary.time_to_issue.p95 / 1000,
                "issued": each.summary.issued,
                "times_as_fast": None if math.isinf(each.gain) else round(each.gain, 3),
            }
            for each in it.trials
        ],
    }


def _factor(gain: float) -> str:
    return {math.inf: "issues more", 0.0: "issues fewer"}.get(gain) or f"{gain:.1f} times"


def _promise(it: Explanation, scenario: Scenario, trial: Trial) -> str:
    if math.isinf(trial.gain):
        return f"with {trial.text}, {trial.summary.issued:,} certificates would be issued instead of {it.base.issued:,}"
    one, two = (spoken(measure(scenario, summary)) for summary in (it.base, trial.summary))
    fast = f"instead of {one} ({trial.gain:.1f} times as fast)"
    if by_makespan(scenario):
        return f"{trial.text} would take {two} {fast}"
    return f"with {trial.text}, 95 % of the certificates would be issued within {two} {fast}"
