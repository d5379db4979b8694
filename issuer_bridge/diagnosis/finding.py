"""What a rule says of a subject that is not well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.times import rfc3339_micro


@attrs.frozen
class Finding:
    """One thing that is wrong with a subject, such as `challenge/default/www-1` or `order/4f2a`.

    code: the rule's name; pain: its number in the list of known ones, if it is one of them.
    cause: what happened, in one sentence; awaited: what would have to happen; since: when it began.
    who: who must act; attempt: what to try; blocks: it will not pass by itself.
    evidence: the facts that it was read from, in the words of those who said them.
    """

    code: str
    subject: str
    cause: str
    awaited: str
    who: str
    attempt: str
    blocks: bool
    since: datetime | None = None
    pain: int | None = None
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it with JSON's names; `since` in RFC 3339."""
        found = attrs.asdict(self) | {"since": self.since and rfc3339_micro(self.since), "evidence": [*self.evidence]}
        return {"try" if name == "attempt" else name: value for name, value in found.items()}
