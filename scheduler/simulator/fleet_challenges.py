"""The challenges: how they come, get a slot, and what a sync makes of them when it ends.

Where a challenge goes is in `scheduler.stages`, when it is looked at again in
`scheduler.engine`; a differential test holds this to both.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from scheduler.events import Removed, Requeued, Selected, Yielded
from scheduler.simulator.delays import sampler
from scheduler.simulator.fleet_moves import CLEANING_UP, DONE, QUEUED, RELEASING, after
from scheduler.simulator.fleet_pass import Slots
from scheduler.simulator.fleet_queue import Controller
from scheduler.simulator.fleet_rows import ChallengeRows
from scheduler.simulator.fleet_syncs import (
    ERROR,
    NOTHING,
    POSTPONED,
    STAGE_AFTER,
    UNACCEPTED,
    UNDECIDED,
    UNFETCHED,
    UNSEEN,
    UNSHOWN,
)
from scheduler.simulator.run import NEVER, STATES
from scheduler.simulator.scenario import Scenario
from scheduler.versions import version

VALID, INVALID, ERRORED = STATES.index("valid"), STATES.index("invalid"), STATES.index("errored")
FAILURES = (UNFETCHED, UNSHOWN, UNACCEPTED, UNDECIDED)
_SELECTED, _REMOVED, _YIELDED, _REQUEUED = (after(move) for move in (Selected, Removed, Yielded, Requeued))


class Challenges:
    """What becomes of challenges.

    stuck_names: 1 for each name that nobody will ever see; births: draws what a
    challenge brings with it; decided: is told when one has its verdict. queue
    and slots are set by whoever builds the fleet.
    """

    __slots__ = (
        "_authority",
        "_births",
        "_cluster",
        "_decided",
        "_propagation",
        "_rules",
        "_solver",
        "_stuck_names",
        "_validation",
        "queue",
        "rows",
        "slots",
    )  # fmt: skip
    queue: Controller
    slots: Slots

    def __init__(
        self,
        scenario: Scenario,
        rows: ChallengeRows,
        stuck_names: bytes,
        births: Random,
        decided: Callable[[int, int, int], None],
    ) -> None:
        self.rows, self._stuck_names, self._births, self._decided = rows, stuck_names, births, decided
        self._solver, self._authority, self._cluster = scenario.solver, scenario.authority, scenario.cluster
        self._propagation = sampler(self._solver.propagation, births)
        self._validation = sampler(self._authority.validation, births)
        self._rules = version(self._cluster.version)
        if self._solver.wait_instead is not None and not self._rules.wait_instead:
            raise ValueError(f"cert-manager {self._cluster.version} has no waitInsteadOfSelfCheck; 1.21 has")

    def create(self, issuance: int, name: int, now: int) -> None:
        """Create a challenge and let it wait for a slot."""
        rows, births, refused = self.rows, self._births, self._authority.invalid
        row = rows.add(issuance, name, now)
        self.queue.know(row)
        rows.unseen[row] = max(self._propagation() for _ in range(self._solver.nameservers))
        rows.validation[row] = self._validation()
        rows.refused[row] = refused > 0 and births.random() < refused
        rows.stuck[row] = self._solver.stuck > 0 and births.random() < self._solver.stuck
        if self._stuck_names:
            rows.stuck[row] |= self._stuck_names[name]
        self.queue.add(row)
        self.slots.wait(row, now)

    def delete(self, row: int, now: int) -> None:
        """Delete a challenge: it is gone at once, or once what was shown is taken away."""
        rows, was = self.rows, self.rows.stage[row]
        if was == DONE or rows.deleted[row]:
            return
        rows.deleted[row] = 1
        rows.stage[row] = _REMOVED[was]
        if was != CLEANING_UP:
            # The sync under way leads to nothing any more.
            rows.outcome[row] = NOTHING
            rows.lose(row, now, now)
        if rows.stage[row] == CLEANING_UP:
            self.queue.add(row)
        elif was != QUEUED:
            self._leave(row, now)

    def start(self, now: int, row: int) -> None:
        """Take in that a challenge has a slot."""
        rows = self.rows
        rows.stage[row] = _SELECTED[rows.stage[row]]
        if rows.started[row] == NEVER:
            rows.started[row] = now
        elif row in rows.outside:
            rows.yielded.taken[rows.outside.pop(row)] = now
        self.queue.add(row)

    def finish(self, now: int, row: int) -> int:
        """Do what a sync led to; return whether it wrote something."""
        rows = self.rows
        outcome = rows.outcome[row]
        if outcome == NOTHING:
            return False
        stage = rows.stage[row] = STAGE_AFTER[outcome][rows.stage[row]]
        if outcome in FAILURES:
            rows.reason[row] = outcome
            self.queue.failed(row, now)
            return rows.writes[row]
        self.queue.failures[row] = 0
        if stage in (RELEASING, DONE):
            if stage == DONE or rows.deleted[row] or not self._rules.release_apart:
                self._leave(row, now)
        elif outcome == UNSEEN:
            self._unseen(now, row)
        elif stage == CLEANING_UP:
            state = ERRORED if outcome == ERROR else INVALID if rows.refused[row] else VALID
            rows.decided[row] = now
            rows.state[row] = state
            self._decided(now, row, state)
        elif outcome == POSTPONED:
            remaining = rows.presented[row] + (self._solver.wait_instead or 0) - now
            self.queue.add_after(row, now, min(remaining, self._cluster.retry_period))
        return rows.writes[row]

    def _unseen(self, now: int, row: int) -> None:
        rows = self.rows
        rows.reason[row] = UNSEEN
        self.queue.add_after(row, now, self._cluster.retry_period)
        if self._cluster.patience is not None and rows.tries[row] >= self._cluster.patience:
            rows.stage[row] = _YIELDED[rows.stage[row]]
            self.queue.add(row)

    def _leave(self, row: int, now: int) -> None:
        """Give the slot back: for good, or to queue again behind all others."""
        rows = self.rows
        rows.stage[row] = DONE
        self.queue.drop(row)
        if rows.state[row] or rows.deleted[row]:
            rows.released[row] = now
            self.slots.release(row, now)
            return
        rows.stage[row] = _REQUEUED[DONE]
        rows.presented[row] = NEVER
        rows.tries[row] = rows.reason[row] = 0
        rows.queued[row] = now
        rows.give_back(row, now)
        self.slots.release(row, now)
        self.slots.wait(row, now)
