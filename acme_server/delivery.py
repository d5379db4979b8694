"""How a reply travels: late, in part, or not at all.

The front end only says so; whoever carries replies performs it: `faults.wire`
on a socket, `faults.virtual` in virtual time.
"""

from __future__ import annotations

from datetime import timedelta

import attrs

AT_ONCE = timedelta(0)


@attrs.frozen
class Delivery:
    """What happens to one reply on its way.

    before, between: waiting before the status line, and between headers and
    body, None for ever; keep: bytes of the body that are sent before the
    connection is closed, None for all; lost: nothing is sent, and the
    connection is closed; reset: with `lost`, it is reset instead; half_closed:
    only the server's side ends, after what is sent; chunk: bytes of body that
    are sent at a time, `pace` apart, 0 for all at once.
    """

    before: timedelta | None = AT_ONCE
    between: timedelta | None = AT_ONCE
    keep: int | None = None
    lost: bool = False
    reset: bool = False
    half_closed: bool = False
    chunk: int = 0
    pace: timedelta = AT_ONCE

    def duration(self, size: int) -> timedelta | None:
        """Return how long a body of that size takes until its last byte; None: it never comes."""
        if self.before is None or self.between is None:
            return None
        chunks = -(-size // self.chunk) if self.chunk else 1
        return self.before + self.between + self.pace * max(chunks - 1, 0)
