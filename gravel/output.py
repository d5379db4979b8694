"""What `up` and `serve` print: a banner or a line of JSON, then tables or more lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from gravel.version import __version__

if TYPE_CHECKING:
    from rich.console import Console

    from gravel.issued import Issued
    from gravel.running import Running
    from gravel.timeline import Timeline

# Wide enough for a certificate's row and a timeline's, where there is no terminal to ask.
WIDTH = 120


def announce(running: Running) -> None:
    """Say that everything is ready, and where."""
    if running.settings.json:
        print_json(running.addresses.to_json())
    else:
        click.echo("\n".join(_banner(running)))
    if running.exposed:
        warning = f"Warning: {running.settings.host} can be reached from other machines; gravel is for testing only."
        click.echo(f"{warning}\nThe management API wants the header Authorization: Bearer {running.token}", err=True)


def print_json(document: Any) -> None:
    """Print one line for programs."""
    click.echo(json.dumps(document, separators=(",", ":")))


def console() -> Console:
    """Return a console for stdout: colour only on a terminal."""
    from rich.console import Console

    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=WIDTH)


def print_issued(target: Console, certificates: Sequence[Issued]) -> None:
    """Print what was issued as a table."""
    from rich.table import Table

    table = Table(title="Issued certificates", title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading in ("REQUEST", "NAMES", "SERIAL", "ISSUER", "NOT AFTER"):
        table.add_column(heading, overflow="fold")
    for one in certificates:
        table.add_row(one.request, "\n".join(one.names), one.serial, one.issuer, one.not_after)
    target.print(table)


def print_timelines(target: Console, timelines: Sequence[Timeline]) -> None:
    """Print each challenge's steps, in seconds since the first challenge was queued."""
    from rich.table import Table

    from gravel.timeline import STEPS

    zero = min((timeline.started for timeline in timelines), default=None)
    if zero is None:
        return
    title = "Challenges, in seconds since the first was queued"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    table.add_column("CHALLENGE", overflow="fold")
    steps = tuple(STEPS.values())
    for step in steps:
        table.add_column(step.upper(), justify="right")
    for timeline in timelines:
        moments = (timeline.at(step) for step in steps)
        cells = (f"{(moment - zero).total_seconds():.3f}" if moment else "-" for moment in moments)
        table.add_row(timeline.title, *cells)
    target.print(table)
    for timeline in timelines:
        for reason in timeline.failures:
            target.out(f"{timeline.title}: {reason}", style="red", highlight=False)


def _banner(running: Running) -> Iterable[str]:
    addresses = running.addresses
    seeded = "" if addresses.seed is None else f", with seed {addresses.seed}"
    yield click.style(f"gravel {__version__} is up{seeded}: for testing, never for production", bold=True)
    yield ""
    yield f"  ACME directory     {addresses.directory}"
    yield f"  management         {addresses.management}"
    yield f"  DNS                {addresses.dns} (UDP and TCP)"
    if addresses.http01:
        yield f"  http-01 responder  http://{addresses.http01}"
    if addresses.kubernetes:
        yield f"  Kubernetes API     {addresses.kubernetes} (gravel apply, get, describe)"
    yield ""
    yield f"  to speak to it, trust    {addresses.tls_ca}"
    yield f"  to verify what it issues {addresses.issuing_roots}"
    yield ""
    yield f"Try it: curl --cacert {addresses.tls_ca} {addresses.directory}"
    yield "Stop it: Ctrl-C"
