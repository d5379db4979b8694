"""The challenge controller: one sync is one step of cert-manager's pkg/controller/acmechallenges/sync.go.

`begin` says how long a sync holds its worker, and notes what it leads to;
`finish` does it at that moment. A worker blocks while it checks, settles and
waits for the verdict. Whatever is written to the status wakes the controller.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from scheduler.simulator.delays import sampler
from scheduler.simulator.fleet_authority import AUTHORIZATION, CHALLENGE, Requests
from scheduler.simulator.fleet_moves import (
    CHECK_FAILED,
    CHECK_PASSED,
    CLEANED_UP,
    CLEANING_UP,
    DECIDED,
    DONE,
    PRESENTED,
    PRESENTING,
    QUEUED,
    REMOVED,
    SELECTED,
)
from scheduler.simulator.fleet_pass import Slots
from scheduler.simulator.fleet_queue import Controller
from scheduler.simulator.fleet_rows import ChallengeRows
from scheduler.simulator.run import NEVER, STATES
from scheduler.simulator.scenario import SECOND, Cluster, Scenario

VALID, INVALID = STATES.index("valid"), STATES.index("invalid")
NOTHING, PREPARED, FAILED, NOT_SEEN, POSTPONED, VERDICT, CLEANED, RELEASED = range(8)
"""What a sync leads to."""
FINALIZER, STATE = 1, 2
PREPARE = (FINALIZER, FINALIZER | STATE, FINALIZER | STATE)
"""What comes next before it can be presented: the finalizer, then the state."""
SETTLE = {"HTTP-01": 8 * SECOND, "DNS-01": 60 * SECOND}
"""Five passes 2 s apart; what upstream waits for slow name servers."""


def authorization_wait(cluster: Cluster) -> int:
    """Return how long a worker waits for a verdict."""
    if cluster.authorization_wait is not None:
        return cluster.authorization_wait
    return 120 * SECOND if _version(cluster) >= (1, 18) else 20 * SECOND


def one_sync(cluster: Cluster) -> bool:
    """Return whether one sync cleans up and gives the slot back."""
    return _version(cluster) < (1, 18)


def _version(cluster: Cluster) -> tuple[int, ...]:
    return tuple(int(part) for part in cluster.version.split("."))


class Challenges:
    """What the workers do with challenges.

    stuck_names: 1 for each name that nobody will ever see; births: draws what a challenge brings with it, dice what happens; decided: is told when a challenge has its verdict; its issuance and the state.
    queue and slots are set by whoever builds the fleet.
    """

    __slots__ = (
        "_authorization_wait", "_births", "_check", "_cluster", "_decided", "_dice", "_finishers", "_one_sync", "_present",
        "_propagation", "_requests", "_settle", "_solver", "_stuck_names", "_validation", "authority", "queue", "rows", "slots",
    )  # fmt: skip
    queue: Controller
    slots: Slots

    def __init__(
        self,
        scenario: Scenario,
        rows: ChallengeRows,
        requests: Requests,
        stuck_names: bytes,
        births: Random,
        dice: Random,
        decided: Callable[[int, int, int], None],
    ) -> None:
        self.rows = rows
        self.authority = scenario.authority
        self._cluster = scenario.cluster
        self._solver = solver = scenario.solver
        self._requests = requests
        self._stuck_names = stuck_names
        self._births = births
        self._dice = dice
        self._decided = decided
        self._present = sampler(solver.present, dice)
        self._check = sampler(solver.check, dice)
        self._propagation = sampler(solver.propagation, births)
        self._validation = sampler(scenario.authority.validation, births)
        self._settle = SETTLE[solver.type] if solver.settle is None else solver.settle
        self._authorization_wait = authorization_wait(scenario.cluster)
        self._one_sync = one_sync(scenario.cluster)
        self._finishers = (
            self._nothing, self._prepared, self._failed, self._not_seen,
            self._postponed, self._verdict, self._cleaned, self._release,
        )  # fmt: skip

    def create(self, issuance: int, name: int, now: int) -> int:
        """Create a challenge and let it wait for a slot."""
        rows, solver = self.rows, self._solver
        row = rows.add(issuance, name, now)
        self.queue.know()
        rows.unseen[row] = max(self._propagation() for _ in range(solver.nameservers))
        rows.validation[row] = self._validation()
        if solver.stuck:
            rows.stuck[row] = self._births.random() < solver.stuck
        if self._stuck_names and self._stuck_names[name]:
            rows.stuck[row] = 1
        if self.authority.invalid:
            rows.refused[row] = self._births.random() < self.authority.invalid
        self.slots.wait(row, now)
        return row

    def delete(self, row: int, now: int) -> None:
        """Delete a challenge: it is gone at once, or once it is cleaned up."""
        rows, stage = self.rows, self.rows.stage[row]
        if stage == DONE:
            return
        rows.deleted[row] = 1
        if stage == QUEUED:
            rows.stage[row] = REMOVED[stage]
        elif rows.prepared[row] & FINALIZER:
            self.queue.add(row)
        else:
            self._release(now, row)

    def start(self, now: int, row: int) -> None:
        """Take in that a challenge has a slot."""
        rows = self.rows
        rows.stage[row] = SELECTED[rows.stage[row]]
        if rows.started[row] == NEVER:
            rows.started[row] = now
        self.queue.add(row)

    def begin(self, now: int, row: int) -> int:
        """Start a sync; return how long it holds its worker."""
        rows = self.rows
        stage = rows.stage[row]
        if stage in (QUEUED, DONE):
            rows.outcome[row] = NOTHING
            return 0
        if stage == CLEANING_UP or rows.deleted[row]:
            rows.outcome[row] = CLEANED if rows.prepared[row] & FINALIZER else RELEASED
            took = self._cluster.write
        elif rows.prepared[row] == FINALIZER | STATE:
            took = self._look(now, row)
        else:
            rows.outcome[row] = PREPARED
            took = self._cluster.write
            if rows.prepared[row] == FINALIZER:
                took += self._requests.take(AUTHORIZATION, rows.issuance[row])
                if self._requests.breaks():
                    rows.outcome[row] = FAILED
                    took -= self._cluster.write
        rows.held[row] += took
        return took

    def _look(self, now: int, row: int) -> int:
        """Present, check, accept: as far as one sync comes."""
        rows, solver, cluster = self.rows, self._solver, self._cluster
        moment = now
        fresh = rows.stage[row] == PRESENTING
        if fresh:
            moment += self._present()
            if solver.present_fails and self._dice.random() < solver.present_fails:
                rows.outcome[row] = FAILED
                return moment - now
            if rows.presented[row] == NEVER:
                rows.presented[row] = moment
        shown = rows.presented[row]
        if solver.wait_instead is not None:
            if moment < shown + solver.wait_instead:
                rows.outcome[row] = POSTPONED
                return moment - now + (cluster.write if fresh else 0)
        elif (
            rows.stuck[row]
            or moment < shown + rows.unseen[row]
            or (solver.check_fails and self._dice.random() < solver.check_fails)
        ):
            rows.checks[row] += 1
            rows.outcome[row] = NOT_SEEN
            return moment - now + self._check() + (cluster.write if fresh or not rows.reason[row] else 0)
        else:
            rows.checks[row] += 1
            rows.passed[row] = moment
            moment += self._settle
        return moment - now + self._accept(moment, row)

    def _accept(self, now: int, row: int) -> int:
        """Accept the challenge and wait for the authorization's verdict."""
        rows, requests, issuance = self.rows, self._requests, self.rows.issuance[row]
        rows.outcome[row] = FAILED
        took = requests.take(CHALLENGE, issuance)
        if requests.breaks():
            return took
        if rows.verdict[row] == NEVER:
            rows.verdict[row] = now + took + rows.validation[row]
        wait = max(0, rows.verdict[row] - now - took)
        # Polled once a second.
        polls = 1 + min(wait, self._authorization_wait) // SECOND
        took += requests.take(AUTHORIZATION, issuance)
        if polls > 1:
            requests.count(AUTHORIZATION, issuance, polls - 1)
        if wait > self._authorization_wait:
            return took + self._authorization_wait
        if requests.breaks():
            return took + wait
        rows.outcome[row] = VERDICT
        took += wait + self._cluster.write
        return took

    def finish(self, now: int, row: int) -> None:
        """Do what a sync led to."""
        self._finishers[self.rows.outcome[row]](now, row)

    def _nothing(self, _now: int, _row: int) -> None:
        pass

    def _prepared(self, _now: int, row: int) -> None:
        self.rows.prepared[row] = PREPARE[self.rows.prepared[row]]
        self.queue.add(row)

    def _failed(self, now: int, row: int) -> None:
        self.queue.failed(row, now)

    def _show(self, row: int) -> bool:
        rows = self.rows
        if rows.stage[row] != PRESENTING:
            return False
        rows.stage[row] = PRESENTED[PRESENTING]
        return True

    def _not_seen(self, now: int, row: int) -> None:
        rows, queue = self.rows, self.queue
        fresh = self._show(row)
        rows.stage[row] = CHECK_FAILED[rows.stage[row]]
        rows.tries[row] += 1
        queue.forget(row)
        queue.add_after(row, now, self._cluster.retry_period)
        if fresh or not rows.reason[row]:
            rows.reason[row] = 1
            queue.add(row)
        if rows.tries[row] == self._cluster.patience:
            rows.stage[row] = REMOVED[rows.stage[row]]
            queue.add(row)

    def _postponed(self, now: int, row: int) -> None:
        assert self._solver.wait_instead is not None
        remaining = self.rows.presented[row] + self._solver.wait_instead - now
        self.queue.add_after(row, now, min(remaining, self._cluster.retry_period))
        if self._show(row):
            self.queue.add(row)

    def _verdict(self, now: int, row: int) -> None:
        rows = self.rows
        self._show(row)
        rows.stage[row] = DECIDED[CHECK_PASSED[rows.stage[row]]]
        rows.decided[row] = now
        state = rows.state[row] = INVALID if rows.refused[row] else VALID
        self.queue.forget(row)
        self.queue.add(row)
        self._decided(now, row, state)

    def _cleaned(self, now: int, row: int) -> None:
        rows = self.rows
        rows.prepared[row] &= ~FINALIZER
        if rows.deleted[row] or self._one_sync:
            self._release(now, row)
        else:
            self.queue.add(row)

    def _release(self, now: int, row: int) -> None:
        rows = self.rows
        if rows.stage[row] == DONE:
            return
        if rows.stage[row] != CLEANING_UP:
            rows.stage[row] = REMOVED[rows.stage[row]]
        rows.stage[row] = CLEANED_UP[rows.stage[row]]
        if rows.state[row] or rows.deleted[row]:
            rows.released[row] = now
            self.slots.release(row, now)
        else:
            # Its patience is over: behind all others, as new.
            rows.stage[row] = QUEUED
            rows.tries[row] = rows.reason[row] = 0
            rows.presented[row] = NEVER
            rows.queued[row] = now
            self.slots.release(row, now)
            self.slots.wait(row, now)
