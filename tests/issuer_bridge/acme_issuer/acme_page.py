"""The generated parts of docs/acme-issuer.md: what each problem does, and the parameters."""

import attrs

from issuer_bridge.acme_issuer.classification import CERT_MANAGER, NO_ANSWER, ROWS, Class, Operation, Row
from issuer_bridge.acme_issuer.parameters import Parameters, spec_name
from issuer_bridge.durations import format_duration

MEANS = {
    Class.PERMANENT: "the request fails, for good",
    Class.ISSUER_PERMANENT: "the issuer fails, until it or one of its Secrets changes",
    Class.ISSUER: "the issuer is not Ready until its next check",
    Class.DROP: "another order, while there may be one; then the request fails",
    Class.WAIT: "all requests of the issuer wait until the time that the server named",
    Class.RETRY: "tried again, after a backoff",
    Class.REFRESH: "the order is read again",
    Class.WITHOUT_REPLACES: "the same order, without `replaces`",
    Class.DONE: "nothing; it is so already",
}


def classes():
    return "\n".join(f"* **{name}**: {text}." for name, text in MEANS.items())


def problems():
    rows = [
        f"| {kinds(row)} | {', '.join(row.where) or 'any'} | {row.becomes}{later(row)} | {theirs(row)} | {row.hint} |"
        for row in ROWS
    ]
    last = f"| no answer that makes sense | any | {NO_ANSWER.becomes} | retry | {NO_ANSWER.hint} |"
    return "\n".join(["| problem | where | becomes | cert-manager | |", "|---|---|---|---|---|", *rows, last])


def kinds(row: Row):
    named = ", ".join(f"`{kind}`" for kind in row.kinds.split() if kind != "about:blank")
    whole = {range(600): "", range(400, 500): "4xx", range(500, 600): "5xx"}
    status = whole.get(row.statuses, str(row.statuses.start))
    said = f"that says `{row.says}`" if row.says else ""
    timed = {None: "", True: "with Retry-After", False: "without Retry-After"}[row.timed]
    page = "without a problem" if row.kinds == "about:blank" else ""
    return " ".join(part for part in (named, status, page, said, timed) if part) or "anything else"


def later(row: Row):
    return f", {format_duration(row.after)}" if row.after else ""


def theirs(row: Row):
    """What cert-manager makes of a row's problems, at each operation that it makes something else of."""
    found = {}
    for operation in row.where or Operation:
        status = (
            row.statuses.start if row.statuses != range(600) else {"orderNotReady": 403, "caa": 403}.get(row.kinds, 400)
        )
        unauthorized = row.kinds in ("unauthorized", "userActionRequired", "externalAccountRequired")
        becomes = next(one.becomes for one in CERT_MANAGER if fits(one, 403 if unauthorized else status, operation))
        found.setdefault(becomes, []).append(operation)
    if len(found) == 1:
        return next(iter(found))
    most = max(found, key=lambda becomes: len(found[becomes]))
    rest = [f"{becomes} at {', '.join(where)}" for becomes, where in found.items() if becomes is not most]
    return "; ".join([most, *rest])


def fits(row, status, operation):
    return status in row.statuses and (not row.where or operation in row.where)


def parameters():
    rows = [
        f"| `{spec_name(field.name) if field.metadata['own'] else field.name}` | {value(field.default)} | {field.metadata['meaning']} |"
        for field in attrs.fields(Parameters)
    ]
    return "\n".join(["| | default | |", "|---|---|---|", *rows])


def value(default):
    return str(default) if isinstance(default, int | float) else format_duration(default)


PARTS = {"classes": classes, "problems": problems, "parameters": parameters}
