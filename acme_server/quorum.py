"""From the verdicts of several vantage points to one (RFC 8555 section 10.2; as Boulder does it)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from acme_server.settings import Settings
from acme_server.validation_authority import Verdict


def required(settings: Settings) -> int:
    """Return how many remote vantage points must agree: by default 1 of 2 to 5 may fail, 2 of more."""
    remote = len(settings.vantages)
    return remote - (0 if remote < 2 else 1 if remote < 6 else 2) if settings.quorum is None else settings.quorum


def combine(primary: Verdict, remote: Mapping[str, Verdict], quorum: int) -> Verdict:
    """Return the verdict of all; remote: by the vantage point's name. The record says who saw what."""
    seen = tuple({**entry, "vantage": name} for name, verdict in remote.items() for entry in verdict.record)
    whole = attrs.evolve(primary, record=primary.record + seen)
    failed = [verdict.problem for verdict in remote.values() if verdict.problem is not None]
    if len(remote) - len(failed) >= quorum:
        return whole
    problem = attrs.evolve(failed[0], detail=f"During secondary validation: {failed[0].detail}")
    return attrs.evolve(whole, valid=False, problem=problem)
