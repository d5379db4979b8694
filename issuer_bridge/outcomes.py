"""How one look at a resource ended: waiting is a value, and so is failing for now."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

import attrs


@attrs.frozen
class Done:
    """Nothing more to do until something changes."""


@attrs.frozen
class Wait:
    """Look again after so long; `held`: and not sooner, whatever changes (the server asked for it).

    keeps_failures: it is no success that would end the backoff.
    """

    after: timedelta
    held: bool = False
    keeps_failures: bool = False


@attrs.frozen
class Retry:
    """The attempt failed: again after the controller's backoff; with `after`, which the server asked for, not sooner."""

    reason: str
    after: timedelta | None = None


Outcome: TypeAlias = Done | Wait | Retry
