"""A run in numbers: what a platform team asks first.

Durations are whole milliseconds. Quantiles are nearest rank: p95 is the
smallest duration that 95 % of all are not longer than.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from scheduler.simulator.levels import Curve, in_slots, waiting
from scheduler.simulator.run import NEVER, Run

SLOT_USES = ("worked on", "waiting", "stuck", "final")
"""What slots are held for: a worker is at it; the answer cannot be seen yet, or no worker is free;
nothing will ever come of it; it is decided and not cleaned up."""


@attrs.frozen
class Quantiles:
    """Of many durations; all 0 when there are none."""

    p50: int = 0
    p95: int = 0
    p99: int = 0
    most: int = 0

    def to_json(self) -> dict[str, float]:
        """Return seconds."""
        return {"p50": self.p50 / 1000, "p95": self.p95 / 1000, "p99": self.p99 / 1000, "max": self.most / 1000}


@attrs.frozen
class Summary:
    """What `summarise` finds.

    requests: for certificates, renewals and retries too; issued, failed: of them;
    missed: certificates that ended before they were renewed; time_to_issue: from
    the first request to the certificate, with those that failed in between; time_in_queue: from a challenge to its slot;
    queue_most, slots_most and their means over the makespan; slot_uses: share of the
    slots' time, by SLOT_USES; workers: how many were busy on average; all_busy: share of the time in
    which every worker was; starvation: the longest time in the queue over the median one;
    overtaken: challenges that at least `cap` younger ones overtook; calls: ACME requests;
    wasted: those for requests that led to nothing; limits: how often each said no.
    """

    makespan: int
    requests: int
    issued: int
    failed: int
    missed: int
    challenges: int
    time_to_issue: Quantiles
    time_in_queue: Quantiles
    queue_most: int
    queue_mean: float
    slots_most: int
    slots_mean: float
    slot_uses: Mapping[str, float]
    workers: float
    all_busy: float
    starvation: float
    overtaken: int
    calls: int
    wasted: int
    limits: Mapping[str, int]

    @property
    def unfinished(self) -> int:
        """Requests that the run left without an end."""
        return self.requests - self.issued - self.failed

    def to_json(self) -> dict[str, Any]:
        """Return one document: counts as they are, durations in seconds (`_s`), shares from 0 to 1."""
        return {
            "makespan_s": self.makespan / 1000,
            "certificates": {
                "requested": self.requests,
                "issued": self.issued,
                "failed": self.failed,
                "unfinished": self.unfinished,
                "missed_renewals": self.missed,
            },
            "challenges": self.challenges,
            "time_to_issue_s": self.time_to_issue.to_json(),
            "time_in_queue_s": self.time_in_queue.to_json(),
            "queue": {"max": self.queue_most, "mean": round(self.queue_mean, 3)},
            "slots": {
                "max": self.slots_most,
                "mean": round(self.slots_mean, 3),
                "share": {use.replace(" ", "_"): round(share, 6) for use, share in self.slot_uses.items()},
            },
            "workers": {"mean": round(self.workers, 3), "all_busy_share": round(self.all_busy, 6)},
            "starvation": round(self.starvation, 3),
            "overtaken": self.overtaken,
            "acme": {"requests": self.calls, "wasted": self.wasted, "limits_hit": dict(self.limits)},
        }


def summarise(run: Run) -> Summary:
    """Return the numbers of a run."""
    issuances, challenges = run.issuances, run.challenges
    queued = _spans(challenges.created, challenges.started)
    in_queue = quantiles(queued)
    queue, slots = waiting(run), in_slots(run)
    time = max(sum(run.busy), 1)
    return Summary(
        makespan=run.makespan,
        requests=len(issuances.created),
        issued=sum(moment != NEVER for moment in issuances.issued),
        failed=sum(moment != NEVER for moment in issuances.failed),
        missed=missed_renewals(run),
        challenges=len(challenges.created),
        time_to_issue=quantiles(times_to_issue(run)),
        time_in_queue=in_queue,
        queue_most=max(queue.values),
        queue_mean=_mean(queue, run.makespan),
        slots_most=max(slots.values),
        slots_mean=_mean(slots, run.makespan),
        slot_uses=slot_uses(run),
        workers=sum(number * spent for number, spent in enumerate(run.busy)) / time,
        all_busy=run.busy[-1] / time if run.busy else 0.0,
        starvation=in_queue.most / max(in_queue.p50, 1) if queued else 0.0,
        overtaken=overtaken(run, run.scenario.cluster.cap),
        calls=sum(run.calls.values()),
        wasted=run.wasted,
        limits=run.limits,
    )


def times_to_issue(run: Run) -> list[int]:
    """Return how long each certificate took, from its first request on; a renewal is a certificate of its own."""
    rows = run.issuances
    begun: dict[int, int] = {}
    times = []
    for certificate, created, issued, attempt in zip(
        rows.certificate, rows.created, rows.issued, rows.attempt, strict=True
    ):
        if attempt == 0:
            begun[certificate] = created
        if issued != NEVER:
            times.append(issued - begun[certificate])
    return times


def quantiles(durations: Iterable[int]) -> Quantiles:
    """Return the nearest ranks."""
    ordered = sorted(durations)
    if not ordered:
        return Quantiles()
    return Quantiles(*(ordered[max(-(-len(ordered) * share // 100) - 1, 0)] for share in (50, 95, 99, 100)))


def slot_uses(run: Run) -> dict[str, float]:
    """Return what the slots' time went to, as shares of it."""
    rows = run.challenges
    worked = final = stuck = held = 0
    columns = zip(rows.started, rows.decided, rows.released, rows.held, strict=True)
    for started, decided, released, work in columns:
        if started == NEVER:
            continue
        span = (run.makespan if released == NEVER else released) - started
        held += span
        if decided == NEVER:
            stuck += span
            continue
        after = started + span - max(decided, started)
        worked += min(work, span - after)
        final += after
    total = max(held, 1)
    waits = held - worked - stuck - final
    return dict(zip(SLOT_USES, (worked / total, waits / total, stuck / total, final / total), strict=True))


def overtaken(run: Run, more_than: int) -> int:
    """Return how many challenges started at least so many places later than they were created."""
    started = run.challenges.started
    rows = [row for row, moment in enumerate(started) if moment != NEVER]
    ranked = sorted(rows, key=started.__getitem__)
    # Rows are in the order of their creation, so the difference of the ranks is at most how many younger ones went first.
    place = dict(zip(rows, range(len(rows)), strict=True))
    return sum(rank - place[row] >= more_than for rank, row in enumerate(ranked))


def missed_renewals(run: Run) -> int:
    """Return how many certificates ended before another was issued; without renewals, none is looked for."""
    renewals = run.scenario.renewals
    if renewals is None:
        return 0
    ends: dict[int, int] = {}
    missed = 0
    for certificate, issued in zip(run.issuances.certificate, run.issuances.issued, strict=True):
        if issued != NEVER:
            missed += issued > ends.get(certificate, issued)
            ends[certificate] = issued + renewals.lifetime
    return missed + sum(end < run.makespan for end in ends.values())


def _spans(starts: Sequence[int], ends: Sequence[int]) -> list[int]:
    return [end - start for start, end in zip(starts, ends, strict=True) if end != NEVER]


def _mean(curve: Curve, makespan: int) -> float:
    return curve.area(makespan) / max(makespan, 1)
