"""Show that a server never wedges: short runs, afresh each, in which nothing keeps requests from overlapping.

Debian's pebble stops answering for good when a newOrder meets the reading of an
authorization, from four clients on; the other benches gate it. Exit 1 when a run wedged or failed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.progress import track

from bench import load
from bench.servers import SERVERS

CONCURRENCIES = (10, 20, 40, 60)


def attempt(server: str, concurrency: int, certificates: int, timeout: float) -> dict[str, Any]:
    """Load a fresh server that finds every challenge met; return the load client's report."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SERVERS[server](Path(folder), always_valid=True) as running,
        asyncio.Runner(loop_factory=load.new_event_loop) as runner,
    ):
        what = load.Load(
            directory=running.directory,
            ca=str(running.ca),
            challenge="always-valid",
            certificates=certificates,
            warmup=0,
            concurrency=concurrency,
            gate=False,
            polls=True,
            http01_port=running.http01_port,
            management=None,
            server_pid=None,
            dns_pid=None,
            timeout=timeout,
        )
        return runner.run(load.run(what))


@click.command(help=__doc__)
@click.option("--server", type=click.Choice(sorted(SERVERS)), default="gravel", show_default=True)
@click.option(
    "--runs", default=100, show_default=True, help=f"At {', '.join(map(str, CONCURRENCIES))} at a time, in turn."
)
@click.option("--certificates", default=200, show_default=True, help="In each run.")
@click.option(
    "--timeout", default=30.0, show_default=True, help="Seconds without an answer, after which it has wedged."
)
def main(server: str, runs: int, certificates: int, timeout: float) -> None:
    ended: Counter[str] = Counter()
    for number in track(range(runs), f"loading {server}"):
        concurrency = CONCURRENCIES[number % len(CONCURRENCIES)]
        report = attempt(server, concurrency, certificates, timeout)
        if report["wedged_at"]:
            ended["wedged"] += 1
            click.echo(f"{concurrency} at a time: wedged after {report['certificates']}, at {report['wedged_at']}")
        elif report["errors"]:
            ended["failed"] += 1
            click.echo(f"{concurrency} at a time: {report['errors']}")
        else:
            ended["whole"] += 1
    click.echo(
        f"{server}: {runs} runs of {certificates} certificates: " + ", ".join(f"{n} {how}" for how, n in ended.items())
    )
    raise SystemExit(ended["whole"] < runs)


if __name__ == "__main__":
    main()
