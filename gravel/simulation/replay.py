"""What was seen, again: a journal or a recording becomes a scenario, and the run stands beside it.

A journal (`GET /journal`) tells names, types and arrivals, how long answers took
to be seen, and what never was; a recording of a real cert-manager
(`scheduler.simulator.recording`) names and arrivals.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from rich.table import Table

from acme_server.protocol.times import parse_rfc3339
from gravel.simulation.durations import spoken
from gravel.simulation.scenario_fields import Values
from scheduler.simulator.delays import NOTHING, Delay, fixed
from scheduler.simulator.fleet_syncs import SETTLE
from scheduler.simulator.recording import REQUEST, WRITE, Curves, Recording, compare, curves_of, read_recording
from scheduler.simulator.run import NEVER, Run
from scheduler.simulator.scenario import Arrival

_MILLISECOND = timedelta(milliseconds=1)
CURVES = ("started", "valid", "released")


@attrs.frozen
class Observed:
    """What was seen, and the values of a scenario (by path) that it tells."""

    recording: Recording
    values: Values


@attrs.define
class _History:
    """One challenge of a journal: its moments in milliseconds, None where it did not come so far."""

    name: str
    created: int
    started: int | None = None
    presented: int | None = None
    refused: int | None = None
    """The last self-check that failed."""
    passed: int | None = None
    valid: int | None = None
    released: int | None = None


# Fact -> what it dates. A journal without releases frees the slot with the clean-up.
_DATES: Mapping[str, str] = {
    "ChallengeScheduled": "started",
    "ChallengePresented": "presented",
    "SelfCheckFailed": "refused",
    "SelfCheckPassed": "passed",
    "ChallengeCleanedUp": "released",
    "SlotReleased": "released",
}


def observe(lines: Sequence[str], kind: str | None) -> Observed:
    """Read a journal or a recording, which the first line tells; ValueError says what is wrong.

    kind: HTTP-01 or DNS-01, of a journal that has both.
    """
    try:
        first = json.loads(lines[0]) if lines else None
    except ValueError:
        first = None
    if not isinstance(first, dict) or not first.keys() & {"seq", "t"}:
        raise ValueError("line 1 is neither of a journal (seq, at, kind, ...) nor of a recording (t, kind, type, ...)")
    if "seq" in first:
        return _journal(lines, kind)
    recording = read_recording(lines)
    told = {"solver.type": kind or _type_of(recording), "authority.validation": NOTHING}
    return Observed(recording, {**_given(recording), **told, "cluster.write": WRITE, "authority.latency": REQUEST})


def _type_of(recording: Recording) -> str:
    """Tell DNS-01 by the minute for which cert-manager lets an answer settle."""
    curves = recording.curves
    settled = curves.valid and curves.valid[0] - curves.started[0] >= SETTLE["DNS-01"]
    return "DNS-01" if settled else "HTTP-01"


def _given(recording: Recording) -> dict[str, Any]:
    return {
        "certificates": len(recording.moments),
        "arrivals.law": Arrival.GIVEN,
        "arrivals.moments": recording.moments,
        "names.given": recording.names,
    }


def _journal(lines: Iterable[str], kind: str | None) -> Observed:
    histories: dict[str, _History] = {}
    types: dict[str, None] = {}
    zero: datetime | None = None
    now = 0
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            what, at, key = entry["kind"], parse_rfc3339(entry["at"]), entry["subject"].get("challenge")
            if what == "ChallengeQueued":
                zero = zero or at
                types.setdefault(entry["data"]["type"])
                if kind in (None, entry["data"]["type"]):
                    histories[key] = _History(entry["data"]["dns_name"], (at - zero) // _MILLISECOND)
            if zero and key in histories:
                now = (at - zero) // _MILLISECOND
                _note(histories[key], what, now, entry["data"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number} is no entry of a journal: {error!r}") from error
    if not histories:
        raise ValueError(f"the journal has no challenge{f' of the type {kind}' if kind else ''}")
    if kind is None and len(types) > 1:
        raise ValueError(f"the journal has challenges of the types {' and '.join(types)}; say which with --solver")
    seen = tuple(histories.values())
    recording = _recorded(seen, now)
    told = {"solver.type": next(iter(types)) if kind is None else kind, "solver.propagation": _propagation(seen)}
    stuck = dict.fromkeys(each.name for each in seen if each.refused is not None and each.passed is None)
    return Observed(recording, {**_given(recording), **told, "solver.stuck_names": tuple(stuck)})


def _note(history: _History, what: str, now: int, data: Mapping[str, Any]) -> None:
    if what in _DATES:
        name = _DATES[what]
        # A slot may be given back and taken again: the first start counts, as in a run.
        if name != "started" or history.started is None:
            setattr(history, name, now)
    elif what == "ChallengeDecided" and data["state"] == "valid":
        history.valid = now


def _recorded(seen: Sequence[_History], end: int) -> Recording:
    curves = Curves(
        *(tuple(sorted(moment for each in seen if (moment := getattr(each, name)) is not None)) for name in CURVES)
    )
    return Recording(tuple(each.created for each in seen), tuple(each.name for each in seen), curves, end)


def _propagation(seen: Iterable[_History]) -> Delay:
    """Return the shortest delay that explains all self-checks; where no single one does, evenly between two."""
    spans = [
        (0 if each.refused is None else each.refused - each.presented + 1, each.passed - each.presented)
        for each in seen
        if each.presented is not None and each.passed is not None
    ]
    if not spans:
        return NOTHING
    unseen, visible = zip(*spans, strict=True)
    return fixed(max(unseen)) if max(unseen) <= min(visible) else Delay("uniform", min(unseen), max(unseen))


def deviations(observed: Observed, run: Run) -> dict[str, int]:
    """Return how far the run is from what was seen, at most, in milliseconds: each curve, and how many held a slot.

    The run may last longer; nobody saw that.
    """
    end, rows = observed.recording.end, run.challenges
    cut = {
        name: array("q", (moment if moment <= end else NEVER for moment in getattr(rows, name)))
        for name in ("started", "decided", "released")
    }
    return attrs.asdict(compare(observed.recording, attrs.evolve(run, challenges=attrs.evolve(rows, **cut))))


def table(observed: Observed, run: Run) -> Table:
    """Lay what was seen out beside the run: the k-th start, verdict and release, and the largest deviation."""
    laid = Table(title="observed beside simulated", title_justify="left", box=None, pad_edge=False)
    seen, told = observed.recording.curves, curves_of(run)
    for heading in ("k-th", *(f"{name}, {side}" for name in CURVES for side in ("seen", "simulated"))):
        laid.add_column(heading, justify="right")
    for k in _ranks(len(observed.recording.moments)):
        pairs = ((getattr(seen, name), getattr(told, name)) for name in CURVES)
        laid.add_row(f"{k:,}", *(_moment(column, k) for pair in pairs for column in pair))
    off = deviations(observed, run)
    laid.add_row("off by", *(cell for name in CURVES for cell in ("", spoken(off[name]))))
    laid.caption = f"the number in slots is off by at most {spoken(off['processing'])}"
    return laid


def to_json(observed: Observed, run: Run) -> dict[str, Any]:
    """Return `observed` and `simulated`, each with the moments of starts, verdicts and releases, and `deviations_s`."""

    def moments(curves: Curves) -> dict[str, list[float]]:
        return {f"{name}_s": [moment / 1000 for moment in getattr(curves, name)] for name in CURVES}

    return {
        "observed": moments(observed.recording.curves),
        "simulated": moments(curves_of(run)),
        "deviations_s": {name: off / 1000 for name, off in deviations(observed, run).items()},
    }


def _ranks(n: int) -> list[int]:
    return list(dict.fromkeys((1, max(n // 4, 1), max(n // 2, 1), max(3 * n // 4, 1), n)))


def _moment(column: Sequence[int], k: int) -> str:
    return spoken(column[k - 1]) if k <= len(column) else "-"
