"""Compare gravel with Debian's pebble, side by side: rate, latency, and CPU per certificate.

Both servers run in turn, afresh, on loopback, in every round; which goes first
alternates. Absolute figures depend on the machine and on what else it does;
the ratios of one round against the same round are what to trust.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.load import CHALLENGES
from bench.servers import SERVERS, CannotStart, check_installed

HEADER = """\
[bold]gravel and pebble[/bold], {challenge}: {rounds} rounds of {certificates} certificates, {concurrency} at a time.
Gated: the client never sends a newOrder while an authorization is being read, to either server, because pebble
deadlocks when they overlap and then answers nothing for good. This flatters pebble; gravel needs no gate.
pebble runs without its sleeps and bad nonces (PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0). It signs with RSA-2048
and validates each challenge three times (with always-valid not at all), gravel signs with P-256 and validates once: this
compares the servers as they are. gravel's CPU includes its DNS; pebble's DNS is another process, shown apart."""


def cpu_with_dns(run: dict[str, Any]) -> float:
    """Return CPU ms per certificate, of the server and of its DNS where that is another process."""
    return sum(run[name]["cpu_ms_per_certificate"] for name in ("server", "dns") if name in run)


Metric = tuple[str, Callable[[dict[str, Any]], float], str]
METRICS: tuple[Metric, ...] = (
    ("certificates/s", lambda run: run["certificates_per_s"], ".0f"),
    ("latency p50 ms", lambda run: run["latency_ms"]["p50"], ".1f"),
    ("latency p99 ms", lambda run: run["latency_ms"]["p99"], ".1f"),
    ("CPU ms per certificate", lambda run: run["server"]["cpu_ms_per_certificate"], ".2f"),
    ("  with its DNS process", cpu_with_dns, ".2f"),
    ("requests per certificate", lambda run: run["requests_per_certificate"], ".2f"),
    ("memory at most, MB", lambda run: run["server"]["peak_mb"], ".0f"),
    ("client's CPU ms", lambda run: run["client_cpu_ms_per_certificate"], ".2f"),
    ("calibration, ns per turn", lambda run: statistics.fmean(run["calibration_ns"]), ".0f"),
)


def measure(server: str, challenge: str, certificates: int, concurrency: int, *, polls: bool) -> dict[str, Any]:
    """Start one server, load it from a process of its own, and return the load client's report."""
    valid = challenge == "always-valid"
    with tempfile.TemporaryDirectory() as folder, SERVERS[server](Path(folder), always_valid=valid) as running:
        command = [sys.executable, str(Path(__file__).with_name("load.py")), "--gate", "--challenge", challenge]
        command += ["--directory", running.directory, "--ca", str(running.ca)]
        command += ["--certificates", str(certificates), "--concurrency", str(concurrency)]
        command += ["--http01-port", str(running.http01_port), "--server-pid", str(running.pid)]
        command += ["--dns-pid", str(running.dns_pid)] if running.dns_pid else []
        command += ["--management", running.management] if challenge == "dns-01" else []
        command += ["--polls"] if polls else []
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout:
        raise CannotStart(f"the load on {server} failed: {done.stderr.strip()[-1000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    if done.returncode:
        why = report["wedged_at"] and f"no answer to {report['wedged_at']}"
        raise CannotStart(f"{server} issued {report['certificates']} of {certificates}: {why or report['errors']}")
    return report


def spread(values: Sequence[float], shape: str) -> str:
    """Return min / median / max."""
    return " / ".join(format(value, shape) for value in (min(values), statistics.median(values), max(values)))


def ratios(runs: dict[str, list[dict[str, Any]]], value: Callable[[dict[str, Any]], float]) -> dict[str, Any]:
    """Return gravel / pebble: of the medians, and round by round."""
    ours, theirs = ([value(run) for run in runs[name]] for name in ("gravel", "pebble"))
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {"of_medians": statistics.median(ours) / statistics.median(theirs), "pairwise": pairs}


def table_of(runs: dict[str, list[dict[str, Any]]]) -> Table:
    """Lay the rounds out: min / median / max of each server, and gravel / pebble."""
    table = Table(caption="min / median / max over the rounds; the ratio is of the medians, then round by round")
    for column in ("", "gravel", "pebble", "gravel / pebble"):
        table.add_column(column, justify="right" if column else "left")
    for name, value, shape in METRICS:
        found = ratios(runs, value)
        cells = [spread([value(run) for run in runs[server]], shape) for server in ("gravel", "pebble")]
        table.add_row(name, *cells, f"{found['of_medians']:.2f} ({spread(found['pairwise'], '.2f')})")
    return table


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True)
@click.option("--certificates", default=400, show_default=True, help="For each server in each round.")
@click.option("--concurrency", default=10, show_default=True)
@click.option("--challenge", type=click.Choice(CHALLENGES), default="http-01", show_default=True)
@click.option(
    "--polls", is_flag=True, help="As many requests to both: gravel is asked again for what is final already."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write every round's report here.")
def main(rounds: int, certificates: int, concurrency: int, challenge: str, polls: bool, json_file: Path | None) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in SERVERS}
    try:
        check_installed()
        console.print(
            HEADER.format(challenge=challenge, rounds=rounds, certificates=certificates, concurrency=concurrency),
            soft_wrap=True,
        )
        for number in track(range(rounds), "measuring", console=console, transient=True):
            for name in sorted(SERVERS, reverse=bool(number % 2)):
                runs[name].append(measure(name, challenge, certificates, concurrency, polls=polls))
    except CannotStart as error:
        raise click.ClickException(str(error)) from None
    console.print(table_of(runs))
    if json_file:
        summary = {name.strip(): ratios(runs, value) for name, value, _ in METRICS}
        json_file.write_text(json.dumps({"ratios": summary, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
