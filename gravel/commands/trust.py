"""`gravel trust`: the line that makes a client trust a running server."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gravel.client_trust import LINES, nearest_client, trust_line
from gravel.configuration import management_url
from gravel.option_types import ORIGIN
from gravel.settings import FIELDS

EPILOG = f"""\
\b
Examples:
  eval "$(gravel trust --for lego)"
  gravel trust --for system
  gravel trust --for cert-manager --ca tls_ca.pem

Clients: {", ".join(LINES)}.

Without --ca it is the CA that a running server shows over its management API; it is kept in the user's cache,
and its fingerprint is told on stderr. Inside `gravel run` it is that of the server there."""


@click.command(epilog=EPILOG)
@click.option("--for", "client", metavar="CLIENT", required=True, help="The client, or `system` for the whole system.")
@click.option(
    "--ca", "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="The file that tls_ca names."
)
@click.option("--management", "url", metavar="URL", type=ORIGIN, help=FIELDS["management"].metadata["help"])
def command(client: str, file: str | None, url: str | None) -> int:
    """Print the line that makes CLIENT trust a running server: for a shell, a command line or a configuration file."""
    if client not in LINES:
        near = nearest_client(client)
        hint = f"did you mean {near!r}?" if near else f"known are {', '.join(LINES)}."
        raise click.UsageError(f"There is no client {client!r} here; {hint}")
    click.echo(trust_line(client, _ca(file, url)))
    return 0


def _ca(file: str | None, url: str | None) -> Path:
    """Return the CA's file: the one that is named, that of `gravel run` around us, or what a running server shows."""
    named = file or (None if url else os.environ.get("ACME_TLS_CA"))
    if named:
        return Path(named).absolute()
    from gravel.tls_ca import fetch_tls_ca, fingerprint, keep

    management = management_url(url, os.environ)
    pem = fetch_tls_ca(management)
    click.echo(f"CA of {management}, SHA-256 {fingerprint(pem)}", err=True)
    return keep(pem)
