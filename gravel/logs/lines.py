"""A fact of the journal as the members of one line, and what no line may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from acme_server.protocol.journal import Entry

HIDDEN = "(hidden)"
_FAILED = re.compile(r"Failed$|Refused$|Denied$|Discarded$|Revoked$")
_NO_NAME = re.compile(r"[^\w./:-]")
# What would move the cursor of a terminal; the renderer writes newlines as \\n.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SECRET = re.compile(r"(^|_)(token|key|secret|password|credentials|hmac|jws|keyAuthorization)$")
# Texts come from strangers too: what a validation read, what a client sent. A group stays.
_IN_TEXT = re.compile(
    r"""-----BEGIN\ [A-Z\ ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z\ ]*PRIVATE\ KEY-----|\Z)
    | (?P<path>/\.well-known/acme-challenge/)[\w-]+           # RFC 8555 section 8.3
    | \beyJ[\w-]+\.[\w-]*\.[\w-]+                            # RFC 7515 section 7.1
    | (?P<member>"(?:protected|payload|signature)"\s*:\s*")[^"]*  # section 7.2
    | (?<![\w-])[\w-]{16,}\.[\w-]{43}(?![\w-])               # a key authorization, RFC 8555 section 8.1
    | (?P<scheme>\b(?i:bearer|basic)\s+)[\w.~+/=-]{8,}
    | (?P<parameter>\b(?i:token|secret|password)=)[^&\s"']+""",
    re.ASCII | re.DOTALL | re.VERBOSE,
)


def fields_of(entry: Entry, request: str | None, order: str | None) -> dict[str, Any]:
    """Return the members of a line, beside event and level; request and order: as `Stories` found them, or None."""
    story = {name: value for name, value in (("request", request), ("order", order)) if value is not None}
    return {
        "at": entry.at,
        "world": entry.world,
        "house": entry.house,
        "seq": entry.seq,
        **story,
        "subject": dict(entry.subject),
        "data": dict(entry.data),
    }


def level_of(entry: Entry) -> str:
    """Return `warning` where something went wrong, `info` elsewhere."""
    decided = entry.kind == "ChallengeDecided" and entry.data.get("state") != "valid"
    return "warning" if decided or _FAILED.search(entry.kind) else "info"


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a value of JSON without keys, tokens and signed messages, wherever they stand in it."""
    if _SECRET.search(name) and value:
        return HIDDEN
    if isinstance(value, str):
        return _IN_TEXT.sub(_hidden, value)
    if isinstance(value, Mapping):
        return {str(key): without_secrets(each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [without_secrets(each) for each in value]
    return value


def _hidden(found: re.Match[str]) -> str:
    return (found[found.lastgroup] if found.lastgroup else "") + HIDDEN


def flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return members that are texts and numbers, for a line of `name=value`: `data.type` is the `type` in `data`."""
    found: dict[str, Any] = {}
    for key, value in fields.items():
        name = _NO_NAME.sub("_", key)
        if isinstance(value, Mapping):
            found.update({f"{name}.{inner}": each for inner, each in flat(value).items()})
        elif isinstance(value, str | list):
            text = value if isinstance(value, str) else ",".join(map(str, value))
            found[name] = _CONTROL.sub(lambda one: f"\\u{ord(one[0]):04x}", text)
        else:
            found[name] = value
    return found
