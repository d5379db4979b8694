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

SLOT_USES = ("worked on", "waiting", "stuck", "not cleaned up")
"""What slots are held for: a worker is at it; the answer cannot be seen yet, or no worker is free;
nothing came of it before the run ended; it is decided, and its slot is not free yet."""


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
    """What `summarise` finds; means and shares are over the makespan.

    requests: for certificates, renewals and retries too; issued, failed: of them;
    missed: certificates that ended before they were renewed; time_to_issue: from
    the first request to the certificate, with those that failed in between;
    time_in_queue: from a challenge to its slot, of those that got one; slots_full: share of the
    time in which every slot was held; slot_uses: share of the slots' time, by SLOT_USES;
    workers: how many of the challenge controller's were busy; all_busy: share of the time in
    which every one was; starvation: the longest time in the queue over the median one, 0 when that is 0;
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
    slots_full: float
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
        """Return one document: counts as they are, durations in seconds (`_s`), shares from 0 to 1.

        makespan_s; certificates: `requested` (renewals and retries too), `issued`, `failed`,
        `unfinished`, `missed_renewals`; challenges: how many; time_to_issue_s and time_in_queue_s:
        `p50`, `p95`, `p99`, `max`; queue: challenges without a slot, `max` and `mean`; slots: those
        held, `max`, `mean`, `full_share`, and `share` of their time: `worked_on`, `waiting`, `stuck`,
        `not_cleaned_up`; workers: those busy, `mean`, `all_busy_share`; starvation; overtaken; acme:
        `requests`, `wasted`, and `limits_hit`, by the limit's name. The words are those of this class.
        """
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
                "full_share": round(self.slots_full, 6),
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
    in_queue = quantiles(_spans(challenges.created, challenges.started))
    queue, slots, cap = waiting(run), in_slots(run), run.scenario.cluster.cap
    span = max(run.makespan, 1)
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
        queue_mean=queue.area(run.makespan) / span,
        slots_most=max(slots.values),
        slots_mean=slots.area(run.makespan) / span,
        slots_full=Curve(slots.moments, tuple(int(held >= cap) for held in slots.values)).area(run.makespan) / span,
        slot_uses=slot_uses(run),
        workers=_busy(run) / span,
        # Stuck challenges are looked at after the makespan too; they may keep all workers busy.
        all_busy=min(run.busy[-1] / span, 1.0),
        starvation=in_queue.most / in_queue.p50 if in_queue.p50 else 0.0,
        overtaken=overtaken(run, cap),
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
    outside = _outside(run)
    columns = zip(rows.started, rows.decided, rows.released, rows.held, strict=True)
    for row, (started, decided, released, work) in enumerate(columns):
        if started == NEVER:
            continue
        end = run.makespan if released == NEVER else released
        span = end - started - outside.get(row, 0)
        held += span
        if decided == NEVER:
            stuck += span
            continue
        after = end - max(decided, started)
        worked += min(work, span - after)
        final += after
    total = max(held, 1)
    waits = held - worked - stuck - final
    return dict(zip(SLOT_USES, (worked / total, waits / total, stuck / total, final / total), strict=True))


def _outside(run: Run) -> dict[int, int]:
    """Return how long each challenge had no slot after it had given one back."""
    times: dict[int, int] = {}
    for row, yielded, taken in zip(run.yields.challenge, run.yields.yielded, run.yields.taken, strict=True):
        times[row] = times.get(row, 0) + (run.makespan if taken == NEVER else taken) - yielded
    return times


def overtaken(run: Run, more_than: int) -> int:
    """Return how many challenges started at least so many places later than they were created."""
    started = [moment for moment in run.challenges.started if moment != NEVER]
    # Rows are in the order of their creation, so the difference of the places is at most how many younger ones went first.
    ranked = sorted(range(len(started)), key=started.__getitem__)
    return sum(rank - place >= more_than for rank, place in enumerate(ranked))


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
    over = max(run.makespan, run.scenario.until or 0)
    return missed + sum(end < over for end in ends.values())


def _spans(starts: Sequence[int], ends: Sequence[int]) -> list[int]:
    return [end - start for start, end in zip(starts, ends, strict=True) if end != NEVER]


def _busy(run: Run) -> int:
    """Return the worker-milliseconds of the makespan, as exact as the bins are when the run went on after it."""
    after = -(-run.makespan // run.busy_bin)
    return sum(number * spent for number, spent in enumerate(run.busy)) - sum(run.busy_over_time[after:])
