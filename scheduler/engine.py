"""The scheduler's engine: events in; facts, effects and changed challenges out.

Dispatch only. Where a challenge goes is in `stages`, whose turn it is in
`selector`, which challenge a worker looks at in `work_queue`, what the journal
hears in `facts`. It runs as cert-manager's challenge controller does:

* A *sync* is what a worker does with one challenge: one stage's effect, or
  several when nothing is to be written between them (`stages.SAME_SYNC`: from
  Present to the verdict). The worker is blocked until the last is answered, so
  at most one effect of a challenge is in flight, and no clean-up can overtake
  the presentation that it undoes.
* Every write puts the challenge at the end of the queue, if it is not there:
  its creation, its selection, a removal, and the end of a sync after which its
  stage or its reason is another (`stages.written`). A worker that finds nothing
  to do takes the next; a sync of a challenge in the queue or done costs nothing.
* A failure comes again after a backoff, a failed check after the retry period
  (`stages.patience`), counted from the end of the sync. It may come at once
  too, by the rule above; the earlier moment that was set before still counts.
  The failures in a row are counted until a sync ends without one.
* A verdict that could not be had leads back to the self-check, in a later sync.
* With `starts_per_tick`, selection is made in passes, `tick` apart; the first
  at the moment of the first event. A pass takes no time, where upstream's takes
  that of its writes; one that would start nobody is left out. Without it,
  selection follows every event.
* In one moment first come events and what follows from them in no time, then
  challenges that come again, then the pass: it sees all that happened until
  then (the runner asks its driver for this; `deadline` and `tick` keep it).
* The answer of an effect whose challenge was removed meanwhile ends the sync.
* A policy's patience counts self-checks since the slot was taken. The check
  that spends it ends its sync; the clean-up and the release are further syncs;
  with the release the challenge queues again as of that moment.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from acme_server.protocol.journal import Fact
from acme_server.protocol.problem import IllegalTransition
from scheduler.challenge import Challenge, Stage
from scheduler.events import (
    ANSWERS,
    Added,
    Answer,
    CheckFailed,
    Effect,
    Event,
    Move,
    Removed,
    Requeued,
    Selected,
    Yielded,
)
from scheduler.facts import arrival, happened
from scheduler.selector import Selector
from scheduler.settings import Settings
from scheduler.stages import SAME_SYNC, advance, effect_of, passed_over, patience, written
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

    now: datetime
    facts: list[Fact] = attrs.field(factory=list)
    effects: list[Effect] = attrs.field(factory=list)
    changed: dict[str, Challenge] = attrs.field(factory=dict)

    def step(self) -> Step:
        return Step(tuple(self.facts), tuple(self.effects), tuple(self.changed.values()))


@attrs.frozen
class _Sync:
    """A worker's look at a challenge: as it was when the look began, and what was asked for last."""

    began: Challenge
    effect: Effect


