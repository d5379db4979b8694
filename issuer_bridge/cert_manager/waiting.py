"""`waitInsteadOfSelfCheck`: a challenge is accepted so long after it was presented, unseen.

As pkg/controller/acmechallenges/readiness.go of cert-manager, but that the
reason counts in whole seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from issuer_bridge.durations import format_duration, parse_duration
from scheduler.challenge import Challenge
from scheduler.events import AcceptPostponed, CheckPassed


def wait_of(spec: Mapping[str, Any]) -> timedelta | None:
    """Return what a Challenge's solver waits instead of its self-check; None when it checks."""
    text = spec["solver"].get("waitInsteadOfSelfCheck")
    return None if text is None else parse_duration(text)


def waited(challenge: Challenge, wait: timedelta, now: datetime) -> CheckPassed | AcceptPostponed:
    """Return whether a presented challenge has waited long enough; `now` stands for a moment that was not kept."""
    remaining = (challenge.presented_at or now) + wait - now
    if remaining <= timedelta(0):
        return CheckPassed(challenge.key)
    shown = format_duration(timedelta(seconds=ceil(remaining.total_seconds())))
    reason = f"Waiting {shown} before accepting {challenge.type} challenge without self-check"
    return AcceptPostponed(challenge.key, reason, remaining)
