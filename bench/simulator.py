"""Say how fast a fleet is simulated, beside a bare heap of as many events and the same model in SimPy.

Each line is a process of its own: certificates for one name, all at once, defaults. Seconds are CPU time. An
event is a sync, a pass, a start, a moment that comes again; the bare loop pushes and pops one for each. SimPy has
the same queue, workers and ticks, and must come to the same end.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Generator
from heapq import heappop, heappush
from typing import Any

import click
import simpy

from scheduler.simulator.delays import Delay
from scheduler.simulator.fleet import simulate
from scheduler.simulator.fleet_syncs import SETTLE
from scheduler.simulator.scenario import DAY, SECOND, Cluster, Renewals, Scenario, Solver

IN_FLIGHT = 60
SCENARIOS = {
    "HTTP-01": Solver(),
    "DNS-01": Solver(type="DNS-01", propagation=Delay("uniform", 0, 30 * SECOND)),
    "renewals": Solver(),
}


def scenario_of(name: str, certificates: int) -> Scenario:
    if name == "renewals":
        # Each is issued, and renewed once.
        return Scenario(certificates, renewals=Renewals(), until=61 * DAY)
    return Scenario(certificates, solver=SCENARIOS[name])


def bare(events: int) -> float:
    """Return the seconds of a loop that does nothing but take the next event and put another at some other moment."""
    dice = random.Random(0)
    waits = [dice.randrange(60 * SECOND) for _ in range(1024)]
    heap = sorted((wait, sequence, 0) for sequence, wait in enumerate(waits[:IN_FLIGHT]))
    start = time.process_time()
    for sequence in range(IN_FLIGHT, events):
        now, _, event = heappop(heap)
        heappush(heap, (now + waits[sequence & 1023], sequence, event))
    return time.process_time() - start


class InSimPy:
    """The order and the challenge controller of an HTTP-01 burst, as SimPy would have it."""

    def __init__(self, certificates: int, cluster: Cluster) -> None:
        self.env, self.cluster = simpy.Environment(), cluster
        self.orders, self.challenges = simpy.Store(self.env), simpy.Store(self.env)
        self.waiting, self.slots, self.left = list(range(certificates)), 0, certificates
        self.done = self.env.event()
        self.next = 0
        for number in range(certificates):
            self.orders.put((number, 0))
        for _ in range(cluster.workers):
            self.env.process(self.order_worker())
            self.env.process(self.challenge_worker())
        self.env.process(self.scheduler())

    def scheduler(self) -> Generator[Any, Any, None]:
        """Pass half a second after what happens, as SimPy knows no last of a moment."""
        while self.next < len(self.waiting):
            yield self.env.timeout(0.5 if self.env.now == 0 else 1)
            for _ in range(
                min(self.cluster.starts_per_tick, self.cluster.cap - self.slots, len(self.waiting) - self.next)
            ):
                self.challenges.put((self.waiting[self.next], 0))
                self.next += 1
                self.slots += 1

    def challenge_worker(self) -> Generator[Any, Any, None]:
        """Take the steps finalizer, state, self-check with its verdict, clean-up, release."""
        while True:
            number, step = yield self.challenges.get()
            if step == 2:
                yield self.env.timeout(SETTLE["HTTP-01"] // SECOND)
                yield self.env.timeout(1)
                self.orders.put((number, 3))
            if step < 4:
                self.challenges.put((number, step + 1))
            else:
                self.slots -= 1

    def order_worker(self) -> Generator[Any, Any, None]:
        """Take the steps newOrder, authorizations, challenge; state, certificate, deletion."""
        while True:
            number, step = yield self.orders.get()
            if step == 5:
                self.left -= 1
                if not self.left:
                    self.done.succeed()
            elif step != 2:
                self.orders.put((number, step + 1))

    def run(self) -> float:
        """Return the moment at which all are issued."""
        self.env.run(self.done)
        return self.env.now


def measure(name: str, certificates: int) -> dict[str, float]:
    start = time.process_time()
    run = simulate(scenario_of(name, certificates))
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "events": run.events,
        "seconds": seconds,
        "makespan": run.makespan / SECOND,
        "peak": peak,
        "bare": bare(run.events),
    }


def measure_simpy(certificates: int) -> dict[str, float]:
    start = time.process_time()
    makespan = InSimPy(certificates, Cluster()).run()
    return {"seconds": time.process_time() - start, "makespan": makespan}


def apart(name: str, certificates: int) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "bench.simulator", "--one", name, "--certificates", str(certificates)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


@click.command(help=__doc__)
@click.option("--certificates", multiple=True, type=int, default=(10_000, 100_000, 1_000_000), show_default=True)
@click.option("--one", hidden=True)
def main(certificates: tuple[int, ...], one: str | None) -> None:
    if one:
        click.echo(json.dumps(measure_simpy(*certificates) if one == "simpy" else measure(one, *certificates)))
        return
    for name in SCENARIOS:
        for number in certificates:
            told = apart(name, number)
            click.echo(
                f"{name:9} {number:>9}: {told['events']:>10.0f} events in {told['seconds']:6.2f} s,"
                f" {told['events'] / told['seconds'] / 1000:5.0f} k/s, {told['seconds'] / told['bare']:4.1f} x a bare heap,"
                f" {told['peak']:5.0f} MB at most"
            )
    ours, theirs = apart("HTTP-01", certificates[0]), apart("simpy", certificates[0])
    click.echo(
        f"SimPy     {certificates[0]:>9}: {theirs['seconds']:.2f} s, {theirs['seconds'] / ours['seconds']:.1f} x ours;"
        f" ends after {theirs['makespan']:.1f} s, ours after {ours['makespan']:.1f} s"
    )


if __name__ == "__main__":
    main()
