"""What was asked of a zone, and how it was changed."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs

from solvers.dns.tree import RRsets

# Questions that are remembered, and changes that can still be late.
HISTORY, CHANGES = 1000, 4096
# The moment of what happens where there is no clock.
BEGINNING = datetime.min.replace(tzinfo=UTC)


@attrs.frozen
class Asked:
    """A question that was answered, or with the opcode UPDATE a change; transport: udp, tcp, or virtual."""

    name: str
    rtype: str
    rcode: str
    transport: str
    opcode: str = "QUERY"


@attrs.frozen
class Change:
    """What a name held before the zone had this serial, and since; `at`: when that was."""

    serial: int
    at: datetime
    name: str
    before: RRsets
    after: RRsets
