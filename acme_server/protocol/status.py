"""The state machines of RFC 8555 section 7.1.6, as tables.

A table maps each status to its legal moves, event by event. Every status has
its row, empty rows too: what is absent is refused. Expiry is not in a table,
because it is derived from the time when a record is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from acme_server.protocol.problem import IllegalTransition


class AccountStatus(StrEnum):
    """RFC 8555 section 7.1.2."""

    VALID = "valid"
    DEACTIVATED = "deactivated"
    REVOKED = "revoked"


class OrderStatus(StrEnum):
    """RFC 8555 section 7.1.3."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


class AuthorizationStatus(StrEnum):
    """RFC 8555 section 7.1.4."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    DEACTIVATED = "deactivated"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ChallengeStatus(StrEnum):
    """RFC 8555 section 7.1.5."""

    PENDING = "pending"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


ACCOUNT: Mapping[AccountStatus, Mapping[str, AccountStatus]] = {
    AccountStatus.VALID: {
        "deactivate": AccountStatus.DEACTIVATED,
        "revoke": AccountStatus.REVOKED,
    },
    AccountStatus.DEACTIVATED: {},
    AccountStatus.REVOKED: {},
}

ORDER: Mapping[OrderStatus, Mapping[str, OrderStatus]] = {
    OrderStatus.PENDING: {
        "authorized": OrderStatus.READY,
        "fail": OrderStatus.INVALID,
    },
    OrderStatus.READY: {
        "finalize": OrderStatus.PROCESSING,
        "fail": OrderStatus.INVALID,
    },
    OrderStatus.PROCESSING: {
        "issue": OrderStatus.VALID,
        "fail": OrderStatus.INVALID,
    },
    OrderStatus.VALID: {},
    OrderStatus.INVALID: {},
}

AUTHORIZATION: Mapping[AuthorizationStatus, Mapping[str, AuthorizationStatus]] = {
    AuthorizationStatus.PENDING: {
        "validate": AuthorizationStatus.VALID,
        "fail": AuthorizationStatus.INVALID,
        "deactivate": AuthorizationStatus.DEACTIVATED,
        "expire": AuthorizationStatus.EXPIRED,
    },
    AuthorizationStatus.VALID: {
        "deactivate": AuthorizationStatus.DEACTIVATED,
        "revoke": AuthorizationStatus.REVOKED,
        "expire": AuthorizationStatus.EXPIRED,
    },
    AuthorizationStatus.INVALID: {},
    AuthorizationStatus.DEACTIVATED: {},
    AuthorizationStatus.EXPIRED: {},
    AuthorizationStatus.REVOKED: {},
}

CHALLENGE: Mapping[ChallengeStatus, Mapping[str, ChallengeStatus]] = {
    ChallengeStatus.PENDING: {
        "respond": ChallengeStatus.PROCESSING,
    },
    ChallengeStatus.PROCESSING: {
        "retry": ChallengeStatus.PROCESSING,
        "validate": ChallengeStatus.VALID,
        "fail": ChallengeStatus.INVALID,
    },
    ChallengeStatus.VALID: {},
    ChallengeStatus.INVALID: {},
}

S = TypeVar("S", bound=StrEnum)


def move(table: Mapping[S, Mapping[str, S]], status: S, event: str) -> S:
    """Return the status after the event, or raise IllegalTransition."""
    try:
        return table[status][event]
    except KeyError:
        raise IllegalTransition(f"{type(status).__name__} {status.value!r} has no move {event!r}") from None
