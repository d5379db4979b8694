"""Orders: which identifiers one certificate is to hold (RFC 8555 sections 7.1.3 and 7.4).

An order points at its authorizations by ID and nothing points back. Its status
is derived when it is read: from the stage it has reached itself, from its
authorizations, and from the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from sys import intern
from typing import Any

import attrs

from acme_server.authorizations import Authorization
from acme_server.authorizations import status_of as authorization_status
from acme_server.evolving import evolve
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import PREFIX, Problem, unauthorized
from acme_server.protocol.status import ORDER, AuthorizationStatus, ChallengeStatus, OrderStatus, move
from acme_server.protocol.times import rfc3339


@attrs.frozen
class Order:
    """A request for one certificate.

    stage: what is stored of its status: pending (until it is finalized; ready
    is derived), processing, valid or invalid; csr: base64url, while it is processing;
    key_thumbprint: of the CSR's key; error: a problem document; replaces: the
    unique identifier of a certificate (RFC 9773 section 4.1); profile: the name of one.
    """

    id: str
    account_id: str = attrs.field(converter=intern)
    identifiers: tuple[Identifier, ...]
    authorization_ids: tuple[str, ...]
    created: datetime
    expires: datetime
    not_before: datetime | None = None
    not_after: datetime | None = None
    stage: OrderStatus = OrderStatus.PENDING
    csr: str | None = attrs.field(default=None, repr=False)
    key_thumbprint: str | None = attrs.field(default=None, repr=False)
    certificate_id: str | None = None
    error: Mapping[str, Any] | None = None
    replaces: str | None = None
    profile: str | None = None
    version: int = 0


def status_of(order: Order, authorizations: Sequence[Authorization], now: datetime) -> OrderStatus:
    """Return the status at a moment (section 7.1.6)."""
    if order.stage is not OrderStatus.PENDING:
        return order.stage
    if now >= order.expires:
        return move(ORDER, order.stage, "fail")
    statuses = [authorization_status(authorization, now) for authorization in authorizations]
    if all(status is AuthorizationStatus.VALID for status in statuses):
        return move(ORDER, order.stage, "authorized")
    if all(status in (AuthorizationStatus.VALID, AuthorizationStatus.PENDING) for status in statuses):
        return order.stage
    return move(ORDER, order.stage, "fail")


def error_of(order: Order, authorizations: Sequence[Authorization], now: datetime) -> Mapping[str, Any] | None:
    """Say why the order is invalid, in a problem document; None while it is not."""
    if order.stage is not OrderStatus.PENDING:
        return order.error
    if status_of(order, authorizations, now) is not OrderStatus.INVALID:
        return None
    if now >= order.expires:
        return unauthorized(f"the order expired at {rfc3339(order.expires)} before it was finalized").to_json()
    lost = [problem for authorization in authorizations if (problem := _loss(authorization, now))]
    kinds = sorted({problem.kind for problem in lost})
    kind = kinds[0] if len(kinds) == 1 else "compound"
    detail = lost[0].detail if len(lost) == 1 else f"{len(lost)} authorizations were not obtained"
    return Problem(kind, detail, lost[0].status, tuple(lost)).to_json()


def finalize(
    order: Order, authorizations: Sequence[Authorization], csr: str, key_thumbprint: str, now: datetime
) -> Order:
    """Take the CSR of a ready order (section 7.4)."""
    stage = move(ORDER, status_of(order, authorizations, now), "finalize")
    return evolve(order, stage=stage, csr=csr, key_thumbprint=key_thumbprint)


def issue(order: Order, certificate_id: str) -> Order:
    """The certificate exists; the CSR has done its service."""
    return evolve(order, stage=move(ORDER, order.stage, "issue"), csr=None, certificate_id=certificate_id)


def fail(order: Order, problem: Problem) -> Order:
    """The certificate will never exist."""
    return evolve(order, stage=move(ORDER, order.stage, "fail"), csr=None, error=problem.to_json())


def _loss(authorization: Authorization, now: datetime) -> Problem | None:
    """Say why an authorization is of no use to an order, as a subproblem about its identifier."""
    status = authorization_status(authorization, now)
    if status in (AuthorizationStatus.VALID, AuthorizationStatus.PENDING):
        return None
    extra = {"identifier": authorization.covers.to_json()}
    failed = next((item for item in authorization.challenges if item.status is ChallengeStatus.INVALID), None)
    if status is AuthorizationStatus.INVALID and failed is not None and failed.error is not None:
        kind, detail = failed.error["type"].removeprefix(PREFIX), failed.error["detail"]
        return Problem(kind, f"{failed.type} of {authorization.covers.value} failed: {detail}", extra=extra)
    detail = f"the authorization of {authorization.covers.value} is {status}"
    return Problem("unauthorized", detail, extra=extra)
