"""The order controller: one sync is one step of cert-manager's pkg/controller/acmeorders/sync.go.

newOrder, authorizations, challenges; when all are valid finalize, and the
challenges are deleted. A worker blocks while it waits for the ACME server. A
429 ends an order as any 4xx does; a 5xx is tried again after a backoff.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from random import Random

from scheduler.simulator.delays import sampler
from scheduler.simulator.fleet_authority import (
    AUTHORIZATION,
    CERTIFICATE,
    FINALIZE,
    NEW_ORDER,
    ORDER,
    Limits,
    Requests,
)
from scheduler.simulator.fleet_challenges import INVALID, VALID, Challenges
from scheduler.simulator.fleet_population import Population
from scheduler.simulator.fleet_queue import IDLE, Controller
from scheduler.simulator.fleet_rows import IssuanceRows
from scheduler.simulator.scenario import Scenario

NEW, PLACED, AUTHORIZED, WAITING, READY, ISSUED, OVER = range(7)
"""How far an order is."""
ON, FAILED, REFUSED = range(3)
"""What a sync leads to: the next phase, a backoff, the end."""


class Orders:
    """What the workers do with orders.

    over: is told when a request has its certificate, or none; queue is set by whoever builds the fleet.
    """

    __slots__ = (
        "_begin", "_challenges", "_does", "_finalize", "_limits", "_over", "_population", "_requests", "_write",
        "queue", "rows",
    )  # fmt: skip
    queue: Controller

    def __init__(
        self,
        scenario: Scenario,
        rows: IssuanceRows,
        requests: Requests,
        limits: Limits,
        population: Population,
        challenges: Challenges,
        dice: Random,
        over: Callable[[int, int, bool], None],
    ) -> None:
        self.rows = rows
        self._requests = requests
        self._limits = limits
        self._population = population
        self._challenges = challenges
        self._over = over
        self._finalize = sampler(scenario.authority.finalize, dice)
        self._write = scenario.cluster.write
        self._begin: Sequence[Callable[[int, int], int]] = (
            self._place, self._authorize, self._create, self._look, self._issue, self._delete,
        )  # fmt: skip
        self._does: Sequence[Callable[[int, int], None] | None] = (
            None, None, self._created, None, self._issued, self.discard,
        )  # fmt: skip

    def create(self, certificate: int, attempt: int, renewal: int, now: int) -> None:
        """Create an order."""
        row = self.rows.add(certificate, attempt, renewal, now)
        self.queue.know(row)
        self.queue.add(row)

    def create_waiting(self, certificate: int, now: int) -> None:
        """Create an order whose challenges have been created in this moment."""
        row = self.rows.add(certificate, 0, 0, now)
        self.queue.know(row)
        self.rows.phase[row] = WAITING
        self._created(now, row)

    def decided(self, now: int, row: int, state: int, name: int) -> None:
        """Take in that one of its challenges has a verdict."""
        self.rows.open[row] -= 1
        if state != VALID:
            self.rows.failing[row] = 1
        if state == INVALID and self._limits.any:
            self._limits.failed(name, now)
        self.queue.add(row)

    def begin(self, now: int, row: int) -> int:
        """Start a sync; return how long it holds its worker."""
        phase = self.rows.phase[row]
        return IDLE if phase == OVER else self._begin[phase](now, row)

    def finish(self, now: int, row: int) -> int:
        """Do what a sync led to; return whether it wrote something that leads on."""
        rows = self.rows
        outcome, phase = rows.outcome[row], rows.phase[row]
        if outcome == FAILED:
            self.queue.failed(row, now)
            return False
        if outcome == REFUSED:
            self._fail(now, row)
            return False
        self.queue.failures[row] = 0
        rows.phase[row] = phase + 1
        does = self._does[phase]
        if does is not None:
            does(now, row)
        return phase not in (AUTHORIZED, ISSUED)

    def _ask(self, row: int, *kinds: int) -> int:
        """Send requests, until one breaks, and write the status."""
        took, requests = 0, self._requests
        for kind in kinds:
            took += requests.take(kind, row)
            if requests.errors and requests.breaks():
                self.rows.outcome[row] = FAILED
                return took
        self.rows.outcome[row] = ON
        return took + self._write

    def _names(self, row: int) -> array[int]:
        return self._population.names_of(self.rows.certificate[row])

    def _place(self, now: int, row: int) -> int:
        took = self._ask(row, NEW_ORDER)
        rows, limits = self.rows, self._limits
        if limits.any and rows.outcome[row] == ON and limits.refuse(self._names(row), rows.renewal[row], now):
            rows.outcome[row] = REFUSED
        return took

    def _authorize(self, _now: int, row: int) -> int:
        return self._ask(row, *(AUTHORIZATION,) * self._population.size_of(self.rows.certificate[row]))

    def _create(self, _now: int, row: int) -> int:
        self.rows.outcome[row] = ON
        return self._write * self._population.size_of(self.rows.certificate[row])

    def _look(self, _now: int, row: int) -> int:
        rows = self.rows
        if rows.open[row] and not rows.failing[row]:
            return IDLE
        took = self._ask(row, ORDER)
        if rows.outcome[row] == ON and rows.failing[row]:
            rows.outcome[row] = REFUSED
        return took

    def _issue(self, _now: int, row: int) -> int:
        took = self._ask(row, FINALIZE, CERTIFICATE, ORDER)
        return took + self._finalize() if self.rows.outcome[row] == ON else took

    def _delete(self, _now: int, row: int) -> int:
        self.rows.outcome[row] = ON
        return self._write * self.rows.challenges[row]

    def _created(self, now: int, row: int) -> None:
        rows, names = self.rows, self._names(row)
        rows.first[row] = self._challenges.rows.count
        rows.challenges[row] = rows.open[row] = len(names)
        for name in names:
            self._challenges.create(row, name, now)

    def _issued(self, now: int, row: int) -> None:
        self.rows.issued[row] = now
        if self._limits.any:
            self._limits.issued(self._names(row), self.rows.renewal[row], now)
        self._over(now, row, True)

    def _fail(self, now: int, row: int) -> None:
        self.rows.phase[row] = OVER
        self.rows.failed[row] = now
        self._over(now, row, False)

    def discard(self, now: int, row: int) -> None:
        """Delete its challenges."""
        first = self.rows.first[row]
        for challenge in range(first, first + self.rows.challenges[row]):
            self._challenges.delete(challenge, now)
