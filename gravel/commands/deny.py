"""`gravel deny`: has CertificateRequests refused, for good."""

from __future__ import annotations

import click

from gravel.client_command import json_option, namespace_option, url_option

EPILOG = """\
\b
Examples:
  gravel deny one-name --reason WrongName --message "not our domain"

A denied request is final: it is never issued, and cannot be approved later."""


@click.command(epilog=EPILOG)
@click.argument("names", nargs=-1, metavar="NAME...", required=True)
@namespace_option
@click.option("--reason", default="ManuallyDenied", show_default=True, help="One word, for programs.")
@click.option("--message", default="denied with gravel deny", show_default=True, help="A sentence, for people.")
@json_option
@url_option
def command(names: tuple[str, ...], namespace: str | None, reason: str, message: str, *, json: bool, url: str) -> None:
    """Deny CertificateRequests."""
    from gravel.approval import Decision
    from gravel.deciding import decide

    decide(url, namespace, names, Decision("Denied", reason, message), json=json)
