"""A run on one page of HTML that needs nothing else: numbers, pictures, and the command that repeats it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import attrs

from gravel.simulation.plots import svg
from gravel.simulation.tables import question, rows
from scheduler.simulator.run import Run
from scheduler.simulator.summary import Summary

LISTED = 20
_TITLES = {
    "gantt": "Who waited when",
    "queue": "The queue and the slots",
    "utilisation": "What was in use",
    "time-to-certificate": "How long certificates took",
}
_STYLE = """
:root { color-scheme: light dark; --ink: #1d1d1f; --paper: #ffffff; --line: #d8d8dc; --soft: #5f6368 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8ea; --paper: #16181c; --line: #3a3d44; --soft: #a0a4ab } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 0 auto; padding: 1rem }
h1 { font-size: 1.35rem; line-height: 1.25 } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem }
table { border-collapse: collapse; width: 100% } th { font-weight: 600; text-align: left; vertical-align: top; white-space: nowrap; padding-right: 1.5rem }
th, td { border-bottom: 1px solid var(--line); padding-top: .3rem; padding-bottom: .3rem }
figure { background: #fff; margin: 0; padding: .5rem; border: 1px solid var(--line); border-radius: 6px; overflow-x: auto } svg { width: 100%; height: auto; min-width: 30rem }
@media (prefers-color-scheme: dark) { figure { filter: invert(.9) hue-rotate(180deg); border-color: #d8d8dc } }
pre { border: 1px solid var(--line); border-radius: 6px; padding: .7rem; overflow-x: auto } p, summary { color: var(--soft) }
"""


def page(run: Run, summary: Summary, figures: Mapping[str, Any], command: str, words: Sequence[str] = ()) -> str:
    """Return the page; command: what repeats the run; words: sentences that explain it."""
    title = escape(question(run.scenario))
    lines = "".join(f"<tr><th>{escape(heading)}</th><td>{escape(text)}</td></tr>" for heading, text in rows(summary))
    pictures = "".join(f"<h2>{_TITLES[name]}</h2><figure>{_inline(svg(one))}</figure>" for name, one in figures.items())
    said = "".join(f"<p>{escape(word)}</p>" for word in words)
    scenario = json.dumps(attrs.asdict(run.scenario, value_serializer=_short), indent=1)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{said}<table>{lines}</table>{pictures}"
        f"<h2>Again</h2><pre>{escape(command)}</pre><p>The same seed gives the same run; its digest is {run.digest}.</p>"
        f"<details><summary>The scenario, in milliseconds</summary><pre>{escape(scenario)}</pre></details></body></html>\n"
    )


def _short(_holder: Any, _field: Any, value: Any) -> Any:
    """Return a value of the scenario; of a long list, its beginning."""
    if isinstance(value, tuple) and len(value) > LISTED:
        return [*value[:LISTED], f"and {len(value) - LISTED:,} more"]
    return value


def _inline(text: str) -> str:
    """Return an SVG without its XML declaration and document type, which HTML has no place for."""
    return text[text.index("<svg") :]
