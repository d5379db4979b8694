"""Recorded inputs of the scheduler, one JSON object a line, as `python -m scheduler select` reads them.

A line holds `n` (starts per pass), `max` (in progress at once) and
`challenges`, each with `name`, `created` (Unix seconds) and the parts of
cert-manager's `spec` and `status` that selection looks at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from acme_server.protocol.encoding import load_json
from scheduler.challenge import FINAL_STATES


@attrs.frozen
class RecordedChallenge:
    """A challenge as cert-manager shows it: any state goes with any `processing`."""

    key: str
    dns_name: str
    type: str
    created: datetime
    processing: bool
    state: str

    @property
    def final(self) -> bool:
        """Whether its state will never change again."""
        return self.state in FINAL_STATES


@attrs.frozen
class Trace:
    """One pass's input."""

    limit: int
    maximum: int
    challenges: tuple[RecordedChallenge, ...]


def parse_trace(line: bytes) -> Trace:
    """Read one line; ValueError says what is wrong with it."""
    document = load_json(line)
    if not isinstance(document, dict):
        raise ValueError("is not a JSON object")
    challenges = document.get("challenges")
    if not isinstance(challenges, list):
        raise ValueError('has no list "challenges"')
    return Trace(
        limit=_member(document, "n", int, "the trace"),
        maximum=_member(document, "max", int, "the trace"),
        challenges=tuple(_challenge(item, position) for position, item in enumerate(challenges)),
    )


def _challenge(item: Any, position: int) -> RecordedChallenge:
    where = f"challenge {position}"
    if not isinstance(item, Mapping):
        raise ValueError(f"has a {where} that is not an object")
    spec = _member(item, "spec", dict, where)
    status = _member(item, "status", dict, where, {})
    return RecordedChallenge(
        key=_member(item, "name", str, where),
        dns_name=_member(spec, "dnsName", str, where),
        type=_member(spec, "type", str, where),
        created=_moment(_member(item, "created", int, where), where),
        processing=_member(status, "processing", bool, where, False),
        state=_member(status, "state", str, where, ""),
    )


_WORD = {int: "integer", str: "string", bool: "boolean", dict: "object"}


def _member(item: Mapping[str, Any], name: str, kind: type, where: str, default: Any = None) -> Any:
    value = item.get(name, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f'has no {_WORD[kind]} "{name}" in {where}')
    return value


def _moment(seconds: int, where: str) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError(f'has an impossible moment "created" in {where}') from None
