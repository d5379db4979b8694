"""`gravel chaos`: begins and ends experiments in a running gravel."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Any

import click

from gravel.chaos.experiments import EXPERIMENTS
from gravel.client_command import json_option
from gravel.configuration import kubernetes_credential, management_url
from gravel.option_types import ORIGIN, TOKEN
from gravel.settings import FIELDS

EPILOG = """\
\b
Examples:
  gravel chaos --list
  gravel chaos signer-unavailable --for 5m
  gravel chaos revoked-ca --target default/my-ca
  gravel chaos deleted-secrets --end

Targets are globs: the CA is `acme` or an issuer, NAMESPACE/NAME or the NAME of a ClusterIssuer; Secrets are NAMESPACE/NAME."""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--for", "duration", metavar="DURATION", help="How long, such as 90s or 5m (default: until --end).")
@click.option("--target", metavar="GLOB", help="Which CA, or which Secrets (default: all).")
@click.option("--end", is_flag=True, help="End NAME, or without it all experiments.")
@click.option("--list", "listing", is_flag=True, help="List the experiments, and which go on.")
@click.option("--world", metavar="ID", default="default", help="Another world than the default one.")
@click.option("--management", "url", metavar="URL", type=ORIGIN, help=FIELDS["management"].metadata["help"])
@click.option("--management-token", "token", metavar="TOKEN", type=TOKEN, help="What the API wants beyond loopback.")
@json_option
def command(
    name: str | None,
    duration: str | None,
    target: str | None,
    *,
    end: bool,
    listing: bool,
    world: str,
    url: str | None,
    token: str | None,
    json: bool,
) -> None:
    """Break something on purpose, by name, in a running `gravel up` or `gravel serve`."""
    if listing == bool(name or end) or (not name and (duration or target)) or (end and (duration or target)):
        raise click.UsageError(f"name one experiment, or give --end or --list; there are {', '.join(EXPERIMENTS)}")
    from gravel.fixture.management_client import ManagementError
    from gravel.tls_ca import trusting_client

    path = f"/worlds/{world}/chaos"
    management = management_url(url, os.environ)
    try:
        with closing(
            trusting_client(management, kubernetes_credential("management_token", token, os.environ))
        ) as client:
            if end:
                client.delete(f"{path}/{name}" if name else path)
                return
            asked = {"name": name, "for": duration, "target": target}
            given = {key: value for key, value in asked.items() if value is not None}
            _show(client.get(path)["experiments"] if listing else [client.post(path, given)], json=json)
    except ManagementError as error:
        raise click.ClickException(str(error)) from None


def _show(experiments: list[dict[str, Any]], *, json: bool) -> None:
    from gravel.output import console, print_json
    from gravel.printing import print_table

    if json:
        for one in experiments:
            print_json(one)
        return
    rows = [(one["name"], _state(one), str(one["hits"]), one["what"]) for one in experiments]
    print_table(console(), ("EXPERIMENT", "ON", "FELT", "WHAT"), rows)


def _state(one: dict[str, Any]) -> str:
    return (f"until {one['until']}" if one["until"] else "yes") if one["on"] else "-"
