"""How many requests are approved, denied or neither, as Prometheus reads it; computed when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from issuer_bridge.conditions import is_approved, is_denied
from issuer_bridge.resources import Resource

# Approver-policy's gauge (internal/metrics), and the counter that alerts on denials are written for.
APPROVAL = "certmanager_approverpolicy_certificaterequests_approval"
DENIED_TOTAL = "certmanager_certificaterequest_denied_total"


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


def exposition(requests: Iterable[Resource], denials: Mapping[str, int]) -> str:
    """Return the text format, samples in a fixed order."""
    counts: dict[tuple[str, str], int] = {}
    for request in requests:
        status = "approved" if is_approved(request) else "denied" if is_denied(request) else "unmatched"
        key = (request["metadata"]["namespace"], status)
        counts[key] = counts.get(key, 0) + 1
    lines = [
        f"# HELP {APPROVAL} The approval status of CertificateRequests: approved, denied or unmatched.",
        f"# TYPE {APPROVAL} gauge",
        *(f'{APPROVAL}{{namespace="{where}",status="{status}"}} {n}' for (where, status), n in sorted(counts.items())),
        f"# HELP {DENIED_TOTAL} The number of CertificateRequests that were denied.",
        f"# TYPE {DENIED_TOTAL} counter",
        *(f'{DENIED_TOTAL}{{namespace="{where}"}} {n}' for where, n in sorted(denials.items())),
    ]
    return "\n".join(lines) + "\n"
