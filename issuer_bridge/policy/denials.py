"""How many requests were denied, whoever denied them and whosever they are: for alerts."""

from __future__ import annotations

from issuer_bridge.conditions import is_denied
from issuer_bridge.resources import Resource


class Denials:
    """Counts the requests that are denied while it looks, by namespace; what is deleted stays counted."""

    def __init__(self) -> None:
        self.total: dict[str, int] = {}
        self._known: dict[str, None] = {}

    def note(self, event: str, request: Resource) -> None:
        """Take notice of a change; what was denied before anybody looked is not counted."""
        uid, namespace = request["metadata"]["uid"], request["metadata"]["namespace"]
        if event == "DELETED":
            self._known.pop(uid, None)
        elif is_denied(request) and uid not in self._known:
            self._known[uid] = None
            if event == "MODIFIED":
                self.total[namespace] = self.total.get(namespace, 0) + 1
