"""The form of a rule about a story, and the words for who must act."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeAlias

import attrs

from gravel.explaining.story import Story
from issuer_bridge.diagnosis.finding import Finding

CLIENT = "whoever runs the ACME client"
SERVER = "whoever runs the ACME server"
TEST = "whoever runs the test"
NEW_ORDER = "a new order, once that is repaired: this one stays invalid"

Rule: TypeAlias = Callable[[Story], Iterable[Finding]]


@attrs.frozen
class Cause:
    """What can be wrong, and what is said of it wherever it is found."""

    code: str
    who: str
    attempt: str
    blocks: bool = True
    pain: int | None = None

    def found(
        self, subject: str, cause: str, awaited: str, since: datetime | None = None, evidence: Iterable[str] = ()
    ) -> Finding:
        """Return the finding that it is with one subject."""
        return Finding(
            self.code,
            subject,
            cause,
            awaited,
            self.who,
            self.attempt,
            self.blocks,
            since,
            self.pain,
            tuple(evidence),
        )
