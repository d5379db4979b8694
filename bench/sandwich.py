"""Hold the scheduler's order to its bounds, on random queues of jobs that take one unit of time each.

First come, first served, one of a name at a time: with N jobs, c slots and n(k)
jobs of the name k, a run takes at least max(N/c, max n(k)), which is what the
best order takes, and at most max over k of (N - n(k))/c + n(k), each rounded
up. So it is never worse than 2 - 1/c times the best.
"""

from __future__ import annotations

import random
import secrets
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click
from rich.progress import track

from scheduler.challenge import Challenge
from scheduler.engine import Engine
from scheduler.events import Accepted, Added, CheckPassed, CleanedUp, Decided, Presented
from scheduler.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)


def makespan(names: Sequence[int], cap: int) -> int:
    """Return how many units the engine takes for jobs with these names, the oldest first."""
    engine = Engine(Settings(max_concurrent=cap))
    for number, name in enumerate(names):
        created = START + timedelta(seconds=number)
        engine.handle(Added(Challenge(f"n/c{number}", f"{name}.test", "HTTP-01", created)), START)
    units = 0
    while running := [each.key for each in engine.challenges if each.processing]:
        units += 1
        for key in running:
            end = (Presented(key), CheckPassed(key), Accepted(key), Decided(key, "valid", ""), CleanedUp(key))
            for event in end:
                engine.handle(event, START)
    return units


def bounds(names: Sequence[int], cap: int) -> tuple[int, int]:
    """Return the least and the most units that such a run may take."""
    of_a_name, total = Counter(names), len(names)
    least = max(-(-total // cap), *of_a_name.values())
    return least, max(-(-(total - count) // cap) + count for count in of_a_name.values())


def draw(dice: random.Random) -> tuple[list[int], int]:
    """Return the names of some jobs, and a cap."""
    total = dice.randint(1, 30)
    kinds = dice.randint(1, total)
    return [dice.randrange(kinds) for _ in range(total)], dice.randint(1, 8)


@click.command(help=__doc__)
@click.option("--cases", default=20_000, show_default=True)
@click.option("--seed", type=int, help="Draw the same cases again (default: a new one, which is printed).")
def main(cases: int, seed: int | None) -> None:
    seed = secrets.randbelow(1 << 32) if seed is None else seed
    dice, worst = random.Random(seed), 1.0
    for _ in track(range(cases), f"seed {seed}"):
        names, cap = draw(dice)
        least, most = bounds(names, cap)
        took = makespan(names, cap)
        if not least <= took <= most or took * cap > (2 * cap - 1) * least:
            sys.exit(f"seed {seed}: {took} units, not {least} to {most}, for {cap} slots and {names}")
        worst = max(worst, took / least)
    click.echo(f"seed {seed}: {cases} cases within their bounds; the worst took {worst:.2f} times the best order")


if __name__ == "__main__":
    main()
