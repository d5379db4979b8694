"""Whose turn comes first, and how long a slot is kept: what cert-manager has fixed, as values.

cert-manager is first come, first served, and knows no patience: a challenge
whose self-check never passes keeps its slot. With a `patience`, a challenge
that has failed so many self-checks is cleaned up, gives its slot back, and
queues again behind all who wait.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import attrs

from scheduler.challenge import Challenge


def first_come(challenge: Challenge) -> tuple[datetime, str, str]:
    """Return the sort key of the queue: who waits longest comes first, ties by name and type."""
    return (challenge.queued, challenge.dns_name, challenge.type)


@attrs.frozen
class Policy:
    """order: the sort key of the queue; patience: failed self-checks after which a slot is given back, None for never."""

    order: Callable[[Challenge], Any] = first_come
    patience: int | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.ge(1)))


UPSTREAM = Policy()
