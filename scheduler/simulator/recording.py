"""What a real cert-manager was seen to do, and how far a simulated run is from it.

A recording is JSON lines, one watch event each: `t` (seconds since the start),
`kind` (`challenge`; others are passed over), `type` (ADDED, MODIFIED, DELETED),
`name` of the resource, `dnsName`, `status` with `processing` and `state`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise, zip_longest
from typing import Any

import attrs

from scheduler.simulator.delays import NOTHING, fixed
from scheduler.simulator.run import STATES, Run
from scheduler.simulator.scenario import SECOND, Arrival, Arrivals, Scenario

WRITE, REQUEST = 35, fixed(10)
"""Milliseconds: the plain costs of a status write and of an ACME request; a busy API server took 10 to 70 for a write."""
LASTING = SECOND
"""A number of challenges in progress that holds shorter than this is not compared."""
_VALID = STATES.index("valid")


@attrs.frozen
class Curves:
    """Moments in milliseconds, ascending: the k-th challenge got a slot, was valid, gave its slot back."""

    started: tuple[int, ...]
    valid: tuple[int, ...]
    released: tuple[int, ...]

    def processing(self) -> list[tuple[int, int]]:
        """Return how many held a slot: (moment, number from then on), from (0, 0) on."""
        steps, number = [(0, 0)], 0
        for moment, by in sorted([(each, 1) for each in self.started] + [(each, -1) for each in self.released]):
            number += by
            steps.append((moment, number))
        return steps


@attrs.frozen
class Recording:
    """One row a challenge, as they were created: its moment and its name; end: the moment of the last event."""

    moments: tuple[int, ...]
    names: tuple[str, ...]
    curves: Curves
    end: int

    def scenario(self, base: Scenario) -> Scenario:
        """Return the scenario whose challenges are created as these were, and which ends when the recording does.

        A write or a request that costs nothing in the base costs WRITE or REQUEST.
        """
        latency = REQUEST if base.authority.latency == NOTHING else base.authority.latency
        return attrs.evolve(
            base,
            certificates=len(self.moments),
            arrivals=Arrivals(Arrival.GIVEN, moments=self.moments),
            names=attrs.evolve(base.names, given=self.names),
            cluster=attrs.evolve(base.cluster, write=base.cluster.write or WRITE),
            authority=attrs.evolve(base.authority, latency=latency),
            until=self.end,
        )


@attrs.frozen
class Deviations:
    """How far a run is from a recording, at most: in milliseconds, for each curve."""

    started: int
    valid: int
    released: int
    processing: int


def read_recording(lines: Iterable[str]) -> Recording:
    """Read a recording; ValueError says which line is none."""
    created: dict[str, tuple[int, str]] = {}
    seen: dict[str, dict[str, int]] = {"started": {}, "valid": {}, "released": {}}
    end = 0
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            moment, kind, name = round(event["t"] * SECOND), event["kind"], event["name"]
            if kind == "challenge" and event["type"] != "BOOKMARK":
                created.setdefault(name, (moment, event["dnsName"]))
                for what in _news(event):
                    if what != "released" or name in seen["started"]:
                        seen[what].setdefault(name, moment)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"line {number} is no watch event with t, kind, type, name, dnsName and status: {error!r}"
            ) from error
        end = max(end, moment)
    if not created:
        raise ValueError("the recording has no challenge")
    moments, names = zip(*created.values(), strict=True)
    curves = Curves(*(tuple(sorted(moments.values())) for moments in seen.values()))
    return Recording(moments, names, curves, end)


def _news(event: dict[str, Any]) -> Iterable[str]:
    status = event.get("status") or {}
    if status.get("processing"):
        yield "started"
    if status.get("state") == "valid":
        yield "valid"
    if event["type"] == "DELETED" or not status.get("processing"):
        yield "released"


def curves_of(run: Run) -> Curves:
    """Return the curves of a simulated run."""
    rows = run.challenges
    return Curves(
        _came(rows.started),
        _came(decided for decided, state in zip(rows.decided, rows.state, strict=True) if state == _VALID),
        _came(rows.released),
    )


def _came(column: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(moment for moment in column if moment >= 0))


def compare(recording: Recording, run: Run) -> Deviations:
    """Return the largest deviation of each curve; what one of them has not seen, it may see at the end."""
    seen, told, end = recording.curves, curves_of(run), recording.end
    return Deviations(
        started=_farthest(seen.started, told.started, end),
        valid=_farthest(seen.valid, told.valid, end),
        released=_farthest(seen.released, told.released, end),
        processing=max(
            _astray(seen.processing(), told.processing(), end), _astray(told.processing(), seen.processing(), end)
        ),
    )


def _farthest(seen: Sequence[int], told: Sequence[int], end: int) -> int:
    pairs = zip_longest(seen, told, fillvalue=end)
    return max((abs(min(one, end) - min(other, end)) for one, other in pairs), default=0)


def _astray(steps: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]], end: int) -> int:
    """Return how far in time, at most, the others have (or pass) a number that lasted: from its beginning, from its end."""
    farthest = 0
    for (begin, number), (until, _) in pairwise([*steps, (end, 0)]):
        if until - begin >= LASTING:
            spans = _spans(others, number, end)
            for moment in (begin, until):
                farthest = max(farthest, min(max(since - moment, moment - to, 0) for since, to in spans))
    return farthest


def _spans(steps: Sequence[tuple[int, int]], number: int, end: int) -> list[tuple[int, int]]:
    """Return from when to when the steps have this number; passing it is a span without length, and the end is one."""
    spans, before = [(end, end)], 0
    for (since, now), (until, _) in pairwise([*steps, (end, 0)]):
        if now == number:
            spans.append((since, until))
        elif min(before, now) < number < max(before, now):
            spans.append((since, since))
        before = now
    return spans
