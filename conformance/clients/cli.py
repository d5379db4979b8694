"""`python -m conformance.clients`: drives the ACME clients of this machine against a server, and reports."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from rich.console import Console

from conformance.clients.matrix import Cell, Told, cells
from conformance.clients.report import exit_status, failures, html_page, short, table, to_json, to_junit, to_markdown
from conformance.clients.table import RECIPES

FILE = click.Path(dir_okay=False, path_type=Path)
THERE = click.Path(exists=True, dir_okay=False, path_type=Path)
PORT = click.IntRange(1, 65535)


def _url(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    del context, option
    if text is not None and not text.startswith(("http://", "https://")):
        raise click.BadParameter(f"{text!r} is no http or https URL.")
    return text and text.rstrip("/")


def _only(context: click.Context, option: click.Parameter, text: str | None) -> list[str]:
    del context, option
    names = list(RECIPES) if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in RECIPES:
            near = get_close_matches(name, RECIPES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(RECIPES)}."
            raise click.BadParameter(f"no client is called {name!r}; {hint}")
    return names


def _roots(context: click.Context, option: click.Parameter, path: Path | None) -> list[x509.Certificate]:
    del context, option
    try:
        return x509.load_pem_x509_certificates(path.read_bytes()) if path else []
    except ValueError:
        raise click.BadParameter(f"{path} holds no certificates in PEM.") from None


def _trust(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    _roots(context, option, path)
    return path


def _reach(told: Told) -> None:
    """Say at once that there is no server, not once a client."""
    try:
        trust = ssl.create_default_context(cafile=told.ca_cert)
        urllib.request.urlopen(told.directory, timeout=10, context=trust).close()  # noqa: S310 - http or https
    except (urllib.error.URLError, OSError) as error:
        print(f"{told.directory} does not answer: {getattr(error, 'reason', error)}", file=sys.stderr)  # noqa: T201
        raise click.exceptions.Exit(3) from None


def _write(path: Path | None, text: str) -> None:
    try:
        if path is not None:
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.FileError(str(path), error.strerror or "") from None


@click.command()
@click.option("--directory", envvar="ACME_DIRECTORY", callback=_url, required=True, help="URL of the directory.")
@click.option(
    "--ca-cert",
    envvar=["ACME_CA_CERT", "ACME_TLS_CA"],
    type=THERE,
    callback=_trust,
    help="PEM file that clients trust.",
)
@click.option(
    "--roots", envvar="ACME_ISSUING_ROOTS", type=THERE, callback=_roots, help="PEM file: what chains must end at."
)
@click.option(
    "--chall-mgmt", envvar=["ACME_CHALL_MGMT", "ACME_MANAGEMENT"], callback=_url, help="challtestsrv's API, for dns-01."
)
@click.option(
    "--dns", envvar="ACME_DNS", metavar="HOST:PORT", help="Resolver of clients that look at dns-01 themselves."
)
@click.option("--http01-port", envvar="ACME_HTTP01_PORT", type=PORT, default=5002, show_default=True)
@click.option(
    "--tls-alpn-port", "tls_alpn_port", envvar="ACME_TLS_ALPN_PORT", type=PORT, default=5001, show_default=True
)
@click.option("--domain", default="conformance.test", show_default=True, help="What the ordered names are below.")
@click.option("--only", callback=_only, metavar="CLIENT,...", help="These clients alone.")
@click.option("--python", default=sys.executable, help="Interpreter that has acme, gufo-acme, aioacme (default: this).")
@click.option(
    "--node-modules", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Where acme-client is."
)
@click.option(
    "--time-limit", "limit", type=click.FloatRange(min=0.1), default=60.0, show_default=True, help="Seconds a command."
)
@click.option("--json", "json_file", type=FILE, help="Write the report as JSON.")
@click.option("--junit", "junit_file", type=FILE, help="Write the report as JUnit XML.")
@click.option("--html", "html_file", type=FILE, help="Write the report as one HTML page.")
@click.option("--markdown", "markdown_file", type=FILE, help="Write the report as Markdown.")
def main(
    only: list[str],
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    markdown_file: Path | None,
    **options: Any,
) -> None:
    """Drive the ACME clients of this machine against a server: each challenge, issue, renew and revoke.

    Exit status: 0, 1 when a client fails, 3 when none could be tried.
    """
    told = Told(**options)
    _reach(told)
    console, progress = Console(), Console(stderr=True)
    found: list[Cell] = []
    for cell in cells([RECIPES[name] for name in only], told):
        found.append(cell)
        if cell.command:
            progress.print(f"{cell.client}, {cell.challenge}, {cell.act}: {short(cell)}", style="dim", highlight=False)
    console.print(table(found))
    for text in failures(found):
        console.print(f"\n{text}", markup=False, highlight=False)
    _write(json_file, json.dumps(to_json(told.directory, found), indent=1) + "\n")
    _write(junit_file, to_junit(told.directory, found))
    _write(html_file, html_page(told.directory, found))
    _write(markdown_file, to_markdown({told.directory: found}))
    raise click.exceptions.Exit(exit_status(found))
