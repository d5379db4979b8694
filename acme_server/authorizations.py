"""Authorizations and the challenges inside them (RFC 8555 sections 7.1.4, 7.1.5 and 7.5).

An authorization knows its account, never the orders that rely on it. Whether
it has expired is derived from the time when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.status import (
    AUTHORIZATION,
    CHALLENGE,
    AuthorizationStatus,
    ChallengeStatus,
    move,
)


@attrs.frozen
class Challenge:
    """One way to prove control.

    error: a problem document; record: what validation saw, step by step;
    issuers: the names that a persistent record may give this authority.
    """

    type: str
    token: str
    status: ChallengeStatus = ChallengeStatus.PENDING
    validated: datetime | None = None
    error: Mapping[str, Any] | None = None
    record: tuple[Mapping[str, Any], ...] = ()
    issuers: tuple[str, ...] = ()


@attrs.frozen
class Authorization:
    """An account's claim to one identifier, shown without `*.`; `status` as stored, before expiry."""

    id: str
    account_id: str
    identifier: Identifier
    wildcard: bool
    challenges: tuple[Challenge, ...]
    created: datetime
    expires: datetime
    status: AuthorizationStatus = AuthorizationStatus.PENDING
    version: int = 0

    @property
    def covers(self) -> Identifier:
        """The identifier of an order that this authorization speaks for."""
        return Identifier(self.identifier.type, f"*.{self.identifier.value}") if self.wildcard else self.identifier


def status_of(authorization: Authorization, now: datetime) -> AuthorizationStatus:
    """Return the status at a moment: what is stored, or expired (section 7.1.6)."""
    status = authorization.status
    if now >= authorization.expires and "expire" in AUTHORIZATION[status]:
        return move(AUTHORIZATION, status, "expire")
    return status


def respond(authorization: Authorization, index: int) -> Authorization:
    """The client says that a challenge is ready (section 7.5.1)."""
    challenge = authorization.challenges[index]
    status = move(CHALLENGE, challenge.status, "respond")
    return _with_challenge(authorization, index, attrs.evolve(challenge, status=status))


def validate(
    authorization: Authorization,
    index: int,
    record: tuple[Mapping[str, Any], ...],
    now: datetime,
    expires: datetime,
) -> Authorization:
    """A challenge was met: the authorization becomes valid until `expires`, unless it is settled already."""
    challenge = authorization.challenges[index]
    met = attrs.evolve(
        challenge, status=move(CHALLENGE, challenge.status, "validate"), validated=now, record=record, error=None
    )
    decided = _with_challenge(authorization, index, met)
    if status_of(authorization, now) is not AuthorizationStatus.PENDING:
        return decided
    return attrs.evolve(decided, status=move(AUTHORIZATION, decided.status, "validate"), expires=expires)


def fail(
    authorization: Authorization,
    index: int,
    problem: Problem,
    record: tuple[Mapping[str, Any], ...],
    now: datetime,
) -> Authorization:
    """A challenge was not met: it and, unless it is settled already, the authorization become invalid."""
    challenge = authorization.challenges[index]
    missed = attrs.evolve(
        challenge, status=move(CHALLENGE, challenge.status, "fail"), error=problem.to_json(), record=record
    )
    decided = _with_challenge(authorization, index, missed)
    if status_of(authorization, now) is not AuthorizationStatus.PENDING:
        return decided
    return attrs.evolve(decided, status=move(AUTHORIZATION, decided.status, "fail"))


def deactivate(authorization: Authorization, now: datetime) -> Authorization:
    """The client gives the authorization up (section 7.5.2)."""
    return attrs.evolve(authorization, status=move(AUTHORIZATION, status_of(authorization, now), "deactivate"))


def _with_challenge(authorization: Authorization, index: int, challenge: Challenge) -> Authorization:
    challenges = authorization.challenges
    return attrs.evolve(authorization, challenges=(*challenges[:index], challenge, *challenges[index + 1 :]))
