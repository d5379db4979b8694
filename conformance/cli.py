"""`python -m conformance`: holds an ACME server to RFC 8555 and reports, check by check."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import click
from rich.console import Console
from rich.progress import Progress

from conformance.cli_options import FILE, pem, report, url, write
from conformance.html_page import html_page
from conformance.keys import unb64url
from conformance.options import Options
from conformance.report import exit_status, table, to_json, to_junit
from conformance.runner import Verdict, run
from conformance.session import Session
from conformance.table import chosen

PORT = click.IntRange(1, 65535)


def _eab(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, str] | None:
    del context, option
    if text is None:
        return None
    kid, colon, key = text.partition(":")
    try:
        unb64url(key.rstrip("="))
    except ValueError:
        key = ""
    if not (kid and colon and key):
        raise click.BadParameter("an external account is KID:KEY, the key in base64url.")
    return kid, key.rstrip("=")


def _host_port(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, int] | None:
    del context, option
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.BadParameter(f"{text!r} is no HOST:PORT.")
    return host.strip("[]"), int(port)


def options_of(given: Mapping[str, Any]) -> Options:
    """Return a run's options from the command line's parameters."""
    own = {name: given[name] for name in attrs.fields_dict(Options)}
    return Options(**{**own, "chall_mgmt": own["chall_mgmt"] and own["chall_mgmt"].rstrip("/")})


@click.command()
@click.option(
    "--directory", envvar="ACME_DIRECTORY", callback=url, required=True, help="URL of the server's directory."
)
@click.option(
    "--ca-cert",
    envvar=["ACME_CA_CERT", "ACME_TLS_CA"],
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=pem,
    help="PEM file that the server's certificate is checked against (default: the system's CAs).",
)
@click.option(
    "--chall-mgmt",
    envvar=["ACME_CHALL_MGMT", "ACME_MANAGEMENT"],
    callback=url,
    help="Where challtestsrv's API is: challenges are then answered over it, where no own responder is told.",
)
@click.option(
    "--http01-port",
    envvar="ACME_HTTP01_PORT",
    type=PORT,
    help="Port of 127.0.0.1 where we answer http-01 (default: 5002 when no other way is told).",
)
@click.option(
    "--tls-alpn-port",
    envvar="ACME_TLS_ALPN_PORT",
    type=PORT,
    help="Port of 127.0.0.1 where we answer tls-alpn-01 (default: nowhere).",
)
@click.option(
    "--dns",
    callback=_host_port,
    metavar="HOST:PORT",
    help="Where our own DNS answers dns-01, and 127.0.0.1 for all names below --domain, to servers that ask it.",
)
@click.option(
    "--destructive/--no-destructive",
    default=None,
    help="Run the checks that deactivate, revoke, change keys, fail validations or send what is huge "
    "(default: only where the directory is on loopback).",
)
@click.option(
    "--eab", envvar="ACME_EAB", callback=_eab, metavar="KID:KEY", help="External account, its MAC key in base64url."
)
@click.option("--domain", default="conformance.test", show_default=True, help="What the ordered names are below.")
@click.option(
    "--section",
    help="Only the checks of a section and of those below it (7.3 has 7.3.1 in it), or of another RFC ('RFC 9773').",
)
@click.option("--rate", type=click.FloatRange(min=0.01), help="Requests a second at most (default: no limit).")
@click.option("--time-limit", type=click.FloatRange(min=1), default=110.0, show_default=True, help="Seconds for all.")
@click.option("--json", "json_file", type=FILE, callback=report, help="Write the report as JSON, with every exchange.")
@click.option("--junit", "junit_file", type=FILE, callback=report, help="Write the report as JUnit XML.")
@click.option("--html", "html_file", type=FILE, callback=report, help="Write the report as one HTML page.")
def main(
    section: str | None, json_file: Path | None, junit_file: Path | None, html_file: Path | None, **options: Any
) -> None:
    """Hold an ACME server to RFC 8555, over the wire alone.

    Against a server that is not on loopback, checks that do harm are left out unless --destructive asks for them.

    Exit status: 0, 1 when a MUST fails, 3 when nothing could be looked at or the suite itself failed.
    """
    checks = chosen(section)
    if not checks:
        raise click.UsageError(
            f"no check is of section {section!r}; there are such of 6.1 to 11.1, and of RFC 8737, 8738, 8659 and 9773."
        )
    console = Console()
    verdicts: list[Verdict] = []
    session = Session(options_of(options))
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            verdicts.extend(progress.track(run(checks, session), len(checks), description="checking"))
    finally:
        session.close()
    console.print(table(verdicts))
    write(json_file, json.dumps(to_json(options["directory"], verdicts), indent=1) + "\n")
    write(junit_file, to_junit(options["directory"], verdicts))
    write(html_file, html_page(options["directory"], verdicts))
    raise click.exceptions.Exit(exit_status(verdicts))
