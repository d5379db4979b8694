"""Lets the engine run: performs its effects, feeds the outcomes back, keeps one timer.

Knows neither asyncio nor virtual time: both are drivers (`acme_server.protocol.driver`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from acme_server.protocol.driver import Cancel, Driver
from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import Inquiry
from scheduler.challenge import Challenge
from scheduler.engine import Engine, Settings, Step
from scheduler.events import (
    Accept,
    AcceptFailed,
    Added,
    CheckFailed,
    CleanUp,
    CleanUpFailed,
    Effect,
    Event,
    Present,
    PresentFailed,
    Removed,
    SelfCheck,
    SyncFailed,
)


class Scheduler:
    """A running engine.

    perform: the inquiry that carries an effect out and returns its answer;
    record: takes the facts of a step; changed: called with each challenge that
    is not as it was, after its facts were recorded. Both may add and remove.
    """

    def __init__(
        self,
        driver: Driver,
        perform: Callable[[Effect], Inquiry[Event]],
        record: Callable[[Sequence[Fact]], None],
        changed: Callable[[Challenge], None],
        settings: Settings,
    ) -> None:
        self._driver = driver
        self._perform = perform
        self._record = record
        self._changed = changed
        self._engine = Engine(settings)
        self._steps: deque[Step] = deque()
        self._applying = False
        self._alarm: tuple[datetime, Cancel] | None = None

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """All challenges, in the order in which they were added."""
        return self._engine.challenges

    def get(self, key: str) -> Challenge | None:
        """Return a challenge, or None when it is not known."""
        return self._engine.get(key)

    def add(self, challenge: Challenge) -> None:
        """Queue a challenge, or resume one that an earlier run left in the middle."""
        self._handle(Added(challenge))

    def remove(self, key: str) -> None:
        """Forget a challenge, as soon as what it shows is taken away."""
        self._handle(Removed(key))

    def _handle(self, event: Event) -> None:
        self._apply(self._engine.handle(event, self._driver.now()))

    def _apply(self, step: Step) -> None:
        """Apply steps one after the other, also when applying one of them leads to the next."""
        self._steps.append(step)
        if self._applying:
            return
        self._applying = True
        try:
            while self._steps:
                self._apply_one(self._steps.popleft())
        finally:
            self._applying = False
        self._set_alarm()

    def _apply_one(self, step: Step) -> None:
        if step.facts:
            self._record(step.facts)
        try:
            for challenge in step.changed:
                self._changed(challenge)
        finally:
            # An effect that is not carried out is never answered, and its slot is lost.
            for effect in step.effects:
                self._driver.spawn(self._carry_out(effect), self._handle)

    def _carry_out(self, effect: Effect) -> Inquiry[Event]:
        try:
            return (yield from self._perform(effect))
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the effect is answered and the slot not lost
            return failing_answer(effect, str(error) or type(error).__name__)

    def _set_alarm(self) -> None:
        deadline = self._engine.deadline()
        moment = deadline[0] if deadline else None
        if self._alarm is not None:
            if self._alarm[0] == moment:
                return
            self._alarm[1]()
            self._alarm = None
        if moment is not None:
            wait = max(moment - self._driver.now(), timedelta(0))
            self._alarm = (moment, self._driver.later(wait, self._ring, last=True))

    def _ring(self) -> None:
        self._alarm = None
        self._apply(self._engine.tick(self._driver.now()))


def failing_answer(effect: Effect, reason: str) -> Event:
    """Return the answer that says: it did not work, try again later."""
    match effect:
        case Present():
            return PresentFailed(effect.key, reason)
        case SelfCheck():
            return CheckFailed(effect.key, reason)
        case Accept():
            return AcceptFailed(effect.key, reason)
        case CleanUp():
            return CleanUpFailed(effect.key, reason)
    return SyncFailed(effect.key, reason)
