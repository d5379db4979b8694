"""What held a run up: the scenario again with each knob changed, and the resource whose knob helps most.

Runs prove it. Only what is stuck is told from the run itself: more slots would
help there too, until as many more are stuck.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

import attrs

from scheduler.simulator.delays import NOTHING, Delay
from scheduler.simulator.fleet_syncs import SETTLE
from scheduler.simulator.levels import in_slots
from scheduler.simulator.run import NEVER, Run
from scheduler.simulator.scenario import SECOND, Arrival, Scenario
from scheduler.simulator.summary import Summary
from scheduler.versions import version

SAMPLE = 20_000
"""Certificates on which a larger run is compared."""
NOTICEABLE = 1.05
"""Times as fast: less is no help."""
_SCARCE = 1.2
"""Times as fast: what gains less was not what the run waited for."""
_STUCK = 0.5
"""Share of the slots' time from which on what is stuck is to blame."""


class Resource(StrEnum):
    """What there can be too little of; the first of two that help alike is named."""

    STUCK = "stuck challenges"
    LIMITS = "rate limits"
    CONFLICTS = "conflicts"
    WORKERS = "workers"
    SLOTS = "slots"
    STARTS = "starts per pass"
    BOTH = "workers and slots"
    AUTHORITY = "the ACME server"
    NONE = ""
    """Of knobs: what each challenge takes by itself."""


@attrs.frozen
class Knob:
    """A change of the scenario, for the resource that it makes less scarce; `text` says of a changed one what it has."""

    resource: Resource
    text: Callable[[Scenario], str]
    change: Callable[[Scenario], Scenario]


@attrs.frozen
class Trial:
    """What a knob led to: `gain` times as fast, infinite when more certificates were issued, 0 when fewer."""

    resource: Resource
    text: str
    summary: Summary
    gain: float


@attrs.frozen
class Evidence:
    """What the run itself shows, as shares from 0 to 1 and counts.

    workers_full, slots_full: of the time; stuck: challenges that had a slot and no verdict; conflicting: the most
    challenges that one name had; limits: how often they said no.
    """

    workers_full: float
    slots_full: float
    stuck: int
    conflicting: int
    limits: int


@attrs.frozen
class Explanation:
    """What was found.

    base: of the run that the trials are compared with; certificates: how many that one has; proof: the trial that
    shows the resource; best: the one that helps most, whatever it changes.
    """

    resource: Resource
    evidence: Evidence
    base: Summary
    certificates: int
    trials: tuple[Trial, ...]
    proof: Trial | None
    best: Trial | None


def _cluster(**factors: int) -> Callable[[Scenario], Scenario]:
    def change(scenario: Scenario) -> Scenario:
        cluster = scenario.cluster
        return attrs.evolve(
            scenario,
            cluster=attrs.evolve(
                cluster, **{name: getattr(cluster, name) * factor for name, factor in factors.items()}
            ),
        )

    return change


def longest(delay: Delay) -> int:
    """Return what a delay hardly ever exceeds: its end, or where it has none, what 98 of 100 stay below."""
    match delay.law:
        case "uniform":
            return delay.b
        case "exponential":
            return 4 * delay.a
        case "lognormal":
            return round(delay.a * math.exp(2 * delay.b / 1000))
    return delay.a


def _seen_after(scenario: Scenario) -> int:
    return longest(scenario.solver.propagation)


def _sticks(scenario: Scenario) -> bool:
    return bool(scenario.solver.stuck or scenario.solver.stuck_names)


