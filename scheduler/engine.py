"""The scheduler's engine: events in; facts, effects and changed challenges out.

Dispatch only. Where a challenge goes is in `stages`, whose turn it is in
`selection`, what the journal hears in `facts`. At most one effect of a
challenge is in flight, as upstream's work queue never hands one key to two
workers: so a clean-up cannot overtake the presentation that it undoes.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import IllegalTransition
from scheduler.challenge import Challenge, Stage
from scheduler.events import ANSWERS, Added, Effect, Event, Move, Removed, Selected
from scheduler.facts import arrival, happened
from scheduler.selector import Selector
from scheduler.settings import Settings
from scheduler.stages import advance, effect_of, patience
from scheduler.work_queue import WorkQueue

__all__ = ["Engine", "Settings", "Step"]


@attrs.frozen
class Step:
    """What one event, or the passing of time, led to; `changed` holds each challenge once, as it is now."""

    facts: tuple[Fact, ...] = ()
    effects: tuple[Effect, ...] = ()
    changed: tuple[Challenge, ...] = ()


@attrs.define
class _Draft:
    """A step that is being written."""

    facts: list[Fact] = attrs.field(factory=list)
    effects: list[Effect] = attrs.field(factory=list)
    changed: dict[str, Challenge] = attrs.field(factory=dict)

    def step(self) -> Step:
        return Step(tuple(self.facts), tuple(self.effects), tuple(self.changed.values()))


class Engine:
    """All challenges that are known, the slots, and what each is waiting for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._challenges: dict[str, Challenge] = {}
        self._in_flight: dict[str, Effect] = {}
        self._selector = Selector(settings.max_concurrent)
        self._retries = WorkQueue()

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """All challenges, in the order in which they were added."""
        return tuple(self._challenges.values())

    @property
    def slots(self) -> int:
        """How many slots are in use."""
        return self._selector.slots

    def get(self, key: str) -> Challenge | None:
        """Return a challenge, or None when it is not known."""
        return self._challenges.get(key)

    def handle(self, event: Event, now: datetime) -> Step:
        """Take in an event; IllegalTransition, with nothing changed, when it cannot be.

        About a challenge that is not known (any more) there is nothing to say.
        """
        draft = _Draft()
        if isinstance(event, Added):
            self._add(event.challenge, now, draft)
        elif event.key not in self._challenges:
            return Step()
        elif isinstance(event, Removed):
            self._remove(self._challenges[event.key], now, draft)
        else:
            self._answer(self._challenges[event.key], event, now, draft)
        for challenge in self._selector.select():
            self._move(challenge, Selected(challenge.key), now, draft)
        return draft.step()

    def deadline(self) -> tuple[datetime, str] | None:
        """Return when to call `tick`, and what for; None while nothing waits for time to pass."""
        first = self._retries.first()
        if first is None:
            return None
        moment, key = first
        return moment, f"{self._challenges[key].stage} {key} again"

    def tick(self, now: datetime) -> Step:
        """Ask again for the effects whose wait is over."""
        draft = _Draft()
        for key in self._retries.pop_due(now):
            self._ask(self._challenges[key], draft)
        return draft.step()

    def _add(self, challenge: Challenge, now: datetime, draft: _Draft) -> None:
        if challenge.key in self._challenges:
            raise IllegalTransition(f"challenge {challenge.key} is known already")
        self._store(None, challenge)
        draft.facts.append(arrival(challenge, self.slots))
        if challenge.removed:
            self._remove(challenge, now, draft)
        else:
            self._ask(challenge, draft)

    def _remove(self, challenge: Challenge, now: datetime, draft: _Draft) -> None:
        event = Removed(challenge.key)
        if challenge.stage is not Stage.DONE:
            self._move(challenge, event, now, draft)
            return
        self._store(challenge, None)
        draft.facts.append(happened(event, challenge, self.slots))

    def _answer(self, challenge: Challenge, event: Move, now: datetime, draft: _Draft) -> None:
        effect = self._in_flight.get(challenge.key)
        if effect is None or type(event) not in ANSWERS[type(effect)]:
            raise IllegalTransition(f"{type(event).__name__} answers nothing that challenge {challenge.key} asked for")
        if effect == effect_of(challenge):
            self._move(challenge, event, now, draft)
        else:
            # The challenge was removed meanwhile. The late answer matters no more; only now may the clean-up start.
            self._ask(challenge, draft)

    def _move(self, before: Challenge, event: Move, now: datetime, draft: _Draft) -> None:
        after = advance(before, event, now)
        if not isinstance(event, Removed):
            self._in_flight.pop(after.key, None)
        forgotten = after.removed and after.stage is Stage.DONE
        self._store(before, None if forgotten else after)
        draft.facts.append(happened(event, after, self.slots))
        draft.changed[after.key] = after
        if after.key in self._in_flight:
            return
        wait = patience(before, event, after, self._settings)
        if wait > timedelta(0):
            self._retries.put(after.key, now + wait)
        else:
            self._retries.drop(after.key)
            self._ask(after, draft)

    def _store(self, before: Challenge | None, after: Challenge | None) -> None:
        self._selector.note(before, after)
        if after is not None:
            self._challenges[after.key] = after
        elif before is not None:
            del self._challenges[before.key]

    def _ask(self, challenge: Challenge, draft: _Draft) -> None:
        effect = effect_of(challenge)
        if effect is not None:
            self._in_flight[challenge.key] = effect
            draft.effects.append(effect)
