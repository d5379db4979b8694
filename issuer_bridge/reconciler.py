"""Runs one controller: which resource is looked at now, and when again.

A key is never looked at twice at once; when it changed meanwhile, it is looked
at once more. Errors make it wait 5 s, doubled each time (upstream
`pkg/controller/util.go`), unless it changes. Where a server said how long to
wait, no change cuts that short.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from acme_server.protocol.driver import Cancel, Driver
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.outcomes import Done, Outcome, Retry, Wait
from issuer_bridge.resources import ApiError
from scheduler.backoff import backoff

log = logging.getLogger(__name__)

Key: TypeAlias = tuple[str, str, str]
"""Kind, namespace ("" when cluster-wide) and name."""

FIRST_BACKOFF = timedelta(seconds=5)


class Reconciler:
    """The queue of one controller, worked off through a driver."""

    def __init__(
        self,
        driver: Driver,
        sync: Callable[[Key], Inquiry[Outcome]],
        longest_backoff: timedelta = timedelta(minutes=5),
        workers: int = 20,
        first_backoff: timedelta = FIRST_BACKOFF,
    ) -> None:
        self._driver = driver
        self._sync = sync
        self._first_backoff, self._longest_backoff = first_backoff, longest_backoff
        self._workers = workers
        self._ready: dict[Key, None] = {}  # in the order of arrival
        self._running: dict[Key, bool] = {}  # whether it changed meanwhile
        self._timers: dict[Key, tuple[Cancel, bool]] = {}  # and whether a change must wait for it
        self._failures: dict[Key, int] = {}
        self.calls: dict[str, int] = {}
        """How often a resource was looked at, by kind."""
        self.errors: dict[str, int] = {}
        """How often that failed, writes that lost a race left out."""
        self._starting = False

    def add(self, key: Key) -> None:
        """Look at the key soon, because something changed."""
        if key in self._running:
            self._running[key] = True
            return
        cancel, held = self._timers.get(key, (None, False))
        if held or key in self._ready:
            return
        if cancel is not None:
            cancel()
            del self._timers[key]
        self._ready[key] = None
        self._start()

    def depth(self, kind: str) -> int:
        """Return how many resources of a kind wait for a worker."""
        return sum(key[0] == kind for key in self._ready)

    def _start(self) -> None:
        """Start as many as there are workers; a look that ends at once comes back here."""
        if self._starting:
            return
        self._starting = True
        try:
            while self._ready and len(self._running) < self._workers:
                key = next(iter(self._ready))
                del self._ready[key]
                self._running[key] = False
                self.calls[key[0]] = self.calls.get(key[0], 0) + 1
                self._driver.spawn(self._look(key), partial(self._ended, key), partial(self._crashed, key))
        finally:
            self._starting = False

    def _look(self, key: Key) -> Inquiry[Outcome]:
        self._running[key] = False  # what changed before this moment will be seen
        return (yield from self._sync(key))

    def _ended(self, key: Key, outcome: Outcome) -> None:
        changed = self._running.pop(key)
        match outcome:
            case Retry(reason=reason, after=after):
                log.info("%s: %s", "/".join(key), reason)
                self._erred(key)
                self._failed(key, after, changed=changed)
            case Wait(after=after, held=held, keeps_failures=keeps):
                if not keeps:
                    self._failures.pop(key, None)
                self._later(key, after, held=held)
                if changed:
                    self.add(key)
            case Done():
                self._failures.pop(key, None)
                if changed:
                    self.add(key)
        self._start()

    def _crashed(self, key: Key, error: Exception) -> None:
        """An exception is a bug, or a write that lost a race; neither may end the controller."""
        del self._running[key]
        if isinstance(error, ApiError):
            log.info("%s: %s", "/".join(key), error)
        else:
            log.error("%s: cannot be reconciled", "/".join(key), exc_info=error)
        if not (isinstance(error, ApiError) and error.reason == "Conflict"):
            self._erred(key)
        self._failed(key, None, changed=False)
        self._start()

    def _erred(self, key: Key) -> None:
        self.errors[key[0]] = self.errors.get(key[0], 0) + 1

    def _failed(self, key: Key, after: timedelta | None, *, changed: bool) -> None:
        """Wait as long as the server said, or else a backoff; the change may be our own, so it shortens that only."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        if after is not None:
            self._later(key, after, held=True)
        elif changed:
            self._later(key, self._first_backoff, held=False)
        else:
            self._later(key, backoff(failures, self._first_backoff, self._longest_backoff), held=False)

    def _later(self, key: Key, delay: timedelta, *, held: bool) -> None:
        self._timers[key] = (self._driver.later(delay, partial(self._due, key)), held)

    def _due(self, key: Key) -> None:
        del self._timers[key]
        self._ready[key] = None
        self._start()
