"""What an operator of the scheduler may choose."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from scheduler.policies import UPSTREAM, Policy
from scheduler.versions import NEWEST, Version


def _positive(_settings: Any, attribute: attrs.Attribute[timedelta], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f"{attribute.name} is {value}; it must be longer than nothing")


_count = attrs.validators.ge(1)
_optional_count = attrs.validators.optional(_count)


@attrs.frozen
class Settings:
    """cert-manager's defaults, without what slows it down: the ticks of its scheduler and its few workers.

    max_concurrent: `--max-concurrent-challenges`; retry_period:
    `--dns01-check-retry-period`, between self-checks of both types; min_backoff:
    after the first error in a row, doubled by each further one up to
    max_backoff; workers: `--concurrent-workers`, None for as many as there are
    challenges; starts_per_tick: the most that start in one pass of the scheduler,
    `tick` apart; None: whoever may start does so at once; version: whose steps a
    challenge takes, None to leave out those that only a cluster needs.
    """

    max_concurrent: int = attrs.field(default=60, validator=_count)
    retry_period: timedelta = attrs.field(default=timedelta(seconds=10), validator=_positive)
    min_backoff: timedelta = attrs.field(default=timedelta(seconds=5), validator=_positive)
    max_backoff: timedelta = attrs.field(default=timedelta(minutes=30), validator=_positive)
    workers: int | None = attrs.field(default=None, validator=_optional_count)
    starts_per_tick: int | None = attrs.field(default=None, validator=_optional_count)
    tick: timedelta = attrs.field(default=timedelta(seconds=1), validator=_positive)
    policy: Policy = UPSTREAM
    version: Version | None = None


# Upstream: internal/apis/config/controller/v1alpha1/defaults.go, MaxChallengesPerSchedule of acmechallenges/controller.go.
CLUSTER = Settings(workers=5, starts_per_tick=20, version=NEWEST)
"""cert-manager as it is installed."""
