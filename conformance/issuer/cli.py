"""`python -m conformance.issuer`: holds an external issuer of cert-manager's to its contract, and reports."""

from __future__ import annotations

import json
import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from conformance.cli_options import FILE, pem, report, url, write
from conformance.html_page import html_page
from conformance.issuer.kubeconfig import read_kubeconfig
from conformance.issuer.options import IssuerRef, Options, Target
from conformance.issuer.table import CHECKS
from conformance.issuer.walk import Walk
from conformance.report import exit_status, table, to_json, to_junit
from conformance.runner import run

TITLE = "external issuer"
SECONDS = click.FloatRange(min=0.1)


def _issuer(context: click.Context, option: click.Parameter, text: str) -> IssuerRef:
    del context, option
    try:
        return IssuerRef.read(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def _address(context: click.Context, option: click.Parameter, text: str) -> str:
    del context, option
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def _domain(context: click.Context, option: click.Parameter, text: str) -> str:
    del context, option
    if not re.fullmatch(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*", text):
        raise click.BadParameter(f"{text!r} is no domain in lower-case ASCII.")
    return text


def target_of(
    server: str | None, kubeconfig: Path | None, context: str | None, ca_cert: Path | None, token: str | None
) -> Target:
    """Return the API that the command line names."""
    if server is None:
        if kubeconfig is None:
            raise click.UsageError("name the API: --kubeconfig FILE or --server URL.")
        try:
            return read_kubeconfig(kubeconfig, context)
        except ValueError as error:
            raise click.BadParameter(f"{error}.", param_hint="--kubeconfig") from None
    private = {"Authorization": f"Bearer {token}"} if token else {}
    return Target(server.rstrip("/"), ssl.create_default_context(cafile=ca_cert), private)


@click.command()
@click.option("--kubeconfig", envvar="KUBECONFIG", type=FILE, help="Where the API is, and who we are to it.")
@click.option("--context", help="A context of the kubeconfig (default: the current one).")
@click.option("--server", callback=url, help="URL of the API instead, such as that of `kubectl proxy`.")
@click.option(
    "--ca-cert", type=FILE, callback=pem, help="PEM file that the certificate of --server is checked against."
)
@click.option("--token", envvar="KUBE_TOKEN", help="Bearer token for --server.")
@click.option(
    "--issuer-ref", "issuer", required=True, callback=_issuer, metavar="KIND.GROUP/NAME", help="The issuer to check."
)
@click.option("--namespace", default="default", show_default=True, help="Where requests are made.")
@click.option("--unready-issuer", "unready", metavar="NAME", help="One of the same kind that is not ready.")
@click.option(
    "--domain",
    default="conformance.test",
    show_default=True,
    callback=_domain,
    help="What the requested names are below.",
)
@click.option(
    "--address", default="127.0.0.1", show_default=True, callback=_address, help="The IP address that is requested."
)
@click.option("--patience", type=SECONDS, default=60.0, show_default=True, help="Seconds until a request has its end.")
@click.option("--quiet", type=SECONDS, default=3.0, show_default=True, help="Seconds for which nothing may be touched.")
@click.option("--topic", type=click.Choice(sorted({one.section for one in CHECKS})), help="Only the checks of a topic.")
@click.option("--json", "json_file", type=FILE, callback=report, help="Write the report as JSON, with every version.")
@click.option("--junit", "junit_file", type=FILE, callback=report, help="Write the report as JUnit XML.")
@click.option("--html", "html_file", type=FILE, callback=report, help="Write the report as one HTML page.")
def main(
    server: str | None,
    kubeconfig: Path | None,
    context: str | None,
    ca_cert: Path | None,
    token: str | None,
    topic: str | None,
    json_file: Path | None,
    junit_file: Path | None,
    html_file: Path | None,
    **options: Any,
) -> None:
    """Hold an external issuer of cert-manager's to its contract, through the Kubernetes API alone.

    It makes some twenty CertificateRequests, decides on them, copies the issuer, and removes what it made. Nobody else
    may decide on these requests.

    Exit status: 0, 1 when a MUST fails, 3 when nothing could be looked at or the suite itself failed.
    """
    walk = Walk(Options(target=target_of(server, kubeconfig, context, ca_cert, token), **options))
    checks = [one for one in CHECKS if topic in (None, one.section)]
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            verdicts = list(progress.track(run(checks, walk), len(checks), description="checking"))
    finally:
        walk.close()
    subject = str(walk.options.issuer)
    Console().print(table(verdicts))
    write(json_file, json.dumps(to_json(subject, verdicts, named="issuer"), indent=1) + "\n")
    write(junit_file, to_junit(subject, verdicts, TITLE))
    write(html_file, html_page(subject, verdicts, TITLE))
    raise click.exceptions.Exit(exit_status(verdicts))
