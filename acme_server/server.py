"""The server: a world behind a driver, which gives it the time and runs its validations."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import attrs

from acme_server import caa, front_end, quorum, validation_authority
from acme_server.accounts import Account
from acme_server.authorizations import Authorization, Challenge
from acme_server.bounded_spawn import BoundedSpawn
from acme_server.exchange import Reply, Request
from acme_server.execution import claims_to_check, perform, settle, settle_order
from acme_server.orders import Order
from acme_server.protocol.driver import Driver
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.protocol.problem import Problem
from acme_server.protocol.status import ChallengeStatus, OrderStatus
from acme_server.registration_authority.outcome import Deferred, Issue, Postponed, Validate
from acme_server.validation_authority import Attempt, Verdict
from acme_server.world import World

LOG = logging.getLogger(__name__)
_NOT_LOOKED = Problem("serverInternal", "the validation could not be carried out")


class Server:
    """Answers requests at once; what takes time goes to the driver."""

    def __init__(self, world: World, driver: Driver) -> None:
        self.world = world
        self._driver = driver
        # Called after each request, before it is answered.
        self.keep: Callable[[], None] | None = None
        self._spawn = BoundedSpawn(driver, world.settings.max_validations).spawn

    def handle(self, request: Request) -> Reply:
        """Answer a request; its path is relative to the world's base URL."""
        reply, effects = front_end.handle(self.world, request, self._driver.now())
        for effect in effects:
            self._start(effect)
        if self.keep is not None:
            self.keep()
        return reply

    def refuse(self, problem: Problem) -> Reply:
        """Answer what never became a request."""
        return front_end.refuse(self.world, problem, self._driver.now())

    def resume(self) -> None:
        """Go on with what was under way where the store comes from: an earlier process, or a snapshot; call it once.

        A validation begins again. An order that is processing has no certificate yet: both are one commit.
        """
        store, now = self.world.store, self._driver.now()
        for authorization in store.all(Authorization, ChallengeStatus.PROCESSING):
            for index, challenge in enumerate(authorization.challenges):
                if challenge.status is ChallengeStatus.PROCESSING:
                    due = max(challenge.due or now, now)
                    self._start(Postponed(Validate(authorization.id, index, challenge.attempt), due - now))
        for order in store.all(Order, OrderStatus.PROCESSING):
            if order.stage is OrderStatus.PROCESSING:
                self._start(Postponed(Issue(order.id), timedelta(0)))

    def _start(self, effect: Deferred) -> None:
        delay = self.world.settings.validation_delay
        if isinstance(effect, Postponed):
            self._driver.later(effect.delay, partial(self._perform, effect))
        elif isinstance(effect, Issue):
            self._check_again(effect)
        elif delay:
            self._driver.later(delay, partial(self._validate, effect))
        else:
            self._validate(effect)

    def _perform(self, postponed: Postponed) -> None:
        effect = postponed.effect
        if isinstance(effect, Validate) and effect.attempt != self._challenge(effect).attempt:
            return  # The client asked for it sooner.
        for left in perform(self.world, effect, self._driver.now()):
            self._start(left)

    def _validate(self, validation: Validate) -> None:
        self._look(validation, self.world.settings.dns, partial(self._seen, validation))

    def _look(self, validation: Validate, dns: str | None, done: Callable[[Verdict], None]) -> None:
        """Look from one vantage point; our own failure is a verdict too, so that nobody waits for ever."""

        def failed(error: Exception) -> None:
            LOG.error("validation of %s failed", validation.authorization_id, exc_info=error)
            done(Verdict(valid=False, problem=_NOT_LOOKED, record=()))

        try:
            self._spawn(validation_authority.validate(self._attempt(validation, dns)), done, failed)
        except Exception as error:  # noqa: BLE001 - it is logged there
            failed(error)

    def _attempt(self, validation: Validate, dns: str | None) -> Attempt:
        store, settings = self.world.store, self.world.settings
        authorization = store.get(Authorization, validation.authorization_id)
        assert authorization is not None
        account = store.get(Account, authorization.account_id)
        assert account is not None
        challenge = authorization.challenges[validation.index]
        return Attempt(
            challenge.type,
            authorization.covers,
            KeyAuthorization(challenge.token, account.thumbprint),
            settings if dns == settings.dns else attrs.evolve(settings, dns=dns),
            self._driver.now,
            self.world.links.account(account.id),
        )

    def _seen(self, validation: Validate, primary: Verdict) -> None:
        """What the first vantage point did not see is not there; what it saw, the others look for at the same time."""
        settings = self.world.settings
        if not (primary.valid and settings.vantages):
            self._decided(validation, primary)
            return
        heard: dict[str, Verdict] = {}

        def hear(name: str, verdict: Verdict) -> None:
            heard[name] = verdict
            if len(heard) == len(settings.vantages):
                remote = {each.name: heard[each.name] for each in settings.vantages}
                self._decided(validation, quorum.combine(primary, remote, quorum.required(settings)))

        for each in settings.vantages:
            self._look(validation, each.dns or settings.dns, partial(hear, each.name))

    def _challenge(self, validation: Validate) -> Challenge:
        authorization = self.world.store.get(Authorization, validation.authorization_id)
        assert authorization is not None
        return authorization.challenges[validation.index]

    def _decided(self, validation: Validate, verdict: Verdict) -> None:
        for left in settle(self.world, validation, verdict, self._driver.now()):
            self._start(left)

    def _check_again(self, effect: Issue) -> None:
        """Look at CAA again before a certificate is signed that rests on an old look."""

        def done(problem: Problem | None) -> None:
            for left in settle_order(self.world, effect, problem, self._driver.now()):
                self._start(left)

        def failed(error: Exception) -> None:
            LOG.error("order %s: CAA could not be checked", effect.order_id, exc_info=error)
            done(_NOT_LOOKED)

        claims = claims_to_check(self.world, effect, self._driver.now())
        self._spawn(caa.check_again(claims, self.world.settings), done, failed)
