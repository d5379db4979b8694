"""How a write over HTTP differs from one through the port: it may be a dry run, and it leaves a trace of its manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs

from issuer_bridge.resources import Resource

Tracker: TypeAlias = Callable[[Resource | None, Resource, Resource], list[dict[str, Any]]]
"""From what is stored (None for a new object), what will be, and what was sent to metadata.managedFields."""


@attrs.frozen
class Writing:
    """dry: answer as if written, write nothing, spend no version; track: None leaves field ownership as it is.

    permit: called with what is stored and what will be, to refuse it (ApiError).
    """

    dry: bool = False
    track: Tracker | None = None
    permit: Callable[[Resource, Resource], None] | None = None

    def note(self, stored: Resource | None, resource: Resource, sent: Resource) -> None:
        """Write down who owns which field now."""
        if self.track is not None:
            if managed := self.track(stored, resource, sent):
                resource["metadata"]["managedFields"] = managed
            else:
                resource["metadata"].pop("managedFields", None)


PLAIN = Writing()
