"""What `up` and `serve` print: a banner or a line of JSON, then tables or more lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from gravel.version import __version__

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from gravel.issued import Issued
    from gravel.running import Running
    from gravel.timeline import Timeline


def announce(running: Running) -> None:
    """Say that everything is ready, and where."""
    if running.settings.json:
        print_json(running.addresses.to_json())
    else:
        click.echo("\n".join(_banner(running)))
    if running.exposed:
        warning = f"Warning: {running.settings.host} can be reached from other machines; gravel is for testing only."
        click.echo(f"{warning}\nThe management API wants the header Authorization: Bearer {running.token}", err=True)


def remind(running: Running) -> None:
    """Say, after what `--apply` printed, that all of it is still there."""
    if not running.settings.json:
        click.echo(f"\nStill up at {running.addresses.directory}; stop it with Ctrl-C.")


def print_json(document: Any) -> None:
    """Print one line for programs."""
    click.echo(json.dumps(document, separators=(",", ":")))


def console() -> Console:
    """Return a console for stdout: colour only on a terminal."""
    from rich.console import Console

    return Console(highlight=False)


def print_outcome(certificates: Sequence[Issued], timelines: Sequence[Timeline], *, json: bool) -> None:
    """Print what was issued, and what happened to each challenge and when."""
    if json:
        events: tuple[Issued | Timeline, ...] = (*certificates, *timelines)
        for event in events:
            print_json(event.to_json())
        return
    if certificates:
        _print_issued(certificates)
    if timelines:
        _print_timelines(timelines)


def _print_issued(certificates: Sequence[Issued]) -> None:
    from gravel.printing import print_table

    click.echo("\nIssued certificates")
    heading = ("REQUEST", "NAMES", "SERIAL", "ISSUER", "NOT AFTER")
    rows = [(one.request, ", ".join(one.names), one.serial, one.issuer, one.not_after) for one in certificates]
    print_table(console(), heading, rows)


def _print_timelines(timelines: Sequence[Timeline]) -> None:
    from gravel.printing import print_table
    from gravel.timeline import STEPS

    zero, steps = min(timeline.started for timeline in timelines), tuple(STEPS.values())

    def cell(moment: datetime | None, step: str) -> str:
        return (f"{(moment - zero).total_seconds():.3f}" if moment else "-").rjust(len(step))

    click.echo("\nChallenges, in seconds since the first was queued")
    rows = [(each.title, *(cell(each.at(step), step) for step in steps)) for each in timelines]
    print_table(console(), ("CHALLENGE", *map(str.upper, steps)), rows)
    for each in timelines:
        for reason in each.failures:
            console().out(f"{each.title}: {reason}", style="red", highlight=False)


def _banner(running: Running) -> Iterable[str]:
    addresses = running.addresses
    seeded = "" if addresses.seed is None else f", with seed {addresses.seed}"
    yield click.style(f"gravel {__version__} is up{seeded}: for testing, never for production", bold=True)
    yield ""
    rows = (
        ("ACME directory", addresses.directory),
        ("management API" if running.settings.no_page else "management API, page", addresses.management),
        ("DNS, UDP and TCP", addresses.dns),
        ("http-01 responder", addresses.http01 and f"http://{addresses.http01}"),
        ("the same over HTTPS", addresses.https01 and f"https://{addresses.https01}"),
        ("tls-alpn-01 responder", addresses.tls_alpn),
        ("Kubernetes-style API", addresses.kubernetes),
        ("metrics of the bridge", addresses.metrics),
        ("CA of this server", addresses.tls_ca),
        ("CA of what it issues", addresses.issuing_roots),
    )
    yield from (f"  {label:22}{value}" for label, value in rows if value)
    yield ""
    yield f"Try it with curl --cacert {addresses.tls_ca} {addresses.directory}"
    yield "Stop it with Ctrl-C"
