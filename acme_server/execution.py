"""From decision to deed: commits outcomes, and performs the effects that need no network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

import attrs

from acme_server.authorizations import Authorization
from acme_server.caa import Claim
from acme_server.certificates import Certificate
from acme_server.faults.inner_actions import SignerUnavailable
from acme_server.faults.signing import RETRY, authority_under, tripped_order
from acme_server.limits import count_certificate, count_validation
from acme_server.orders import Order
from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import Problem
from acme_server.registration_authority.challenges import record_verdict
from acme_server.registration_authority.finalization import issue, refuse, to_check_again
from acme_server.registration_authority.outcome import (
    Deferred,
    Effect,
    Issue,
    Outcome,
    Postponed,
    Refuse,
    Validate,
    Withdraw,
)
from acme_server.registration_authority.revocation import withdraw
from acme_server.store import Conflict, authorizations_of
from acme_server.validation_authority import Verdict
from acme_server.world import World

T = TypeVar("T")
Bend: TypeAlias = Callable[[tuple[Effect, ...]], tuple[Effect, ...]]
"""Replaces the effects of a command."""

ATTEMPTS = 5
_UNSEEN = Verdict(valid=True, problem=None, record=())


def retry_on_conflict(attempt: Callable[[], T]) -> T:
    """Run a command again, on fresh reads, while other writers are faster; at last let Conflict through."""
    for _ in range(ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict:
            continue
    return attempt()


def carry_out(world: World, outcome: Outcome[Any], now: datetime, bend: Bend | None = None) -> tuple[Deferred, ...]:
    """Commit an outcome and perform its effects, as a fault may have bent them; return those that need a driver."""
    world.store.commit(outcome.changes, outcome.facts, now)
    effects = outcome.effects if bend is None else bend(outcome.effects)
    return tuple(left for effect in effects for left in perform(world, effect, now))


def perform(world: World, effect: Effect, now: datetime) -> tuple[Deferred, ...]:
    """Perform what can be performed at once; return what needs a driver."""
    if isinstance(effect, Issue) and not claims_to_check(world, effect, now):
        return settle_order(world, effect, None, now)
    if isinstance(effect, Withdraw):
        _withdraw(world, effect, now)
    elif isinstance(effect, Refuse):
        return settle(world, effect.validation, Verdict(valid=False, problem=effect.problem, record=()), now)
    elif isinstance(effect, Validate) and world.settings.always_valid:
        return settle(world, effect, _UNSEEN, now)
    else:
        return (effect,)
    return ()


def settle(world: World, validation: Validate, verdict: Verdict, now: datetime) -> tuple[Deferred, ...]:
    """Record what a validation found; return what follows from it."""

    def attempt() -> tuple[Deferred, ...]:
        authorization = world.store.get(Authorization, validation.authorization_id)
        assert authorization is not None
        left = carry_out(world, record_verdict(world, authorization, validation.index, verdict, now), now)
        if world.limits.rates:
            _count(world, authorization, verdict, now)
        return left

    return retry_on_conflict(attempt)


def _count(world: World, authorization: Authorization, verdict: Verdict, now: datetime) -> None:
    account_id, identifier = authorization.account_id, authorization.identifier
    if count_validation(world.limits, account_id, identifier, verdict.valid, now):
        fact = Fact("IdentifierPaused", {"account": account_id}, {"identifier": identifier.value})
        world.store.commit((), (fact,), now)


def claims_to_check(world: World, effect: Issue, now: datetime) -> tuple[Claim, ...]:
    """Return what CAA has to be looked at for again before a certificate is signed."""
    if not world.settings.caa_identities or world.settings.always_valid:
        return ()
    order = world.store.get(Order, effect.order_id)
    assert order is not None
    account_url = world.links.account(order.account_id)
    return to_check_again(authorizations_of(world.store, order), account_url, now - world.settings.caa_recheck)


def settle_order(world: World, effect: Issue, problem: Problem | None, now: datetime) -> tuple[Deferred, ...]:
    """Sign the certificate, or let the order fail, once CAA was looked at again; where nobody signs now, later."""
    signing = world
    if problem is None and world.faults.armed:
        order = world.store.get(Order, effect.order_id)
        assert order is not None
        action = tripped_order(world, order, now)
        if isinstance(action, SignerUnavailable):
            return (Postponed(effect, RETRY),)
        if action is not None:
            signing = attrs.evolve(world, authority=authority_under(action, world.authority))

    def attempt() -> None:
        order = world.store.get(Order, effect.order_id)
        assert order is not None
        outcome = issue(signing, order, now) if problem is None else refuse(order, problem)
        carry_out(world, outcome, now)
        if world.limits.rates and outcome.record.certificate_id is not None:
            count_certificate(world.limits, order, now)

    retry_on_conflict(attempt)
    return ()


def _withdraw(world: World, effect: Withdraw, now: datetime) -> None:
    """Revoke what was issued; an order without a certificate, or with a revoked one, stays as it is."""

    def attempt() -> None:
        order = world.store.get(Order, effect.order_id)
        certificate = world.store.get(Certificate, (order and order.certificate_id) or "")
        if certificate is not None and certificate.revoked is None:
            carry_out(world, withdraw(certificate, effect.reason, "certificate authority", now), now)

    retry_on_conflict(attempt)
