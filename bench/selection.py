"""What a pass of the scheduler costs: the pure rule, and the queue that is kept in order between passes.

In each queue names are random, or shared by 50 challenges each. Beside both
stands `sorted()` of the same keys in the same run, and the ratio to it; what is
measured is the best of three. A pass of the kept queue is steady: twenty start
who had been waiting, and twenty that ran end.
"""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.table import Table

from scheduler.challenge import Challenge, Stage
from scheduler.selection import age, select
from scheduler.selector import Selector

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT, CAP = 20, 60
QUEUES = {"random": 10.0, "shared": 0.02}
"""Names a challenge."""


def queue(size: int, names: int) -> list[Challenge]:
    dice = random.Random(size)
    return [
        Challenge(f"n/c{number}", f"n{dice.randrange(names)}.test", "HTTP-01", START + timedelta(seconds=dice.random()))
        for number in range(size)
    ]


def best(run: Callable[[], object], times: int = 3) -> float:
    """Return the seconds of the fastest run."""
    took = []
    for _ in range(times):
        gc.collect()
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return min(took)


def filled(challenges: list[Challenge]) -> Selector:
    selector = Selector(CAP)
    for challenge in challenges:
        selector.note(None, challenge)
    return selector


def steady(selector: Selector, passes: int) -> None:
    """Let twenty start and twenty end, so many times."""
    running: list[Challenge] = []
    for _ in range(passes):
        ended, running = running, []
        for challenge in ended:
            selector.note(challenge, attrs.evolve(challenge, stage=Stage.DONE, state="valid"))
        while len(running) < LIMIT and (challenge := selector.first()) is not None:
            started = attrs.evolve(challenge, stage=Stage.STARTING)
            selector.note(challenge, started)
            running.append(started)


def measured(size: int, kind: str) -> dict[str, Any]:
    """Return milliseconds: of a pass, and of filling the kept queue."""
    challenges = queue(size, max(1, int(size * QUEUES[kind])))
    keys = [age(challenge) for challenge in challenges]
    selector, passes = filled(challenges), max(1, min(100, size // LIMIT))
    seconds = {
        "sorted": best(lambda: sorted(keys)),
        "pure": best(lambda: select(challenges, LIMIT, CAP)),
        "filling": best(lambda: filled(challenges), 1),
        "kept": best(lambda: steady(selector, passes), 1) / passes,
    }
    return {"size": size, "queue": kind, **{name: round(1000 * value, 4) for name, value in seconds.items()}}


@click.command(help=__doc__)
@click.option("--sizes", default="1000,10000,100000,1000000", show_default=True, help="How many challenges wait.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write what was measured here.")
def main(sizes: str, json_file: Path | None) -> None:
    table = Table(caption=f"milliseconds a pass of {LIMIT}, and how many times sorted() of the keys")
    for column in ("waiting", "names", "sorted", "pure", "ratio", "kept", "ratio", "fill"):
        table.add_column(column, justify="left" if column == "names" else "right")
    rows = [measured(int(size), kind) for size in sizes.split(",") for kind in QUEUES]
    for row in rows:
        base, pure, kept = row["sorted"], row["pure"], row["kept"]
        shares = (f"{pure:.1f}", f"{pure / base:.2f}", f"{kept:.3f}", f"{kept / base:.5f}", f"{row['filling']:.0f}")
        table.add_row(f"{row['size']:,}", row["queue"], f"{base:.1f}", *shares)
    Console().print(table)
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