def _waiting(scenario: Scenario) -> Scenario:
    """Wait without a worker for as long as a worker would, and for the propagation."""
    solver = scenario.solver
    known = version(scenario.cluster.version).wait_instead
    # Where there is no check, the ACME server is the first that does not see what is stuck; that is another run.
    if not known or solver.wait_instead is not None or _sticks(scenario):
        return scenario
    settle = SETTLE[solver.type] if solver.settle is None else solver.settle
    wait = -(-(settle + _seen_after(scenario)) // SECOND) * SECOND
    return attrs.evolve(scenario, solver=attrs.evolve(solver, wait_instead=wait))


def _patient(scenario: Scenario) -> Scenario:
    """Let a challenge give its slot back when it has failed three more self-checks than it should need."""
    if not _sticks(scenario):
        return scenario
    checks = -(-_seen_after(scenario) // scenario.cluster.retry_period) + 3
    return attrs.evolve(scenario, cluster=attrs.evolve(scenario.cluster, patience=checks))


def _apart(scenario: Scenario) -> Scenario:
    """Give every challenge a name of its own; an apex and its wildcard become two names."""
    names, plain = scenario.names, [name.removeprefix("*.") for name in scenario.names.given]
    if len(frozenset(plain)) < len(plain):
        own = tuple(f"c{number}.{name}" for number, name in enumerate(plain))
        stuck = tuple(new for new, name in zip(own, plain, strict=True) if name in scenario.solver.stuck_names)
        solver = attrs.evolve(scenario.solver, stuck_names=stuck)
        return attrs.evolve(scenario, names=attrs.evolve(names, given=own), solver=solver)
    if names.wildcards == 1:
        names = attrs.evolve(names, per_certificate=names.per_certificate + 1, wildcards=0.0)
    return attrs.evolve(scenario, names=attrs.evolve(names, shared=0.0))


KNOBS: Sequence[Knob] = (
    Knob(Resource.WORKERS, lambda it: f"{it.cluster.workers:,} workers", _cluster(workers=2)),
    Knob(Resource.WORKERS, lambda it: f"{it.cluster.workers:,} workers", _cluster(workers=12)),
    Knob(Resource.SLOTS, lambda it: f"a cap of {it.cluster.cap:,}", _cluster(cap=2)),
    Knob(Resource.SLOTS, lambda it: f"a cap of {it.cluster.cap:,}", _cluster(cap=12)),
    Knob(
        Resource.BOTH,
        lambda it: f"{it.cluster.workers:,} workers and a cap of {it.cluster.cap:,}",
        _cluster(workers=2, cap=2),
    ),
    Knob(Resource.STARTS, lambda it: f"{it.cluster.starts_per_tick:,} starts per pass", _cluster(starts_per_tick=10)),
    Knob(
        Resource.LIMITS,
        lambda _: "no rate limits",
        lambda it: attrs.evolve(it, authority=attrs.evolve(it.authority, limits="none")),
    ),
    Knob(Resource.CONFLICTS, lambda _: "a name for each challenge", _apart),
    Knob(Resource.STUCK, lambda it: f"a patience of {it.cluster.patience} self-checks", _patient),
    Knob(
        Resource.AUTHORITY,
        lambda _: "an ACME server that answers at once",
        lambda it: attrs.evolve(
            it, authority=attrs.evolve(it.authority, latency=NOTHING, validation=NOTHING, finalize=NOTHING)
        ),
    ),
    Knob(
        Resource.NONE,
        lambda _: "a self-check every second",
        lambda it: attrs.evolve(
            it, cluster=attrs.evolve(it.cluster, retry_period=min(it.cluster.retry_period, SECOND))
        ),
    ),
    Knob(Resource.NONE, lambda it: f"waitInsteadOfSelfCheck of {(it.solver.wait_instead or 0) // SECOND} s", _waiting),
    Knob(
        Resource.NONE,
        lambda _: "no propagation delay",
        lambda it: attrs.evolve(it, solver=attrs.evolve(it.solver, propagation=NOTHING)),
    ),
)


def sampled(scenario: Scenario) -> Scenario:
    """Return the scenario with at most SAMPLE certificates, which come as fast; renewals are not made fewer."""
    n = min(scenario.certificates, SAMPLE)
    if n == scenario.certificates or scenario.renewals:
        return scenario
    arrivals, given = scenario.arrivals, scenario.names.given[:n]
    stuck = frozenset(given)
    return attrs.evolve(
        scenario,
        certificates=n,
        arrivals=attrs.evolve(
            arrivals, over=max(arrivals.over * n // scenario.certificates, 1), moments=arrivals.moments[:n]
        ),
        names=attrs.evolve(scenario.names, given=given),
        solver=attrs.evolve(
            scenario.solver, stuck_names=tuple(name for name in scenario.solver.stuck_names if name in stuck)
        ),
    )


def explain(run: Run, base: Summary, run_all: Callable[[Iterable[Scenario]], Iterable[Summary]]) -> Explanation:
    """Say what held the run up; `run_all` runs scenarios, in order. `run` is of a `sampled` scenario."""
    scenario = run.scenario
    changed = [(knob, knob.change(scenario)) for knob in KNOBS]
    changed = [(knob, other) for knob, other in changed if other != scenario]
    summaries = run_all([other for _, other in changed])
    trials = tuple(
        Trial(knob.resource, knob.text(other), summary, gain(scenario, base, summary))
        for (knob, other), summary in zip(changed, summaries, strict=True)
    )
    helping = [trial for trial in trials if trial.gain >= NOTICEABLE]
    resource, proof = _scarcest(helping)
    if base.slot_uses["stuck"] >= _STUCK:
        resource = Resource.STUCK
        proof = next((trial for trial in helping if trial.resource is resource), None)
    best = max(helping, key=lambda trial: trial.gain, default=None)
    return Explanation(resource, evidence_of(run, base), base, scenario.certificates, trials, proof, best)


def _scarcest(trials: Sequence[Trial]) -> tuple[Resource, Trial | None]:
    """Return the resource whose own trial gains most, and a tenth more than one that stands before it."""
    found: Trial | None = None
    for resource in filter(None, Resource):
        own = [trial for trial in trials if trial.resource is resource and trial.gain >= _SCARCE]
        best = max(own, key=lambda trial: trial.gain, default=None)
        if best and (found is None or best.gain > 1.1 * found.gain):
            found = best
    return (found.resource if found else Resource.NONE), found


def gain(scenario: Scenario, base: Summary, other: Summary) -> float:
    """Return how many times as fast another run of the scenario was, by `measure`."""
    if other.issued != base.issued:
        return math.inf if other.issued > base.issued else 0.0
    if not base.issued:
        return 1.0
    one, two = measure(scenario, base), measure(scenario, other)
    return one / two if two else (1.0 if not one else math.inf)


def by_makespan(scenario: Scenario) -> bool:
    """Return whether a run is measured by its makespan: everything is there at the start, and it runs to its end."""
    return scenario.arrivals.law is Arrival.BURST and scenario.until is None


def measure(scenario: Scenario, summary: Summary) -> int:
    """Return a run's makespan or its time to issue, p95, in milliseconds."""
    return summary.makespan if by_makespan(scenario) else summary.time_to_issue.p95


def evidence_of(run: Run, summary: Summary) -> Evidence:
    """Return what a run shows of its resources."""
    slots, cap = in_slots(run), run.scenario.cluster.cap
    ends = (*slots.moments[1:], run.makespan)
    full = sum(end - moment for moment, end, held in zip(slots.moments, ends, slots.values, strict=True) if held >= cap)
    rows = run.challenges
    return Evidence(
        workers_full=summary.all_busy,
        slots_full=full / max(run.makespan, 1),
        stuck=sum(
            started != NEVER and decided == NEVER for started, decided in zip(rows.started, rows.decided, strict=True)
        ),
        conflicting=max(Counter(rows.name).values(), default=0),
        limits=sum(run.limits.values()),
    )
