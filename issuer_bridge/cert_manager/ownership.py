"""Which Challenges belong to which Order: an index, so that nobody reads all of them to find two."""

from __future__ import annotations

from issuer_bridge.references import controller_of
from issuer_bridge.resources import Resource


class Ownership:
    """The names of what each owner controls, by the owner's uid."""

    def __init__(self) -> None:
        self._names: dict[str, dict[str, None]] = {}

    def note(self, event: str, resource: Resource) -> None:
        """Take in ADDED, MODIFIED or DELETED of an owned resource."""
        owner, name = controller_of(resource).get("uid"), resource["metadata"]["name"]
        if owner is None:
            return
        names = self._names.setdefault(owner, {})
        if event != "DELETED":
            names[name] = None
            return
        names.pop(name, None)
        if not names:
            del self._names[owner]

    def names(self, owner: Resource) -> list[str]:
        """Return the names of what an owner controls, sorted."""
        return sorted(self._names.get(owner["metadata"]["uid"], ()))
