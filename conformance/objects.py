"""What the server's objects must have: a check's way on, and what fails where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conformance.verdict import Malformed

# What leads on from an object, and so must be in it.
ORDER: Mapping[str, type] = {"status": str, "identifiers": list, "authorizations": list, "finalize": str}
AUTHORIZATION: Mapping[str, type] = {"status": str, "identifier": dict, "challenges": list}
CHALLENGE: Mapping[str, type] = {"type": str, "url": str, "status": str}
NAMES: Mapping[type, str] = {str: "a string", list: "an array", dict: "an object"}


def shaped(document: Any, members: Mapping[str, type], *sections: str) -> Any:
    """Return an object that has all members, each of its type; raise Malformed, for the checks of the sections."""
    for name, kind in members.items():
        found = document.get(name) if isinstance(document, dict) else None
        if not isinstance(found, kind):
            raise Malformed(sections, f"{NAMES[kind]} as {name!r}", repr(found))
    return document
