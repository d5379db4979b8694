"""What an operator of the scheduler may choose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs


def _positive(_settings: Any, attribute: attrs.Attribute[timedelta], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f"{attribute.name} is {value}; it must be longer than nothing")


@attrs.frozen
class Settings:
    """cert-manager's defaults: `--max-concurrent-challenges`, `--dns01-check-retry-period` and the challenge queue's backoff.

    retry_period: between self-checks, of both types; min_backoff: after the first error in a row, doubled by each
    further one up to max_backoff.
    """

    max_concurrent: int = attrs.field(default=60, validator=attrs.validators.ge(1))
    retry_period: timedelta = attrs.field(default=timedelta(seconds=10), validator=_positive)
    min_backoff: timedelta = attrs.field(default=timedelta(seconds=5), validator=_positive)
    max_backoff: timedelta = attrs.field(default=timedelta(minutes=30), validator=_positive)
