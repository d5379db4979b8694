"""What was asked of ACME servers, counted by cert-manager's words (pkg/acme/client/http.go)."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

Labels: TypeAlias = tuple[str, str, str, str, str]
"""Scheme, host, action, method and status."""

UNNAMED = "unnamed_action"
# The status of a request that got no answer.
UNANSWERED = 999
# How many of the last requests tell how long they take.
RECENT = 500


@attrs.define
class Calls:
    """Requests that have all labels in common: how many, how long all took together, and when and how long the last ones."""

    count: int = 0
    seconds: float = 0.0
    recent: deque[tuple[datetime, float]] = attrs.field(factory=lambda: deque(maxlen=RECENT))


@attrs.frozen
class Traffic:
    """The requests of any number of clients."""

    calls: dict[Labels, Calls] = attrs.field(factory=dict)

    def note(self, method: str, url: str, action: str, status: int, began: datetime, now: datetime) -> None:
        """Count a request; action: what it was a part of, as cert-manager calls that."""
        parts, seconds = urlsplit(url), (now - began).total_seconds()
        calls = self.calls.setdefault((parts.scheme, parts.netloc, action, method, str(status)), Calls())
        calls.count += 1
        calls.seconds += seconds
        calls.recent.append((now, seconds))
