"""What a command decided: records to commit, facts to journal, effects to perform."""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, TypeAlias

import attrs

from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem
from acme_server.store import R, Record


@attrs.frozen
class Validate:
    """Look whether a challenge's answer is there; of no use once the challenge is at another attempt."""

    authorization_id: str
    index: int
    attempt: int = 1


@attrs.frozen
class Issue:
    """Sign the certificate of an order that is processing."""

    order_id: str


@attrs.frozen
class Withdraw:
    """Revoke the certificate of an order on the authority's own word; reason: a CRLReason (RFC 5280 section 5.3.1)."""

    order_id: str
    reason: int | None = None


@attrs.frozen
class Refuse:
    """Settle a validation as failed, without a look."""

    validation: Validate
    problem: Problem


@attrs.frozen
class Postponed:
    """Perform an effect, but not yet."""

    effect: Validate | Issue | Withdraw | Refuse
    delay: timedelta


Effect: TypeAlias = Validate | Issue | Withdraw | Postponed | Refuse
Deferred: TypeAlias = Validate | Issue | Postponed
"""What only a driver can perform."""


@attrs.frozen
class Outcome(Generic[R]):
    """A decision about `record`, which is in `changes` when it is new or different."""

    record: R
    changes: tuple[Record, ...] = ()
    facts: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
