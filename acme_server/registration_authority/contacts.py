"""Contact URLs of an account (RFC 8555 section 7.3)."""

from __future__ import annotations

import re
from typing import Any

from acme_server.protocol.problem import Problem, malformed

MAX_CONTACTS = 10
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# RFC 6068's addr-spec without quoted strings and literals; percent-encoding stays as it is.
_ADDRESS = re.compile(r"[A-Za-z0-9!$&'*+/=^_`{|}~.%-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})")


def parse_contacts(value: Any) -> tuple[str, ...]:
    """Read a `contact` member; raise malformed, unsupportedContact or invalidContact."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise malformed("'contact' is not an array of strings")
    if len(value) > MAX_CONTACTS:
        raise Problem("invalidContact", f"{len(value)} contacts were given; at most {MAX_CONTACTS} are kept")
    for contact in value:
        _check(contact)
    return tuple(value)


def _check(contact: str) -> None:
    shown = repr(contact[:100])
    scheme = _SCHEME.match(contact)
    if scheme is None:
        raise Problem("invalidContact", f"{shown} is not a URL; write mailto:you@example.org")
    if scheme.group(1).lower() != "mailto":
        raise Problem("unsupportedContact", f"{shown} cannot be used; only mailto: contacts are supported")
    address = contact[scheme.end() :]
    if "?" in address:
        raise Problem("invalidContact", f"{shown} has header fields; RFC 8555 section 7.3 forbids them")
    if "," in address:
        raise Problem("invalidContact", f"{shown} has several addresses; give each its own mailto: URL")
    if not _ADDRESS.fullmatch(address):
        raise Problem("invalidContact", f"{shown} does not hold an e-mail address")
