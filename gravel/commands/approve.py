"""`gravel approve`: lets CertificateRequests be issued."""

from __future__ import annotations

import click

from gravel.client_command import json_option, namespace_option, url_option

EPILOG = """\
\b
Examples:
  gravel approve one-name
  gravel approve -n shop one-name two-names --message "seen by Ada"

A running `gravel up` approves by itself, unless it was started with --no-approver."""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="NAME...", required=True)
@namespace_option
@click.option("--reason", default="ManuallyApproved", show_default=True, help="One word, for programs.")
@click.option("--message", default="approved with gravel approve", show_default=True, help="A sentence, for people.")
@json_option
@url_option
def command(names: tuple[str, ...], namespace: str | None, reason: str, message: str, *, json: bool, url: str) -> None:
    """Approve CertificateRequests."""
    from gravel.approval import Decision
    from gravel.deciding import decide

    decide(url, namespace, names, Decision("Approved", reason, message), json=json)
