"""A story as a timeline: one sentence for each fact of the journal, and one for many that are alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from acme_server.protocol.journal import Entry
from acme_server.protocol.problem import PREFIX
from gravel.explaining.refused_requests import endpoint_of

# So many lines are told, the last.
_LINES = 200

Tell = Callable[[Entry], str]


def _names(entry: Entry) -> str:
    return ", ".join(map(str, entry.data.get("identifiers", ())))


def _challenge(entry: Entry) -> str:
    data = entry.data
    return f"{data.get('type', 'the challenge')} of {data.get('identifier') or data.get('dns_name')}"


def _reason(entry: Entry) -> str:
    said = entry.data.get("detail") or entry.data.get("reason") or entry.data.get("message")
    return f": {said}" if said else ""


# What the server's facts say. Whatever has no row is told by its name.
TEXTS: Mapping[str, Tell] = {
    "AccountCreated": lambda entry: f"the account {entry.subject['account']} was registered",
    "OrderCreated": lambda entry: (
        f"order/{entry.subject['order']} was made" + (f" for {_names(entry)}" if _names(entry) else "")
    ),
    "OrderReused": lambda entry: f"order/{entry.subject['order']} was asked for again, and given again",
    "ChallengeResponded": lambda entry: f"the client responded to {_challenge(entry)}",
    "ValidationFailed": lambda entry: (
        f"a validation of {_challenge(entry)} failed, the next is at {entry.data['next']}{_reason(entry)}"
    ),
    "ChallengeFailed": lambda entry: f"{_challenge(entry)} failed{_reason(entry)}",
    "ChallengeValidated": lambda entry: f"{_challenge(entry)} was validated",
    "AuthorizationValidated": lambda entry: f"{entry.data['identifier']} is authorized until {entry.data['expires']}",
    "AuthorizationFailed": lambda entry: f"the authorization of {entry.data['identifier']} is invalid for good",
    "AuthorizationDeactivated": lambda entry: f"the client gave the authorization of {entry.data['identifier']} up",
    "OrderFinalized": lambda entry: f"order/{entry.subject['order']} was finalized",
    "CertificateIssued": lambda entry: (
        f"certificate {entry.data['serial']} was issued, until {entry.data['not_after']}"
    ),
    "CertificateRevoked": lambda entry: (
        f"certificate {entry.data['serial']} was revoked, on the word of the {entry.data['authority']}"
    ),
    "OrderFailed": lambda entry: f"order/{entry.subject['order']} failed{_reason(entry)}",
    "RequestRefused": lambda entry: (
        f"{endpoint_of(entry)} was refused with {str(entry.data['problem']).removeprefix(PREFIX)}{_reason(entry)}"
    ),
    "FaultInjected": lambda entry: (
        f"the fault {entry.data['rule']!r} ({entry.data['action']['kind']}) fired at {entry.data['endpoint']}"
    ),
    "IdentifierPaused": lambda entry: f"the account may not order {entry.data['identifier']} any more",
}


def text_of(entry: Entry) -> str:
    """Return an entry as a sentence."""
    if entry.house == "acme_server" and entry.kind in TEXTS:
        return TEXTS[entry.kind](entry)
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", entry.kind).lower()
    kind, value = next(((kind, value) for kind, value in entry.subject.items() if kind != "account"), ("", ""))
    return (f"{words}: {kind}/{value}" if kind else words) + _reason(entry)


def timeline(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Return `{at, text}` for each run of facts that are alike, with `until` and `times` where it is one of many."""
    told = []
    for text, alike in groupby(sorted(entries, key=lambda entry: entry.seq), text_of):
        run = list(alike)
        more = {"until": run[-1].at, "times": len(run)} if len(run) > 1 else {}
        told.append({"at": run[0].at, "text": text, **more})
    left = len(told) - _LINES
    return told if left <= 0 else [{"at": told[0]["at"], "text": f"{left} earlier lines are left out"}, *told[left:]]
