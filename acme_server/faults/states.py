"""Faults in what becomes of resources: effects that come late, never, or wrong; records that end early."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import attrs

from acme_server import accounts, certificate_authority
from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.faults.action import Action
from acme_server.faults.actions import (
    DeactivateAccount,
    DelayIssuance,
    DelayValidation,
    ExpireAuthorizations,
    FailValidation,
    Revoke,
    RotateIssuer,
)
from acme_server.orders import Order
from acme_server.protocol.problem import PREFIX, STATUS_OF, Problem
from acme_server.protocol.status import AccountStatus
from acme_server.registration_authority.outcome import Effect, Issue, Postponed, Refuse, Validate, Withdraw
from acme_server.store import Record
from acme_server.world import World


def bend(action: Action, effects: tuple[Effect, ...]) -> tuple[Effect, ...]:
    """Return what is performed in the place of a command's effects."""
    return tuple(bent for effect in effects for bent in _bend(action, effect))


def disturb(
    world: World, action: Action, parameters: Mapping[str, str], account: str | None, now: datetime
) -> tuple[Record, ...]:
    """Do what an action does before the command: return the records that it changes, or change the authority."""
    if isinstance(action, ExpireAuthorizations):
        return _expired(world, parameters, now)
    if isinstance(action, RotateIssuer):
        world.authority = certificate_authority.rotate(
            world.authority, world.entropy, now, world.named_links, world.settings.authority.new_key
        )
    record = world.store.get(Account, account) if account and isinstance(action, DeactivateAccount) else None
    if record is not None and record.status is AccountStatus.VALID:
        return (accounts.deactivate(record),)
    return ()


def _bend(action: Action, effect: Effect) -> tuple[Effect, ...]:
    if isinstance(effect, Postponed):
        return tuple(_later(bent, effect.delay) for bent in _bend(action, effect.effect))
    if isinstance(action, DelayIssuance) and isinstance(effect, Issue):
        return _postponed(effect, action.seconds)
    if isinstance(action, Revoke) and isinstance(effect, Issue):
        withdraw = Withdraw(effect.order_id, action.reason)
        return (effect, *(_postponed(withdraw, action.seconds) if action.seconds else (withdraw,)))
    if isinstance(action, DelayValidation) and isinstance(effect, Validate):
        return _postponed(effect, action.seconds)
    if isinstance(action, FailValidation) and isinstance(effect, Validate):
        kind = action.type.removeprefix(PREFIX)
        return (Refuse(effect, Problem(kind, action.detail, STATUS_OF.get(kind, 400))),)
    return (effect,)


def _later(effect: Effect, delay: timedelta) -> Postponed:
    """What the settings postpone already is later still."""
    return Postponed(effect.effect, effect.delay + delay) if isinstance(effect, Postponed) else Postponed(effect, delay)


def _postponed(effect: Issue | Validate | Withdraw, seconds: float | None) -> tuple[Effect, ...]:
    return () if seconds is None else (Postponed(effect, timedelta(seconds=seconds)),)


def _expired(world: World, parameters: Mapping[str, str], now: datetime) -> tuple[Record, ...]:
    ids = (parameters["authorization"],) if "authorization" in parameters else ()
    order = world.store.get(Order, parameters.get("order", ""))
    found = [world.store.get(Authorization, item) for item in (ids if order is None else order.authorization_ids)]
    return tuple(attrs.evolve(item, expires=now) for item in found if item is not None)
