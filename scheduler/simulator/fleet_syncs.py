"""What one sync of a challenge leads to, and how long it holds its worker.

The effects of `scheduler.stages`, drawn from a scenario: as many of them as one
sync of cert-manager's pkg/controller/acmechallenges/sync.go makes. A worker
blocks while it shows, checks, settles and waits for the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from scheduler.challenge import Stage
from scheduler.events import (
    Accepted,
    AcceptFailed,
    AcceptPostponed,
    CheckFailed,
    CheckPassed,
    CleanedUp,
    Decided,
    FinalizerAdded,
    Presented,
    PresentFailed,
    Released,
    StateFetched,
    SyncFailed,
)
from scheduler.simulator.delays import sampler
from scheduler.simulator.fleet_authority import AUTHORIZATION, CHALLENGE, Requests
from scheduler.simulator.fleet_moves import FETCHING, PRESENTING, STAGES, after
from scheduler.simulator.fleet_queue import IDLE
from scheduler.simulator.fleet_rows import ChallengeRows
from scheduler.simulator.run import NEVER
from scheduler.simulator.scenario import SECOND, Scenario
from scheduler.versions import version

SETTLE = {"HTTP-01": 8 * SECOND, "DNS-01": 60 * SECOND}
"""Five passes 2 s apart; what upstream waits for slow name servers."""

NOTHING, FINALIZED, FETCHED, UNFETCHED, UNSHOWN = 0, 1, 2, 3, 4
UNSEEN, POSTPONED, UNACCEPTED, UNDECIDED, ERROR, VERDICT = 5, 6, 7, 8, 9, 10
CLEANED, RELEASED = 11, 12
"""What a sync leads to."""
_SHOWN = tuple(was if now < 0 else now for was, now in enumerate(after(Presented)))
STAGE_AFTER: Sequence[Sequence[int]] = (
    range(len(STAGES)),
    after(FinalizerAdded),
    after(StateFetched),
    after(SyncFailed),
    after(PresentFailed),
    # These may have begun with Present, or not.
    *(
        tuple(table[stage] for stage in _SHOWN)
        for table in (
            after(CheckFailed),
            after(AcceptPostponed),
            after(CheckPassed, AcceptFailed),
            after(CheckPassed, Accepted, SyncFailed),
            *(after(CheckPassed, Accepted, Decided) for _ in (ERROR, VERDICT)),
        )
    ),
    after(CleanedUp),
    after(Released),
)
"""Outcome -> stage -> stage."""
_ONE_WRITE = {
    Stage.QUEUED: NOTHING,
    Stage.STARTING: FINALIZED,
    Stage.CLEANING_UP: CLEANED,
    Stage.RELEASING: RELEASED,
    Stage.DONE: NOTHING,
}
ONE_WRITE = tuple(_ONE_WRITE.get(stage, -1) for stage in STAGES)
"""Stage -> what a sync leads to that does nothing but write; -1 where it does more."""
TOLD = (UNSHOWN, UNSEEN, UNACCEPTED)
"""They write their reason into the status, when it is another; a failure to fetch or to decide does not."""


class Syncs:
    """Begins syncs."""

    __slots__ = (
        "_authorization_wait", "_check", "_dice", "_late", "_present", "_requests", "_rows", "_settle", "_solver",
        "_write",
    )  # fmt: skip

    def __init__(self, scenario: Scenario, rows: ChallengeRows, requests: Requests, dice: Random) -> None:
        solver, cluster = scenario.solver, scenario.cluster
        self._rows, self._requests, self._dice, self._solver = rows, requests, dice, solver
        self._present, self._check = sampler(solver.present, dice), sampler(solver.check, dice)
        self._settle = SETTLE[solver.type] if solver.settle is None else solver.settle
        self._write = cluster.write
        rules = version(cluster.version)
        wait = rules.authorization_wait
        own = None if wait is None else wait // timedelta(milliseconds=1)
        self._authorization_wait = own if cluster.authorization_wait is None else cluster.authorization_wait
        self._late = ERROR if rules.network_errors_final else UNDECIDED

    def begin(self, now: int, row: int) -> int:
        """Start a sync; return how long it holds its worker, in ms."""
        rows = self._rows
        stage = rows.stage[row]
        outcome = ONE_WRITE[stage]
        if outcome >= 0:
            rows.outcome[row] = outcome
            if outcome == NOTHING:
                return IDLE
            rows.writes[row] = 1
            rows.held[row] += self._write
            return self._write
        took = self._fetch(row) if stage == FETCHING else self._look(now, row)
        outcome = rows.outcome[row]
        if (STAGE_AFTER[outcome][stage] != stage and outcome != POSTPONED) or (
            outcome in TOLD and rows.reason[row] != outcome
        ):
            rows.writes[row] = 1
            took += self._write
        else:
            rows.writes[row] = 0
        rows.held[row] += took
        return took

    def _leads_to(self, row: int, outcome: int, took: int) -> int:
        self._rows.outcome[row] = outcome
        return took

    def _fetch(self, row: int) -> int:
        requests = self._requests
        took = requests.take(AUTHORIZATION, self._rows.issuance[row])
        return self._leads_to(row, UNFETCHED if requests.errors and requests.breaks() else FETCHED, took)

    def _look(self, now: int, row: int) -> int:
        """Present and check."""
        rows, solver = self._rows, self._solver
        moment = now
        if rows.stage[row] == PRESENTING:
            moment += self._present()
            if solver.present_fails and self._dice.random() < solver.present_fails:
                return self._leads_to(row, UNSHOWN, moment - now)
            if rows.presented[row] == NEVER:
                rows.presented[row] = moment
        shown = rows.presented[row]
        if solver.wait_instead is not None:
            if moment < shown + solver.wait_instead:
                return self._leads_to(row, POSTPONED, moment - now)
            return moment - now + self._accept(moment, row)
        rows.checks[row] += 1
        rows.tries[row] += 1
        if (
            rows.stuck[row]
            or moment < shown + rows.unseen[row]
            or (solver.check_fails and self._dice.random() < solver.check_fails)
        ):
            return self._leads_to(row, UNSEEN, moment - now + self._check())
        rows.passed[row] = moment
        moment += self._settle
        return moment - now + self._accept(moment, row)

    def _accept(self, now: int, row: int) -> int:
        """Accept the challenge and wait for the authorization's verdict, asked for once a second."""
        rows, requests, issuance = self._rows, self._requests, self._rows.issuance[row]
        took = requests.take(CHALLENGE, issuance)
        if requests.errors and requests.breaks():
            return self._leads_to(row, UNACCEPTED, took)
        if rows.verdict[row] == NEVER:
            rows.verdict[row] = now + took + rows.validation[row]
        outcome, wait = VERDICT, max(0, rows.verdict[row] - now - took)
        if self._authorization_wait is not None and wait > self._authorization_wait:
            outcome, wait = self._late, self._authorization_wait
        requests.count(AUTHORIZATION, issuance, wait // SECOND)
        took += wait + requests.take(AUTHORIZATION, issuance)
        return self._leads_to(row, UNDECIDED if requests.errors and requests.breaks() else outcome, took)
