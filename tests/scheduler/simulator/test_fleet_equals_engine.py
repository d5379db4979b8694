"""The fleet is the engine over integers: the same outcomes lead to the same moments.

The engine runs under the virtual driver; its world takes what each challenge
meets (when it can be seen, how long its verdict takes, which it is) from the
fleet's rows, so both are told the same and neither is told what to do.
"""

from datetime import timedelta
from functools import partial

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from acme_server.protocol.vantage import pause
from scheduler.challenge import Challenge, Stage
from scheduler.events import (
    Accept,
    AcceptPostponed,
    CheckFailed,
    Decided,
    FetchState,
    Present,
    PresentFailed,
    SelfCheck,
    SyncFailed,
    WaitAuthorization,
)
from scheduler.policies import Policy
from scheduler.runner import Scheduler
from scheduler.settings import Settings
from scheduler.simulator.delays import Delay, fixed
from scheduler.simulator.fleet import CHALLENGE, Fleet
from scheduler.simulator.fleet_syncs import SETTLE
from scheduler.simulator.loop import VirtualDriver
from scheduler.simulator.network import VirtualNetwork
from scheduler.simulator.run import NEVER, STATES
from scheduler.simulator.scenario import (
    MINUTE,
    SECOND,
    Arrival,
    Arrivals,
    Authority,
    Cluster,
    Names,
    Scenario,
    Solver,
)
from scheduler.versions import version
from tests.scheduler.scripted_world import START, SUCCESS


def ms(number):
    return timedelta(milliseconds=number)


class World:
    """What the fleet's rows say, performed for an engine."""

    def __init__(self, scenario, fleet):
        self.scenario, self.rows, self.issued = scenario, fleet.rows, fleet.issuances.issued
        rows = fleet.rows
        self.row_of = {f"c{row}": row for row in range(rows.count)}
        self.driver = VirtualDriver(START, VirtualNetwork())
        self.verdict = {}
        self.columns = {what: [0 if what in COUNTS else NEVER] * rows.count for what in COLUMNS}
        self.scheduler = Scheduler(self.driver, self.perform, self.record, self.changed, self.settings())
        for row in range(rows.count):
            self.driver.later(ms(rows.created[row]), lambda row=row: self.scheduler.add(self.challenge(row)))

    def settings(self):
        cluster = self.scenario.cluster
        return Settings(
            max_concurrent=cluster.cap,
            workers=cluster.workers,
            starts_per_tick=cluster.starts_per_tick,
            tick=ms(cluster.tick),
            retry_period=ms(cluster.retry_period),
            version=version(cluster.version),
            policy=Policy(patience=cluster.patience),
        )

    def challenge(self, row):
        name, kind = f"n{self.rows.name[row]:03}.test", self.scenario.solver.type
        return Challenge(f"c{row}", name, kind, START + ms(self.rows.created[row]))

    def perform(self, effect):
        solver, authority, row = self.scenario.solver, self.scenario.authority, self.row_of[effect.key]
        latency = ms(authority.latency.a)
        match effect:
            case FetchState():
                yield from pause(latency)
                if authority.errors:
                    return SyncFailed(effect.key, "503")
            case Present():
                yield from pause(ms(solver.present.a))
                if solver.present_fails:
                    return PresentFailed(effect.key, "no route")
            case SelfCheck():
                return (yield from self.check(effect.key, row, solver))
            case Accept():
                yield from pause(latency)
            case WaitAuthorization():
                return (yield from self.wait(effect.key, row, latency))
        return SUCCESS[type(effect)](effect.key)

    def check(self, key, row, solver):
        shown, now = self.scheduler.get(key).presented_at, self.driver.now()
        if solver.wait_instead is not None:
            remaining = shown + ms(solver.wait_instead) - now
            if remaining > timedelta(0):
                return AcceptPostponed(key, f"Waiting {remaining}", remaining)
        elif self.rows.stuck[row] or now < shown + ms(self.rows.unseen[row]):
            yield from pause(ms(solver.check.a))
            return CheckFailed(key, "not yet")
        else:
            yield from pause(ms(SETTLE[solver.type] if solver.settle is None else solver.settle))
        return SUCCESS[SelfCheck](key)

    def wait(self, key, row, latency):
        rules, now = version(self.scenario.cluster.version), self.driver.now()
        verdict = self.verdict.setdefault(key, now + ms(self.rows.validation[row]))
        wait = max(verdict - now, timedelta(0))
        longest = rules.authorization_wait
        if longest is not None and wait > longest:
            yield from pause(longest + latency)
            return Decided(key, "errored", "late") if rules.network_errors_final else SyncFailed(key, "late")
        yield from pause(wait + latency)
        return Decided(key, "invalid" if self.rows.refused[row] else "valid", "")

    def record(self, facts):
        for fact in facts:
            row = self.row_of[fact.subject["challenge"]]
            match fact.kind:
                case "ChallengeScheduled" if self.columns["started"][row] == NEVER:
                    self.note("started", row)
                case "ChallengePresented":
                    self.note("presented", row)
                case "ChallengeDecided":
                    self.note("decided", row)
                    self.columns["state"][row] = STATES.index(fact.data["state"])
                    if self.issued[row] != NEVER:
                        # The order controller deletes the challenges of a valid order; orders are not the engine's.
                        wait = START + ms(self.issued[row]) - self.driver.now()
                        self.driver.later(wait, partial(self.scheduler.remove, f"c{row}"))
                case "SelfCheckPassed" | "SelfCheckFailed" if self.scenario.solver.wait_instead is None:
                    self.columns["checks"][row] += 1

    def changed(self, challenge):
        row = self.row_of[challenge.key]
        if challenge.presented_at is None:
            self.columns["presented"][row] = NEVER
        if challenge.stage is Stage.DONE and self.columns["released"][row] == NEVER:
            self.note("released", row)

    def note(self, what, row):
        self.columns[what][row] = (self.driver.now() - START) // ms(1)


