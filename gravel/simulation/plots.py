"""A run as pictures: who waited when, the queue and the slots, what was in use, how long certificates took.

Needs the extra `plots` (matplotlib). Readable in grey: lines differ in their
dashes, bars in their hatches. The same run gives the same SVG, byte for byte.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gravel.simulation.durations import Unit, unit_for
from scheduler.simulator import levels
from scheduler.simulator.levels import Curve
from scheduler.simulator.run import NEVER, Run
from scheduler.simulator.summary import times_to_issue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
POINTS = 2000
# More bars than this cannot be told apart.
BARS = 60
_DARK, _MIDDLE, _LIGHT, _PALE = "#1b4965", "#5fa8d3", "#bfd7ea", "#f0f4f8"
_STAGES = (
    ("waits for a slot", "created", "started", {"color": _PALE, "edgecolor": "#8a8a8a", "linewidth": 0.4}),
    ("in its slot, not seen yet", "started", "passed", {"color": _LIGHT, "edgecolor": _DARK, "hatch": "///", "linewidth": 0.4}),
    ("seen: settling, accepting", "passed", "decided", {"color": _DARK, "edgecolor": _DARK, "linewidth": 0.4}),
    ("decided, its slot not free yet", "decided", "released", {"color": _MIDDLE, "edgecolor": _DARK, "hatch": "...", "linewidth": 0.4}),
)  # fmt: skip


class NoPlots(Exception):  # noqa: N818 - says what is missing
    """The extra is not installed; the text says how to get it."""


def draw(run: Run) -> dict[str, Figure]:
    """Return the figures by name; NoPlots when matplotlib is missing."""
    return {name: plot(run) for name, plot in PLOTS.items()}


def svg(figure: Figure) -> str:
    """Return a figure as SVG text without a date, its text as text."""
    import matplotlib as mpl

    out = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "gravel", "svg.fonttype": "none"}):
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return out.getvalue()


def save(figures: Mapping[str, Figure], folder: Path, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Write each figure in each format; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, figure in figures.items():
        for suffix in formats:
            path = folder / f"{name}.{suffix}"
            if suffix == "svg":
                path.write_text(svg(figure), encoding="utf-8")
            else:
                figure.savefig(path, dpi=120)
            written.append(path)
    return tuple(written)


def gantt(run: Run) -> Figure:
    """Return one bar a challenge, by stage; of many challenges, every so-manieth."""
    rows = run.challenges
    unit, count = unit_for(run.makespan), len(rows.created)
    step = -(-count // BARS)
    shown = range(0, count, max(step, 1))
    figure, axes = _canvas(_since(unit), height=1.2 + 0.07 * max(len(shown), 20))
    ends: dict[str, Sequence[int]] = {name: getattr(rows, name) for _, *names, _ in _STAGES for name in names}
    # What was decided without being seen, refused or gone, was not seen until then.
    ends["passed"] = [
        decided if passed == NEVER else passed for passed, decided in zip(rows.passed, rows.decided, strict=True)
    ]
    for label, start, end, style in _STAGES:
        spans = [
            (place, ends[start][row], run.makespan if ends[end][row] == NEVER else ends[end][row])
            for place, row in enumerate(shown)
            if ends[start][row] != NEVER
        ]
        lefts = [begin / unit.size for _, begin, _ in spans]
        widths = [(finish - begin) / unit.size for _, begin, finish in spans]
        axes.barh([place for place, *_ in spans], widths, left=lefts, height=0.8, label=label, **style)
    axes.set_ylabel("challenges, oldest first" + (f"\n(a sample: 1 in {step:,} of {count:,})" if step > 1 else ""))
    axes.set_yticks([])
    axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
    axes.set_xlim(0, max(run.makespan, 1) / unit.size)
    _legend(axes)
    return figure


def queue(run: Run) -> Figure:
    """Return how many challenges waited for a slot, and how many held one, over time."""
    unit = unit_for(run.makespan)
    figure, axes = _canvas(_since(unit))
    _steps(axes, _points(levels.waiting(run)), run, unit, label="waiting for a slot", color=_DARK)
    _steps(axes, _points(levels.in_slots(run)), run, unit, label="in a slot", color=_MIDDLE, linestyle="--")
    axes.axhline(
        run.scenario.cluster.cap, color="#666666", linewidth=0.8, linestyle=":", label=f"cap {run.scenario.cluster.cap}"
    )
    axes.set_ylabel("challenges")
    axes.set_ylim(bottom=0)
    _legend(axes)
    return figure


def utilisation(run: Run) -> Figure:
    """Return the share of slots and of workers in use over time, in percent."""
    unit, cluster = unit_for(run.makespan), run.scenario.cluster
    figure, axes = _canvas(_since(unit))
    work = [(start, 100 * busy / cluster.workers) for start, busy in levels.at_work(run)] or [(0, 0.0)]
    _steps(axes, work, run, unit, label="workers", color=_DARK)
    slots = _points(levels.in_slots(run), 100 / cluster.cap)
    _steps(axes, slots, run, unit, label="slots", color=_MIDDLE, linestyle="--")
    axes.set_ylabel("in use, %")
    axes.set_ylim(0, 105)
    _legend(axes)
    return figure


def time_to_certificate(run: Run) -> Figure:
    """Return the distribution of the times from first request to certificate, in percent of the certificates."""
    times = sorted(times_to_issue(run))
    unit = unit_for(times[-1] if times else 0)
    figure, axes = _canvas(f"time from the request to the certificate, {unit.sign}")
    places = [*range(0, len(times) - 1, max(len(times) // POINTS, 1)), *range(len(times))[-1:]]
    axes.step(
        [0, *(times[place] / unit.size for place in places)],
        [0, *(100 * (place + 1) / len(times) for place in places)],
        where="post",
        color=_DARK,
        label="issued",
    )
    for share, style in ((50, ":"), (95, "--"), (99, "-.")):
        if times:
            mark = times[-(-len(times) * share // 100) - 1] / unit.size
            axes.axvline(
                mark, color="#666666", linewidth=0.8, linestyle=style, label=f"p{share}: {mark:.3g} {unit.sign}"
            )
    axes.set_ylabel("certificates issued, %")
    axes.set_ylim(0, 105)
    _legend(axes)
    return figure


def bars(names: Sequence[str], groups: Mapping[str, Sequence[tuple[float, float, float]]], along: str) -> Figure:
    """Return one bar a name and group: the middle number, with a whisker from the least to the most."""
    figure, axes = _canvas(along, height=1.4 + 0.45 * len(names))
    height = 0.8 / len(groups)
    for number, (label, triples) in enumerate(groups.items()):
        places = [place + (number - (len(groups) - 1) / 2) * height for place in range(len(names))]
        middles = [middle for _, middle, _ in triples]
        whiskers = [[middle - least for least, middle, _ in triples], [most - middle for _, middle, most in triples]]
        style = {"color": (_DARK, _LIGHT)[number % 2], "edgecolor": _DARK, "hatch": ("", "///")[number % 2]}
        axes.barh(places, middles, height=height, label=label, xerr=whiskers, capsize=2, **style)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    _legend(axes)
    return figure


PLOTS: Mapping[str, Callable[[Run], Figure]] = {
    "gantt": gantt,
    "queue": queue,
    "utilisation": utilisation,
    "time-to-certificate": time_to_certificate,
}


def _canvas(along: str, height: float = 3.6) -> tuple[Figure, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPlots("plots need matplotlib; install it with: pip install 'gravel[plots]'") from None
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(along)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _since(unit: Unit) -> str:
    return f"time since the start, {unit.sign}"


def _points(curve: Curve, scale: float = 1) -> list[tuple[int, float]]:
    thin = curve.thinned(POINTS)
    return [(moment, scale * value) for moment, value in zip(thin.moments, thin.values, strict=True)]


def _steps(axes: Any, points: Sequence[tuple[int, float]], run: Run, unit: Unit, **style: Any) -> None:
    """Draw what holds from each moment on, to the end of the run."""
    end, last = points[-1]
    drawn = [*points, (max(run.makespan, end), last)]
    axes.step([moment / unit.size for moment, _ in drawn], [value for _, value in drawn], where="post", **style)


def _legend(axes: Any) -> None:
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize="small")
