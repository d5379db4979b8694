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
    """A question that was answered, or with the opcode UPDATE a change; transport: udp, tcp, or virtual.

    client: the address it came from; server: the `HOST:PORT` it came to;
    at: when; number: its place among all that was asked, from 1. Two that
    differ in these alone are equal.
    """

    name: str
    rtype: str
    rcode: str
    transport: str
    opcode: str = "QUERY"
    client: str = attrs.field(default="", eq=False)
    server: str = attrs.field(default="", eq=False)
    at: datetime = attrs.field(default=BEGINNING, eq=False)
    number: int = attrs.field(default=0, eq=False)


@attrs.frozen
class Change:
    """What a name held before the zone had this serial, and since; `at`: when that was."""

    serial: int
    at: datetime
    name: str
    before: RRsets
    after: RRsets