class Engine:
    """All challenges that are known, the slots, the queue, and what each is waiting for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._passed_over = passed_over(settings)
        self._challenges: dict[str, Challenge] = {}
        self._syncs: dict[str, _Sync] = {}
        self._selector = Selector(settings.max_concurrent, settings.policy.order)
        self._queue = WorkQueue(settings.workers)
        self._first_pass: datetime | None = None
        self._last_pass: datetime | None = None
        self._next_pass: datetime | None = None

    @property
    def challenges(self) -> tuple[Challenge, ...]:
        """All challenges, in the order in which they were added, or queued again."""
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
        draft = _Draft(now)
        if isinstance(event, Added):
            self._add(event.challenge, draft)
        elif isinstance(event, Removed):
            self._remove(self._challenges.get(event.key), draft)
        else:
            self._answer(event, draft)
        return self._go_on(draft)

    def deadline(self) -> tuple[datetime, str] | None:
        """Return when to call `tick`, and what for; None while nothing waits for time to pass."""
        again = self._queue.first()
        if again is None or (self._next_pass is not None and self._next_pass < again[0]):
            return None if self._next_pass is None else (self._next_pass, "the scheduler's pass")
        moment, key = again
        return moment, f"{self._challenges[key].stage} {key} again"

    def tick(self, now: datetime) -> Step:
        """Look again at the challenges whose wait is over; when there are none, make the pass that is due."""
        draft = _Draft(now)
        if not self._queue.add_due(now) and self._next_pass is not None and self._next_pass <= now:
            self._last_pass, self._next_pass = self._next_pass, None
            self._select(self._settings.starts_per_tick, draft)
        return self._go_on(draft)

    def _add(self, challenge: Challenge, draft: _Draft) -> None:
        if challenge.key in self._challenges:
            raise IllegalTransition(f"challenge {challenge.key} is known already")
        self._store(None, challenge)
        draft.facts.append(arrival(challenge, self.slots))
        self._queue.add(challenge.key)
        if challenge.removed:
            self._remove(challenge, draft)

    def _remove(self, challenge: Challenge | None, draft: _Draft) -> None:
        if challenge is None:
            return
        event = Removed(challenge.key)
        if challenge.stage is Stage.DONE:
            self._store(challenge, None)
            draft.facts.append(happened(event, challenge, self.slots))
        else:
            self._move(challenge, event, draft)
            self._queue.add(challenge.key)

    def _answer(self, event: Answer, draft: _Draft) -> None:
        challenge, sync = self._challenges.get(event.key), self._syncs.get(event.key)
        if sync is None or type(event) not in ANSWERS[type(sync.effect)]:
            if challenge is None:
                return
            raise IllegalTransition(f"{type(event).__name__} answers nothing that challenge {event.key} asked for")
        if challenge is None or sync.effect != effect_of(challenge):
            # It was removed meanwhile. The late answer matters no more; only now may the clean-up start.
            del self._syncs[event.key]
            self._queue.done(event.key)
            return
        after = self._move(challenge, event, draft)
        effect = effect_of(after)
        if effect is not None and isinstance(event, SAME_SYNC):
            self._ask(_Sync(sync.began, effect), draft)
        else:
            self._end(sync, event, after, draft)

    def _end(self, sync: _Sync, event: Answer, after: Challenge, draft: _Draft) -> None:
        """Take the challenge from its worker, and see when it is looked at again."""
        key = after.key
        del self._syncs[key]
        spent = self._settings.policy.patience
        if isinstance(event, CheckFailed) and spent is not None and after.checks >= spent:
            after = self._move(after, Yielded(key), draft)
        if after.stage is Stage.DONE and not after.final and not after.removed:
            after = self._move(after, Requeued(key), draft)
        wait = patience(event, after, self._settings)
        if wait is not None:
            self._queue.add_after(key, draft.now + wait)
        if written(sync.began, event, after):
            self._queue.add(key)
        self._queue.done(key)

    def _move(self, before: Challenge, event: Move, draft: _Draft) -> Challenge:
        after = advance(before, event, draft.now, self._passed_over)
        if not after.processing:
            self._queue.drop(after.key)
        self._store(before, None if after.removed and after.stage is Stage.DONE else after)
        draft.facts.append(happened(event, after, self.slots))
        draft.changed[after.key] = after
        return after

    def _store(self, before: Challenge | None, after: Challenge | None) -> None:
        self._selector.note(before, after)
        if before is not None and (after is None or after.stage is Stage.QUEUED):
            del self._challenges[before.key]
        if after is not None:
            self._challenges[after.key] = after

    def _go_on(self, draft: _Draft) -> Step:
        """Select, or say when; then give the workers what they can take."""
        if self._settings.starts_per_tick is None:
            self._select(None, draft)
        else:
            self._first_pass = self._first_pass or draft.now
            if self._next_pass is None and self._selector.first() is not None:
                self._next_pass = self._pass_after(draft.now, self._first_pass)
        while (key := self._queue.take()) is not None:
            challenge = self._challenges.get(key)
            effect = effect_of(challenge) if challenge else None
            if challenge is None or effect is None:
                self._queue.done(key)
            else:
                self._ask(_Sync(challenge, effect), draft)
        return draft.step()

    def _select(self, limit: int | None, draft: _Draft) -> None:
        started = 0
        while started != limit and (challenge := self._selector.first()) is not None:
            self._move(challenge, Selected(challenge.key), draft)
            self._queue.add(challenge.key)
            started += 1

    def _pass_after(self, now: datetime, first: datetime) -> datetime:
        """Return the next moment of a pass: now at the earliest, and never one that a pass was made at."""
        moment = first - (first - now) // self._settings.tick * self._settings.tick
        if self._last_pass is not None and moment <= self._last_pass:
            return self._last_pass + self._settings.tick
        return moment

    def _ask(self, sync: _Sync, draft: _Draft) -> None:
        self._syncs[sync.began.key] = sync
        draft.effects.append(sync.effect)
