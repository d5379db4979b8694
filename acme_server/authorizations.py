"""Authorizations and the challenges inside them (RFC 8555 sections 7.1.4, 7.1.5 and 7.5).

An authorization knows its account, never the orders that rely on it. Whether
it has expired is derived from the time when it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from sys import intern
from typing import Any

import attrs

from acme_server.evolving import evolve
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

    failures: a problem document for each validation that failed; record: what the
    last one saw, step by step; issuers: the names that a persistent record may give
    this authority; attempt: which validation is under way, or due at `due`, counted
    from 1.
    """

    type: str = attrs.field(converter=intern)
    token: str
    status: ChallengeStatus = ChallengeStatus.PENDING
    validated: datetime | None = None
    failures: tuple[Mapping[str, Any], ...] = ()
    record: tuple[Mapping[str, Any], ...] = ()
    issuers: tuple[str, ...] = ()
    attempt: int = 0
    due: datetime | None = None

    @property
    def error(self) -> Mapping[str, Any] | None:
        """The last failure as a problem document, with an entry for each when there were several (section 8.2)."""
        if len(self.failures) < 2:
            return self.failures[0] if self.failures else None
        return {**self.failures[-1], "subproblems": list(self.failures)}


@attrs.frozen
class Authorization:
    """An account's claim to one identifier, shown without `*.`.

    status: as stored, before expiry; ahead: whether it was asked for before any
    order (section 7.4.1).
    """

    id: str
    account_id: str = attrs.field(converter=intern)
    identifier: Identifier
    wildcard: bool
    challenges: tuple[Challenge, ...]
    created: datetime
    expires: datetime
    status: AuthorizationStatus = AuthorizationStatus.PENDING
    ahead: bool = False
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


def respond(authorization: Authorization, index: int, now: datetime) -> Authorization:
    """The client says that a challenge is ready (section 7.5.1)."""
    challenge = authorization.challenges[index]
    responded = evolve(challenge, status=move(CHALLENGE, challenge.status, "respond"), attempt=1, due=now)
    return _with_challenge(authorization, index, responded)


def retry(
    authorization: Authorization,
    index: int,
    due: datetime,
    problem: Problem | None = None,
    record: tuple[Mapping[str, Any], ...] = (),
) -> Authorization:
    """A challenge is looked at again, since it was not met, or sooner than was planned (section 8.2)."""
    challenge = authorization.challenges[index]
    retried = evolve(
        challenge, status=move(CHALLENGE, challenge.status, "retry"), attempt=challenge.attempt + 1, due=due
    )
    if problem is not None:
        retried = evolve(retried, failures=(*challenge.failures, problem.to_json()), record=record)
    return _with_challenge(authorization, index, retried)


def validate(
    authorization: Authorization,
    index: int,
    record: tuple[Mapping[str, Any], ...],
    now: datetime,
    expires: datetime,
) -> Authorization:
    """A challenge was met: the authorization becomes valid until `expires`, unless it is settled already."""
    challenge = authorization.challenges[index]
    met = evolve(
        challenge, status=move(CHALLENGE, challenge.status, "validate"), validated=now, record=record, failures=()
    )
    decided = _with_challenge(authorization, index, met)
    if status_of(authorization, now) is not AuthorizationStatus.PENDING:
        return decided
    return evolve(decided, status=move(AUTHORIZATION, decided.status, "validate"), expires=expires)


def fail(
    authorization: Authorization,
    index: int,
    problem: Problem,
    record: tuple[Mapping[str, Any], ...],
    now: datetime,
) -> Authorization:
    """A challenge was not met: it and, unless it is settled already, the authorization become invalid."""
    challenge = authorization.challenges[index]
    failures = (*challenge.failures, problem.to_json())
    missed = evolve(challenge, status=move(CHALLENGE, challenge.status, "fail"), failures=failures, record=record)
    decided = _with_challenge(authorization, index, missed)
    if status_of(authorization, now) is not AuthorizationStatus.PENDING:
        return decided
    return evolve(decided, status=move(AUTHORIZATION, decided.status, "fail"))


def deactivate(authorization: Authorization, now: datetime) -> Authorization:
    """The client gives the authorization up (section 7.5.2)."""
    return evolve(authorization, status=move(AUTHORIZATION, status_of(authorization, now), "deactivate"))


def _with_challenge(authorization: Authorization, index: int, challenge: Challenge) -> Authorization:
    challenges = authorization.challenges
    return evolve(authorization, challenges=(*challenges[:index], challenge, *challenges[index + 1 :]))
