"""The server: a world behind a driver, which gives it the time and runs its validations."""

from __future__ import annotations

import logging
from functools import partial

from acme_server import front_end, validation_authority
from acme_server.accounts import Account
from acme_server.authorizations import Authorization
from acme_server.exchange import Reply, Request
from acme_server.execution import perform, settle
from acme_server.orders import Order
from acme_server.protocol.driver import Driver
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import Problem
from acme_server.protocol.status import ChallengeStatus, OrderStatus
from acme_server.protocol.vantage import Inquiry
from acme_server.registration_authority.outcome import Effect, Issue, Postponed, Validate
from acme_server.validation_authority import Verdict
from acme_server.world import World

LOG = logging.getLogger(__name__)


class Server:
    """Answers requests at once; what takes time goes to the driver."""

    def __init__(self, world: World, driver: Driver) -> None:
        self.world = world
        self._driver = driver

    def handle(self, request: Request) -> Reply:
        """Answer a request; its path is relative to the world's base URL."""
        reply, effects = front_end.handle(self.world, request, self._driver.now())
        for effect in effects:
            self._start(effect)
        return reply

    def resume(self) -> None:
        """Go on with what was under way when the store's last process ended; call it once, at the start.

        A validation begins again. An order that is processing has no certificate yet: both are one commit.
        """
        store = self.world.store
        effects: list[Validate | Issue] = [
            Validate(authorization.id, index)
            for authorization in store.all(Authorization)
            for index, challenge in enumerate(authorization.challenges)
            if challenge.status is ChallengeStatus.PROCESSING
        ]
        effects += [Issue(order.id) for order in store.all(Order) if order.stage is OrderStatus.PROCESSING]
        for effect in effects:
            self._perform(effect)

    def _start(self, effect: Validate | Postponed) -> None:
        if isinstance(effect, Postponed):
            self._driver.later(effect.delay, partial(self._perform, effect.effect))
        else:
            self._validate(effect)

    def _perform(self, effect: Effect) -> None:
        left = perform(self.world, effect, self._driver.now())
        if left is not None:
            self._start(left)

    def _validate(self, validation: Validate) -> None:
        failed = partial(self._failed, validation)
        try:
            self._driver.spawn(self._inquiry(validation), partial(self._decided, validation), failed)
        except Exception as error:  # noqa: BLE001 - it is logged there
            failed(error)

    def _inquiry(self, validation: Validate) -> Inquiry[Verdict]:
        store = self.world.store
        authorization = store.get(Authorization, validation.authorization_id)
        assert authorization is not None
        account = store.get(Account, authorization.account_id)
        assert account is not None
        challenge = authorization.challenges[validation.index]
        key_authorization = KeyAuthorization(challenge.token, account.thumbprint)
        return validation_authority.validate(
            challenge.type, authorization.identifier, key_authorization, self.world.settings
        )

    def _decided(self, validation: Validate, verdict: Verdict) -> None:
        settle(self.world, validation, verdict, self._driver.now())

    def _failed(self, validation: Validate, error: Exception) -> None:
        """Our own failure ends the challenge too, so that nobody waits for ever."""
        LOG.error("validation of %s failed", validation.authorization_id, exc_info=error)
        problem = Problem("serverInternal", "the validation could not be carried out")
        self._decided(validation, Verdict(valid=False, problem=problem, record=()))
