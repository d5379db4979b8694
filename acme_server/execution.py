"""From decision to deed: commits outcomes, and performs the effects that need no network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from acme_server.authorizations import Authorization
from acme_server.orders import Order
from acme_server.registration_authority.challenges import record_verdict
from acme_server.registration_authority.finalization import issue
from acme_server.registration_authority.outcome import Issue, Outcome, Validate
from acme_server.store import Conflict
from acme_server.validation_authority import Verdict
from acme_server.world import World

T = TypeVar("T")

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


def carry_out(world: World, outcome: Outcome[Any], now: datetime) -> tuple[Validate, ...]:
    """Commit an outcome and issue what it asks to; return the validations, which need a driver."""
    world.store.commit(outcome.changes, outcome.facts, now)
    validations: list[Validate] = []
    for effect in outcome.effects:
        if isinstance(effect, Issue):
            _issue(world, effect, now)
        elif world.settings.always_valid:
            settle(world, effect, _UNSEEN, now)
        else:
            validations.append(effect)
    return tuple(validations)


def settle(world: World, validation: Validate, verdict: Verdict, now: datetime) -> None:
    """Record what a validation found."""

    def attempt() -> None:
        authorization = world.store.get(Authorization, validation.authorization_id)
        assert authorization is not None
        carry_out(world, record_verdict(world, authorization, validation.index, verdict, now), now)

    retry_on_conflict(attempt)


def _issue(world: World, effect: Issue, now: datetime) -> None:
    def attempt() -> None:
        order = world.store.get(Order, effect.order_id)
        assert order is not None
        carry_out(world, issue(world, order, now), now)

    retry_on_conflict(attempt)
