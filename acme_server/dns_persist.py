"""Whether TXT records prove control for as long as they stay: dns-persist-01 (draft-ietf-acme-dns-persist)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import datetime

from acme_server.excerpt import excerpt
from acme_server.issue_value import IssueValue, read_issue_value
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem, malformed, unauthorized

LABEL = "_validation-persist"
_SECONDS = re.compile(r"[0-9]{1,18}")
_ONCE = ("accounturi", "policy", "persistuntil")


def judge(
    values: Sequence[str], identifier: Identifier, account_url: str, identities: Collection[str], now: datetime
) -> None:
    """Return when one of the records will do; else raise what is wrong with the first that names this authority.

    That is malformed for syntax, and otherwise unauthorized; parameters that are unknown say nothing.
    """
    problems: list[Problem] = []
    for text in values:
        shown = excerpt(text)
        try:
            value = read_issue_value(text)
            complaint = _complaint(value, identifier, account_url, now)
        except ValueError as error:
            if text.partition(";")[0].strip().lower() in identities:
                problems.append(malformed(f"TXT record {shown} {error}"))
            continue
        if value.issuer not in identities:
            continue
        if complaint is None:
            return
        problems.append(unauthorized(f"TXT record {shown} {complaint}"))
    owner = f"{LABEL}.{identifier.base.value}"
    raise problems[0] if problems else unauthorized(f"No TXT record for {' or '.join(identities)} found at {owner}")


def _complaint(value: IssueValue, identifier: Identifier, account_url: str, now: datetime) -> str | None:
    """Say why a record that can be read will not do; ValueError when it cannot."""
    twice = next((tag for tag in _ONCE if len(value.values(tag)) > 1), None)
    if twice:
        raise ValueError(f"has {twice} more than once")
    accounts, policies, ends = (value.values(tag) for tag in _ONCE)
    if not accounts:
        raise ValueError("has no accounturi")
    if ends and not _SECONDS.fullmatch(ends[0]):
        raise ValueError("has a persistUntil that is not a number of seconds")
    if accounts[0] != account_url:
        return f"is for another account than {account_url}"
    if identifier.wildcard and [policy.lower() for policy in policies] != ["wildcard"]:
        return "has no policy=wildcard"
    if ends and int(ends[0]) < now.timestamp():
        return "is over, as its persistUntil says"
    return None
