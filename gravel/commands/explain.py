"""`gravel explain NAME`: what happened to it, what it waits for, since when, who must act and what to try."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gravel.client_command import json_option
from gravel.configuration import kubernetes_credential, management_url
from gravel.option_types import ORIGIN, TOKEN
from gravel.settings import FIELDS

EPILOG = """\
\b
Examples:
  gravel explain www.example.test
  gravel explain https://127.0.0.1:14000/order/4yTQb9mDUAMbGsi8D5fDKQ
  gravel explain challenge/4yTQb9mDUAMbGsi8D5fDKQ/0
  gravel explain certificaterequest/default/one-name
\b
NAME is a DNS name or address, an ACME URL, order/ID, authorization/ID, challenge/AUTHORIZATION/PLACE, account/ID,
certificate/SERIAL, or of a bridge KIND/NAMESPACE/NAME: a certificate, certificaterequest, order, challenge or issuer.
Exit status: 0 when it is healthy or only waiting, 1 when it is stuck or failed, 2 when that cannot be said."""


_WORLD_OF_URL = re.compile(r"https?://[^/]+/w/([A-Za-z0-9_-]{1,64})/")


class _Mute(click.ClickException):
    """Nothing can be said of the name."""

    exit_code = 2


@click.command(epilog=EPILOG)
@click.argument("name")
@click.option("--world", metavar="ID", help="The world that it is in [the default one].")
@json_option
@click.option(
    "--ca", "file", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="The file that tls_ca names."
)
@click.option("--management", "url", metavar="URL", type=ORIGIN, help=FIELDS["management"].metadata["help"])
@click.option(
    "--management-token", "token", metavar="TOKEN", type=TOKEN, help="What the management API wants beyond loopback."
)
def command(name: str, world: str | None, json: bool, file: str | None, url: str | None, token: str | None) -> int:
    """Say why NAME is stuck, or that it is not: asked of a running gravel."""
    from gravel.explaining.output import print_explanation
    from gravel.output import console, print_json

    if world is None and (found := _WORLD_OF_URL.match(name)):
        world = found[1]
    place = f"/worlds/{quote(world, safe='')}" if world else ""
    told = _ask(f"{place}/explain/{quote(name, safe='')}", file, url, token)
    if json:
        print_json(told)
    else:
        print_explanation(console(), told)
    return 0 if told["verdict"] in ("healthy", "waiting") else 1


def _ask(path: str, file: str | None, url: str | None, token: str | None) -> Any:
    """Ask the server that is named, the one of `gravel run` around us, or the one that has its port here."""
    from gravel.fixture.management_client import ManagementClient, ManagementError
    from gravel.tls_ca import fetch_tls_ca

    around = None if url else os.environ.get("ACME_MANAGEMENT")
    management = around or management_url(url, os.environ)
    named = file or (around and os.environ.get("ACME_TLS_CA"))
    try:
        pem = Path(named).read_text(encoding="ascii") if named else fetch_tls_ca(management)
        shown = kubernetes_credential(
            "management_token", token or (around and os.environ.get("ACME_MANAGEMENT_TOKEN")), os.environ
        )
        client = ManagementClient(management, ssl.create_default_context(cadata=pem), shown)
    except (OSError, ssl.SSLError, click.ClickException) as error:
        raise _Mute(error.format_message() if isinstance(error, click.ClickException) else str(error)) from None
    try:
        return client.get(path)
    except ManagementError as error:
        raise _Mute(str(error)) from None
    finally:
        client.close()