COUNTS = ("state", "checks")
COLUMNS = ("started", "presented", "decided", "released", *COUNTS)


def ran(scenario):
    """Return a fleet that has run, and whether chance had a part.

    It has where two syncs that began apart end in one moment, or one ends when an order deletes its challenge.
    """
    fleet, held, began = Fleet(scenario), {}, {}
    end = fleet.handlers[CHALLENGE]

    def noting(now, row):
        began.setdefault(now, set()).add(now - fleet.rows.held[row] + held.get(row, 0))
        held[row] = fleet.rows.held[row]
        end(now, row)

    fleet.handlers = (*fleet.handlers[:CHALLENGE], noting, *fleet.handlers[CHALLENGE + 1 :])
    fleet.run(None)
    fleet.close()
    apart = any(len(moments) > 1 for moments in began.values())
    return fleet, apart or any(moment in began for moment in fleet.issuances.issued)


def both(scenario):
    """Return what the fleet and the engine made of a scenario, column by column; and whether chance had a part."""
    fleet, chance = ran(scenario)
    world = World(scenario, fleet)
    world.driver.run(START + ms(scenario.until))
    rows = fleet.rows.columns()
    columns = {what: [*getattr(rows, what)] for what in COLUMNS}
    for told in (columns, world.columns):
        # A sync that the end cuts off may have checked or not.
        told["checks"] = [
            checks for checks, decided in zip(told["checks"], told["decided"], strict=True) if decided >= 0
        ]
    return columns, world.columns, chance


def scenario_of(names, solver=None, authority=None, cluster=None, moments=None, seed=0):
    return Scenario(
        len(names),
        seed=seed,
        arrivals=Arrivals(Arrival.GIVEN, moments=tuple(moments or (0,) * len(names))),
        names=Names(given=tuple(names)),
        solver=solver or Solver(),
        authority=authority or Authority(),
        cluster=cluster or Cluster(),
        until=10 * MINUTE,
    )


