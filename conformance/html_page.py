"""The report of a run as one HTML page that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from conformance.report import counted, exchange_json, said
from conformance.runner import Verdict
from conformance.verdict import Outcome

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #222 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35em .7em; border-bottom: 1px solid #ddd }
pre { background: #f6f6f6; padding: .7em; overflow-x: auto; font-size: 12px }
.pass { color: #17692d } .fail { color: #b3141d; font-weight: bold } .error { color: #8a1a8a; font-weight: bold }
.not-reachable { color: #8a5a00 } .not-offered, .left-out { color: #666 } small { color: #555 }
"""


def html_page(subject: str, verdicts: Sequence[Verdict], held_to: str = "RFC 8555") -> str:
    """Return the page; the exchanges of what failed are folded away below their check."""
    title = f"{held_to}: {escape(subject)}"
    rows = "\n".join(_row(verdict) for verdict in verdicts)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style></head>
<body><h1>{title}</h1><p>{escape(counted(verdicts))}</p>
<table><thead><tr><th>section</th><th>level</th><th>check</th><th>verdict</th></tr></thead>
<tbody>
{rows}
</tbody></table></body></html>
"""


def _row(verdict: Verdict) -> str:
    check, why = verdict.check, said(verdict)
    text = escape(check.sentence) + (f"<br><small>{escape(why)}</small>" if why else "")
    if verdict.outcome is Outcome.FAIL:
        shown = json.dumps([exchange_json(one) for one in verdict.exchanges], indent=1)
        text += f"<details><summary>on the wire</summary><pre>{escape(shown)}</pre></details>"
    style = verdict.outcome.replace(" ", "-")
    cells = f"<td>{escape(check.section)}</td><td>{check.level}</td><td>{text}</td>"
    return f'<tr id="{escape(check.name)}">{cells}<td class="{style}">{verdict.outcome}</td></tr>'
