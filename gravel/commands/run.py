"""`gravel run -- COMMAND`: a server for as long as a command runs."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import attrs
import click

from gravel.configuration import configured
from gravel.settings import Settings

if TYPE_CHECKING:
    from gravel.running import Running
    from gravel.trust import Place

EPILOG = """\
\b
Examples:
  gravel run -- pytest tests/integration
  gravel run -- sh -c 'lego --server $ACME_DIRECTORY --http --http.port 127.0.0.1:$ACME_HTTP01_PORT \\
      --accept-tos --email you@example.test --domains www.example.test run'
\b
The command finds in its environment:
  ACME_DIRECTORY, LEGO_SERVER        the URL of the directory
  ACME_HTTP01_PORT                   the port that http-01 validation dials
  ACME_TLS_ALPN_PORT                 the port that tls-alpn-01 validation dials
  ACME_DNS                           HOST:PORT of the DNS server
  ACME_MANAGEMENT                    the URL of the management API
  ACME_MANAGEMENT_TOKEN              the token that it wants, beyond loopback
  ACME_TLS_CA, ACME_ISSUING_ROOTS    files: the server's CA; the CA of what it issues
  LEGO_CA_CERTIFICATES               the server's CA, for lego
  NODE_EXTRA_CA_CERTS                the same, for Node.js
  SSL_CERT_FILE, REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE
                                     the server's CA and this machine's own roots
\b
Its exit status is returned; 127 when there is no such command, 126 when it
cannot be executed, 128 and the number of the signal that ended it."""


@click.command(epilog=EPILOG, context_settings={"allow_interspersed_args": False})
@configured("run")
@click.argument("command_line", nargs=-1, required=True, metavar="-- COMMAND...", type=click.UNPROCESSED)
def command(settings: Settings, command_line: tuple[str, ...]) -> int:
    """Start what `gravel serve` starts, on free ports, run COMMAND against it, say what was issued and refused.

    The summary goes to stderr, with --json as one object on its last line.
    """
    from gravel.event_loop import run

    return run(_run(settings, command_line))


async def _run(settings: Settings, command_line: tuple[str, ...]) -> int:
    from gravel.child_process import passing_signals, run_command
    from gravel.event_loop import quick_imports
    from gravel.free_port import free_port
    from gravel.trust import environment_of

    with quick_imports():
        from gravel.running import Running
    if not (settings.http01_port or settings.http01_listen):
        settings = attrs.evolve(settings, http01_port=free_port())
    if not (settings.tls_alpn_port or settings.tls_alpn_listen):
        settings = attrs.evolve(settings, tls_alpn_port=free_port())
    with passing_signals() as signals:
        async with Running(settings, bridge=False) as running:
            environment = environment_of(_place(running), os.environ)
            started = time.monotonic()
            code = await run_command(command_line, environment, signals)
            _report(running, command_line, code, time.monotonic() - started)
    return code


def _place(running: Running) -> Place:
    from gravel.trust import Place

    addresses, dialled = running.addresses, running.parts.world.settings
    return Place(
        directory=addresses.directory,
        management=addresses.management,
        management_token=running.token,
        dns=addresses.dns,
        http01_port=dialled.http01_port,
        tls_alpn_port=dialled.tls_alpn_port,
        tls_ca=addresses.tls_ca,
        issuing_roots=addresses.issuing_roots,
    )


def _report(running: Running, command_line: tuple[str, ...], code: int, seconds: float) -> None:
    from gravel.run_summary import summarize

    summary = summarize(running.parts.world.journal, command_line, code, seconds)
    if running.settings.json:
        click.echo(json.dumps(summary.to_json(), separators=(",", ":")), err=True)
    else:
        click.echo("\n".join(summary.to_lines()), err=True)
