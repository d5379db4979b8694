"""Shows what `gravel check` saw and concluded: tables and sentences for people, one object for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from acme_server.excerpt import excerpt
from gravel.check.findings import PASS, Conclusion, Finding
from gravel.check.looking import DNS, HTTP, SERVER, SOLVER, Check, Nameserver, Seen, View

if TYPE_CHECKING:
    from rich.console import Console

    from gravel.check.requests import Trace, Visit

_LISTED = 4
_BODY = 40
_RESULTS = {None: "-", True: "passes", False: "fails"}


def to_json(seen: Seen, conclusion: Conclusion) -> dict[str, Any]:
    """Return everything as one object: `name`, `verdict`, `checks`, `zone`, `nameservers`, `findings`."""
    return {
        "name": seen.plan.name,
        "verdict": conclusion.verdict,
        "checks": [_check_json(seen, check, conclusion.verdicts[check.type]) for check in seen.checks],
        "zone": seen.zone,
        "nameservers": [_nameserver_json(each) for each in seen.nameservers],
        "findings": [finding.to_json() for finding in conclusion.findings],
    }


def _check_json(seen: Seen, check: Check, verdict: str) -> dict[str, Any]:
    plan = seen.plan
    asked = plan.resolvers if check.by == SOLVER else (plan.server_dns,)
    views = [view for view in (seen.texts if check.type == DNS else seen.addresses) if view.server in asked]
    found = {
        "type": check.type,
        "by": check.by,
        "verdict": verdict,
        "passed": check.passed,
        "reason": check.reason,
        "lookups": [{"server": view.server, "name": view.name, "type": view.rtype, **_said(view)} for view in views],
    }
    if check.type == HTTP:
        mine = {value for view in views for value in view.values}
        found["requests"] = [_visit_json(one) for each in seen.traces if each.address in mine for one in each.visits]
    return found | ({"record": list(check.record)} if check.by == SERVER else {})


def _said(view: View) -> dict[str, Any]:
    return {
        "rcode": None if view.answer.error else view.answer.rcode,
        "error": view.answer.error,
        "aliases": list(view.aliases),
        "values": list(view.values),
        "ttl": view.ttl,
    }


def _nameserver_json(each: Nameserver) -> dict[str, Any]:
    view = each.view
    said = {"error": "it has no address"} if view is None else _said(view)
    return {"name": each.name, "address": view and view.server, **said, "serial": each.serial}


def _visit_json(visit: Visit) -> dict[str, Any]:
    answer = visit.answer
    found: dict[str, Any] = {"url": visit.target.url, "address": visit.address, "error": answer.error}
    if answer.error is not None:
        return found
    body = answer.body[:_BODY].decode("utf-8", "backslashreplace")
    return found | {
        "status": answer.status,
        "server": answer.header("Server"),
        "location": answer.header("Location"),
        "body": body,
    }


def print_report(console: Console, seen: Seen, conclusion: Conclusion) -> None:
    """Print a table for each section that has something to say, then the findings, then the verdict."""
    from gravel.printing import print_table

    for title, heading, rows in _sections(seen):
        if rows:
            console.out(f"{title}", style="bold", highlight=False)
            print_table(console, heading, rows)
            console.out("")
    for finding in conclusion.findings:
        for line, style in _lines(finding):
            console.out(line, style=style, highlight=False)
    if conclusion.findings:
        console.out("")
    console.out(_verdict(seen, conclusion), style="green" if conclusion.verdict == PASS else "red", highlight=False)


def _sections(seen: Seen) -> Iterable[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    lookups = [_lookup_row(seen, view) for view in (*seen.addresses, *seen.texts)]
    yield "Resolvers", ("RESOLVER", "OF", "ASKED", "SAYS", "TTL", "VALUES"), lookups
    nameservers = [_nameserver_row(each) for each in seen.nameservers]
    asked = next((f"{each.view.rtype} {each.view.name}" for each in seen.nameservers if each.view), "")
    heading = ("NAMESERVER", "ADDRESS", "SAYS", "SERIAL", "TTL", "VALUES")
    yield f"Nameservers of {seen.zone}, asked for {asked}", heading, nameservers
    requests = [row for trace in seen.traces for row in _request_rows(trace)]
    yield "Requests", ("DIALLED", "URL", "ANSWER", "SERVER", "LEADS TO, OR BEGINS WITH"), requests
    checks = [(check.type, check.by, _RESULTS[check.passed], check.reason or "") for check in seen.checks]
    expected = any(check.passed is not None for check in seen.checks)
    yield "Checks", ("TYPE", "BY", "RESULT", "REASON"), checks if expected else ()


def _lookup_row(seen: Seen, view: View) -> tuple[str, ...]:
    roles = ((SOLVER, seen.plan.resolvers), (SERVER, (seen.plan.server_dns,)))
    of = ", ".join(role for role, servers in roles if view.server in servers)
    return (view.server, of, f"{view.rtype} {view.name}", _answer(view), _text(view.ttl), _values(view))


def _nameserver_row(each: Nameserver) -> tuple[str, ...]:
    if each.view is None:
        return (each.name, "none", "-", "-", "-", "")
    return (
        each.name,
        each.view.server,
        _answer(each.view),
        _text(each.serial),
        _text(each.view.ttl),
        _values(each.view),
    )


def _request_rows(trace: Trace) -> Iterable[tuple[str, ...]]:
    for visit in trace.visits:
        answer = visit.answer
        if answer.error is not None:
            yield (visit.address, visit.target.shown, answer.error, "-", "")
            continue
        shown = answer.header("Location") or answer.body[: _BODY + 1]
        server = answer.header("Server")
        said = excerpt(shown, _BODY) if shown else "(nothing)"
        yield (visit.address, visit.target.shown, str(answer.status), excerpt(server)[1:-1] if server else "-", said)


def _answer(view: View) -> str:
    return view.answer.error or ("alias loop" if view.loop else view.answer.rcode)


def _values(view: View) -> str:
    values = [excerpt(value) if view.rtype == "TXT" else value for value in view.values]
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    aliases = f"(alias of {' -> '.join(view.aliases)}) " if view.aliases else ""
    return aliases + ", ".join(values[:_LISTED]) + more


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)


def _lines(finding: Finding) -> Iterable[tuple[str, str]]:
    mark, style = ("in the way", "red") if finding.blocks else ("note", "yellow")
    yield f"{finding.type} {finding.code} ({mark}): {finding.cause} [{', '.join(finding.where)}]", style
    yield f"  {finding.who}: {finding.attempt}", ""


def _verdict(seen: Seen, conclusion: Conclusion) -> str:
    plan = seen.plan
    said = {each: ("would pass" if verdict == PASS else "would fail") for each, verdict in conclusion.verdicts.items()}
    if plan.key is None:
        said = {
            each: ("nothing is in the way" if verdict == PASS else "something is in the way")
            for each, verdict in conclusion.verdicts.items()
        }
    return f"{plan.name}: " + "; ".join(f"{each}: {words}" for each, words in said.items())
