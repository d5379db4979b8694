"""The report of a run: as a table in the terminal, as JSON, as JUnit XML."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from rich.markup import escape
from rich.table import Table

from conformance.runner import Verdict
from conformance.verdict import Level, Outcome
from conformance.wire import Exchange

STYLES: Mapping[Outcome, str] = {
    Outcome.PASS: "green",
    Outcome.FAIL: "bold red",
    Outcome.NOT_OFFERED: "dim",
    Outcome.NOT_REACHABLE: "yellow",
    Outcome.LEFT_OUT: "dim",
    Outcome.ERROR: "magenta",
}

OTHERS = (Outcome.NOT_OFFERED, Outcome.NOT_REACHABLE, Outcome.LEFT_OUT, Outcome.ERROR)


def said(verdict: Verdict) -> str:
    """Return the one line that explains a verdict; empty for a pass."""
    if verdict.outcome is Outcome.FAIL:
        return f"expected {verdict.expected}; got {verdict.actual}"
    return verdict.detail.strip().splitlines()[-1] if verdict.detail else ""


def counted(verdicts: Sequence[Verdict]) -> str:
    """Return how many there are of each outcome, failures by level."""
    counts = Counter(
        f"{verdict.check.level} {verdict.outcome}" if verdict.outcome is Outcome.FAIL else str(verdict.outcome)
        for verdict in verdicts
    )
    order = ("pass", *(f"{level} fail" for level in Level), *OTHERS)
    return ", ".join(f"{counts[name]} {name}" for name in order if counts[name])


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """1 when a MUST fails; else 3 when the suite made a mistake or nothing could be looked at; else 0."""
    if any(verdict.breaks for verdict in verdicts):
        return 1
    seen = any(verdict.outcome in (Outcome.PASS, Outcome.FAIL) for verdict in verdicts)
    return 0 if seen and not any(verdict.outcome is Outcome.ERROR for verdict in verdicts) else 3


def table(verdicts: Sequence[Verdict]) -> Table:
    """Lay a run out for the terminal."""
    shown = Table("section", "level", "check", "verdict", title_justify="left", caption=counted(verdicts))
    for verdict in verdicts:
        style, why = STYLES[verdict.outcome], said(verdict)
        text = verdict.check.sentence + (f"\n[dim]{escape(why)}[/dim]" if why else "")
        shown.add_row(verdict.check.section, verdict.check.level, text, f"[{style}]{verdict.outcome}[/{style}]")
    return shown


def to_json(subject: str, verdicts: Sequence[Verdict], named: str = "directory") -> dict[str, Any]:
    """Return the whole run: each check, its verdict, and what was on the wire; named: what the subject is."""
    return {named: subject, "summary": counted(verdicts), "checks": [_check_json(one) for one in verdicts]}


def _check_json(verdict: Verdict) -> dict[str, Any]:
    check = verdict.check
    document: dict[str, Any] = {
        "section": check.section,
        "level": check.level,
        "name": check.name,
        "sentence": check.sentence,
        "verdict": verdict.outcome,
        "seconds": round(verdict.seconds, 3),
    }
    for name in ("detail", "expected", "actual"):
        if getattr(verdict, name):
            document[name] = getattr(verdict, name)
    return {**document, "exchanges": [exchange_json(one) for one in verdict.exchanges]}


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """Return a request and its reply as they were on the wire, its protected header decoded beside it."""
    document: dict[str, Any] = {"method": exchange.method, "url": exchange.url, "headers": dict(exchange.headers)}
    if exchange.body:
        document["body"] = exchange.body.decode("utf-8", "backslashreplace")
        if (protected := _protected(exchange.body)) is not None:
            document["protected"] = protected
    reply = exchange.reply
    if reply is None:
        return {**document, "reply": None}
    body = reply.body.decode("utf-8", "backslashreplace")
    return {
        **document,
        "reply": {"status": reply.status, "headers": [list(one) for one in reply.headers], "body": body},
    }


def _protected(body: bytes) -> Any:
    """Return the protected header of a JWS, decoded for whoever reads the report; None where there is none."""
    try:
        text = json.loads(body)["protected"]
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, KeyError, TypeError):
        return None


def to_junit(subject: str, verdicts: Sequence[Verdict], held_to: str = "RFC 8555") -> str:
    """Return JUnit XML: a MUST that fails is a failure, a SHOULD that fails and what could not be seen is skipped."""
    suite = ET.Element("testsuite", name=f"{held_to}: {subject}", tests=str(len(verdicts)))
    counts = {"failure": 0, "skipped": 0, "error": 0}
    for verdict in verdicts:
        check = verdict.check
        case = ET.SubElement(
            suite, "testcase", classname=f"section {check.section}", name=check.name, time=f"{verdict.seconds:.3f}"
        )
        if verdict.outcome is Outcome.PASS:
            continue
        kind = "failure" if verdict.breaks else "error" if verdict.outcome is Outcome.ERROR else "skipped"
        counts[kind] += 1
        message = f"{check.level} {verdict.outcome}: {said(verdict)}"
        ET.SubElement(case, kind, message=_printable(message)).text = _printable(check.sentence)
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    suite.set("skipped", str(counts["skipped"]))
    ET.indent(suite)
    return ET.tostring(suite, "unicode", xml_declaration=True) + "\n"


def _printable(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(character if character.isprintable() or character in "\n\t" else "?" for character in text)