TWELVE = [f"n{number}.test" for number in range(12)]


@pytest.mark.parametrize(
    "scenario",
    [
        scenario_of(TWELVE),
        scenario_of(TWELVE * 5, Solver(type="DNS-01")),
        scenario_of(["a.test", "*.a.test", "a.test", "b.test"], Solver(type="DNS-01", propagation=fixed(60 * SECOND))),
        scenario_of(TWELVE, Solver(wait_instead=25 * SECOND)),
        scenario_of(TWELVE, Solver(present_fails=1.0)),
        scenario_of(TWELVE, authority=Authority(errors=1.0)),
        scenario_of(TWELVE, authority=Authority(invalid=1.0)),
        scenario_of(TWELVE, Solver(stuck=0.4), cluster=Cluster(cap=3, patience=2)),
        scenario_of(TWELVE, authority=Authority(validation=fixed(130 * SECOND))),
        # Two end in one moment while others wait for their finalizers.
        scenario_of(
            TWELVE,
            Solver(present=fixed(101)),
            cluster=Cluster(cap=4, workers=2, starts_per_tick=2, tick=400, version="1.12"),
        ),
        *(
            scenario_of(TWELVE, authority=Authority(validation=fixed(21 * SECOND)), cluster=Cluster(version=each))
            for each in ("1.12", "1.17.0", "1.18.1", "1.20", "1.21")
        ),
    ],
)
def test_fleet_and_engine_agree_on(scenario):
    fleet, engine, _ = both(scenario)
    assert fleet == engine


seconds = st.integers(0, 40).map(lambda number: number * SECOND)
delays = st.one_of(seconds.map(fixed), seconds.map(lambda a: Delay("exponential", a)))


@st.composite
def scenarios(draw):
    """Small, and whatever a worker does takes a time of its own, so that no order among equals is left to chance."""
    number = draw(st.integers(1, 14))
    names = draw(st.lists(st.sampled_from(["a", "*.a", "b", "c", "d", "e"]), min_size=number, max_size=number))
    moments = [0, *sorted(draw(st.lists(st.integers(0, 60_000), min_size=number - 1, max_size=number - 1)))]
    rules = draw(st.sampled_from(["1.12", "1.17.0", "1.18.1", "1.20", "1.21"]))
    solver = Solver(
        type=draw(st.sampled_from(["HTTP-01", "DNS-01"])),
        present=fixed(draw(st.integers(101, 999))),
        propagation=draw(delays),
        check=fixed(draw(st.integers(11, 2999))),
        settle=draw(st.one_of(st.none(), st.integers(0, 20_000))),
        wait_instead=draw(st.one_of(st.none(), st.integers(0, 30_000))) if rules == "1.21" else None,
        stuck=draw(st.sampled_from([0.0, 0.0, 0.3])),
    )
    authority = Authority(
        latency=fixed(draw(st.integers(0, 300))),
        finalize=fixed(53),
        validation=draw(st.one_of(delays, st.just(Delay("uniform", 0, 300 * SECOND)))),
        invalid=draw(st.sampled_from([0.0, 0.3])),
    )
    cluster = Cluster(
        cap=draw(st.integers(1, 8)),
        workers=draw(st.integers(1, 6)),
        starts_per_tick=draw(st.integers(1, 4)),
        tick=draw(st.integers(400, 3000)),
        retry_period=draw(st.integers(1000, 10_000)),
        version=rules,
        patience=draw(st.sampled_from([None, None, 1, 3])),
    )
    return scenario_of(
        [f"{name}.test" for name in names], solver, authority, cluster, moments, seed=draw(st.integers(0, 9))
    )


@settings(max_examples=60)
@given(scenarios())
def test_fleet_and_engine_agree(scenario):
    fleet, engine, chance = both(scenario)
    assume(not chance)
    assert fleet == engine
