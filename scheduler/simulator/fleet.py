"""A fleet of certificates in virtual time: cert-manager's controllers over integers.

One heap of (moment, sequence, event) drives the scheduler's pass, the workers of
challenges and orders, and the certificates that come, fail and are renewed. No
asyncio and no object for a challenge; the rules are those of `scheduler.engine`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from hashlib import sha256
from heapq import heappop
from random import Random

import attrs

from scheduler.simulator.fleet_authority import CALLS, Limits, Requests
from scheduler.simulator.fleet_challenges import Challenges
from scheduler.simulator.fleet_moves import DONE, QUEUED
from scheduler.simulator.fleet_orders import OVER, Orders
from scheduler.simulator.fleet_pass import Slots
from scheduler.simulator.fleet_population import populate
from scheduler.simulator.fleet_queue import AGAIN, KINDS, Agenda, Controller
from scheduler.simulator.fleet_rows import ChallengeRows, IssuanceRows
from scheduler.simulator.fleet_syncs import Syncs
from scheduler.simulator.run import NEVER, Run
from scheduler.simulator.scenario import DAY, Arrival, Scenario

ARRIVAL, RETRY, RENEWAL, RESTART, PASS, START, CHALLENGE, CHALLENGE_AGAIN, ORDER, ORDER_AGAIN = range(10)
"""Kinds of events."""
STREAMS = ("population", "births", "events")
"""Of random numbers."""
LASTING = (ARRIVAL, RETRY, RENEWAL, RESTART)
"""Those that a restart of the controller does not lose."""

LAST_ATTEMPT = 1000
"""A run without `until` gives a certificate up after so many failures in a row."""
OFTEN = 2000
"""After so many events the run looks whether it leads anywhere, and tells how far it is."""


class Fleet:
    """The controllers of one run, wired together."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        # Streams of their own, so that two policies are compared on the same certificates and challenges.
        population, births, dice = (Random(f"{scenario.seed} {stream}") for stream in STREAMS)  # noqa: S311 - no secret
        self.agenda = Agenda()
        self.population = populate(scenario, population)
        self.rows, self.issuances = ChallengeRows(), IssuanceRows()
        self.requests = Requests(scenario.authority, self.issuances, dice)
        ari = scenario.renewals is not None and scenario.renewals.ari
        self.limits = Limits(scenario.authority.limits, self.population.domains, ari)
        self.challenges = Challenges(scenario, self.rows, self.population.stuck, births, self._decided)
        syncs = Syncs(scenario, self.rows, self.requests, dice)
        self.orders = Orders(
            scenario, self.issuances, self.requests, self.limits, self.population, self.challenges, dice, self._over
        )
        workers, names = scenario.cluster.workers, len(self.population.domains)
        self.slots = Slots(self.agenda, self.rows, scenario.cluster, names, (PASS, START), self.challenges.start)
        self.challenge_queue = Controller(
            self.agenda, (CHALLENGE, CHALLENGE_AGAIN), workers, syncs.begin, self.challenges.finish
        )
        self.order_queue = Controller(self.agenda, (ORDER, ORDER_AGAIN), workers, self.orders.begin, self.orders.finish)
        self.challenges.queue, self.challenges.slots = self.challenge_queue, self.slots
        self.orders.queue = self.order_queue
        self._dice = dice
        self._verdict_at = 0
        self._first_issued = 0
        self._given = scenario.arrivals.law is Arrival.GIVEN and bool(scenario.names.given)
        self.handlers: tuple[Callable[[int, int], None], ...] = (
            self._arrive, self._again, self._renew, self._restart, self.slots.run, self.challenges.start,
            self.challenge_queue.end, self.challenge_queue.fire, self.order_queue.end, self.order_queue.fire,
        )  # fmt: skip
        if scenario.certificates:
            self.agenda.put(self.population.moments[self.population.order[0]], ARRIVAL)
        for moment in scenario.cluster.restarts:
            self.agenda.put(moment, RESTART)

    def run(self, progress: Callable[[float], None] | None) -> int:
        """Let everything happen; return how many events there were."""
        heap, handlers = self.agenda.heap, self.handlers
        challenges, orders = self.challenge_queue, self.order_queue
        waiting, ordered = challenges.fifo, orders.fifo
        until, often = self.scenario.until, OFTEN
        events = 0
        while heap and (until is None or heap[0][0] <= until):
            now, turn, event = heappop(heap)
            handlers[event % KINDS](now, event // KINDS)
            events += 1
            if turn < AGAIN and heap and heap[0][0] == now and heap[0][1] < AGAIN:
                continue  # what ends in one moment ends before anybody takes up something new
            while (waiting and challenges.idle) or (ordered and orders.idle):
                challenges.work(now)
                orders.work(now)
            if events > often:
                often = events + OFTEN
                if until is None and (self._hopeless() or self._barren(now)):
                    break
                if progress:
                    progress(self._share(now))
        return events + challenges.syncs + orders.syncs

    def _share(self, now: int) -> float:
        if self.scenario.until:
            return min(1.0, now / self.scenario.until)
        return self._first_issued / self.scenario.certificates

    def _arrive(self, now: int, place: int) -> None:
        order, moments = self.population.order, self.population.moments
        while place < len(order) and moments[order[place]] == now:
            if self._given:
                self.orders.create_waiting(order[place], now)
            else:
                self.orders.create(order[place], 0, 0, now)
            place += 1
        if place < len(order):
            self.agenda.put(moments[order[place]], place * KINDS + ARRIVAL)

    def _decided(self, now: int, challenge: int, state: int) -> None:
        self._verdict_at = now
        self.orders.decided(now, self.rows.issuance[challenge], state, self.rows.name[challenge])

    def _over(self, now: int, issuance: int, issued: bool) -> None:
        cluster, renewals = self.scenario.cluster, self.scenario.renewals
        if not issued:
            attempt = self.issuances.attempt[issuance]
            wait = min(cluster.first_retry << attempt, cluster.longest_retry)
            if self.scenario.until is not None or attempt < LAST_ATTEMPT:
                self.agenda.put(now + wait, issuance * KINDS + RETRY)
            return
        self._first_issued += not self.issuances.renewal[issuance]
        if renewals:
            due = now + renewals.lifetime - renewals.before
            if renewals.ari:
                # As Boulder suggests it: 2 % of the lifetime.
                window = renewals.lifetime // 100
                due += self._dice.randint(-window, window)
            self.agenda.put(max(due, now), issuance * KINDS + RENEWAL)

    def _again(self, now: int, issuance: int) -> None:
        rows = self.issuances
        self.orders.discard(now, issuance)
        self.orders.create(rows.certificate[issuance], rows.attempt[issuance] + 1, rows.renewal[issuance], now)

    def _renew(self, now: int, issuance: int) -> None:
        self.orders.create(self.issuances.certificate[issuance], 0, 1, now)

    def _restart(self, now: int, _: int) -> None:
        unstarted = []
        for due, _sequence, event in self.agenda.keep(*LASTING):
            kind, subject = event % KINDS, event // KINDS
            if kind == START:
                unstarted.append(subject)
            elif kind == CHALLENGE:
                self.rows.lose(subject, now, due)
        self.slots.restart(now, unstarted)
        stage, phase = self.rows.stage, self.issuances.phase
        alive = (row for row in range(self.rows.count) if stage[row] not in (QUEUED, DONE))
        self.challenge_queue.restart(now, alive)
        self.order_queue.restart(now, (row for row in range(self.issuances.count) if phase[row] != OVER))

    def _barren(self, now: int) -> bool:
        """Whether nothing has been decided for longer than it can take: a patience shorter than the propagation has no end."""
        waited = now - self._verdict_at
        if waited <= DAY or any(event % KINDS in LASTING for _, _, event in self.agenda.heap):
            return False
        return waited > DAY + 2 * max(self.rows.unseen, default=0)

    def _hopeless(self) -> bool:
        """Whether only challenges that nobody will ever see are left to be tried."""
        passing, stuck, stage = False, self.rows.stuck, self.rows.stage
        for _, _, event in self.agenda.heap:
            kind, subject = event % KINDS, event // KINDS
            passing |= kind in (PASS, START)
            if kind != PASS and not (kind in (START, CHALLENGE, CHALLENGE_AGAIN) and stuck[subject]):
                return False
        if any(not stuck[row] and stage[row] not in (QUEUED, DONE) for row in self.challenge_queue.fifo):
            return False
        return not passing or all(stuck[row] or stage[row] != QUEUED for row in range(self.rows.count))

    def close(self) -> None:
        """Take in that the run ends with syncs under way."""
        until = self.scenario.until
        if until is not None:
            for due, _, event in self.agenda.heap:
                if event % KINDS == CHALLENGE:
                    self.rows.lose(event // KINDS, until, due)
            self.challenge_queue.occupation.change(until, 0)


def check(scenario: Scenario) -> None:
    """Raise ValueError when there can be no run, or none that ends."""
    solver, authority, cluster = scenario.solver, scenario.authority, scenario.cluster
    for name in ("cap", "workers", "starts_per_tick", "tick", "retry_period"):
        if getattr(cluster, name) < 1:
            raise ValueError(f"{name} is {getattr(cluster, name)}; it must be at least 1")
    shares = (solver.present_fails, solver.check_fails, authority.errors, authority.invalid)
    if scenario.until is None and (scenario.renewals or max(shares) >= 1):
        raise ValueError("with renewals, or when everything fails, a run has no end; set until")


def simulate(scenario: Scenario, progress: Callable[[float], None] | None = None) -> Run:
    """Return what becomes of a scenario; `progress` is told now and then the share that is done, from 0 to 1.

    ValueError when the scenario contradicts itself.
    """
    check(scenario)
    fleet = Fleet(scenario)
    events = fleet.run(progress)
    fleet.close()
    issuances, challenges = fleet.issuances.columns(), fleet.rows.columns()
    columns: list[array[int]] = [
        *attrs.astuple(issuances, recurse=False),
        *attrs.astuple(challenges, recurse=False),
        *attrs.astuple(fleet.rows.yielded, recurse=False),
    ]
    digest = sha256()
    for column in columns:
        digest.update(column.tobytes())
    last = (
        issuances.created,
        issuances.issued,
        issuances.failed,
        challenges.started,
        challenges.decided,
        challenges.released,
        fleet.rows.yielded.yielded,
        fleet.rows.yielded.taken,
    )
    makespan = max((max(column) for column in last if column), default=0)
    spent = fleet.issuances.spent
    wasted = sum(spent[row] for row, issued in enumerate(issuances.issued) if issued == NEVER)
    occupation = fleet.challenge_queue.occupation
    return Run(
        scenario=scenario,
        issuances=issuances,
        challenges=challenges,
        yields=fleet.rows.yielded,
        makespan=makespan,
        events=events,
        calls=dict(zip(CALLS, fleet.requests.calls, strict=True)),
        wasted=wasted,
        limits=fleet.limits.refused,
        busy=tuple(occupation.by_number),
        busy_over_time=occupation.over_time[: -(-occupation.until // occupation.width)],
        busy_bin=occupation.width,
        digest=digest.hexdigest(),
    )
