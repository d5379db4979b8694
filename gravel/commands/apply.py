"""`gravel apply`: creates or changes resources of a running house, and follows requests to their end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gravel.client_command import json_option, namespace_option, resource_name, run_client, url_option

if TYPE_CHECKING:
    from gravel.applying import Applied
    from gravel.kube_client import KubeClient
    from issuer_bridge.manifests import Manifest

EPILOG = """\
\b
Examples:
  gravel apply examples/
  gravel apply issuer.yaml request.yaml -n shop --timeout 60
  kustomize build . | gravel apply -

Exit code: 0 when every applied Certificate and CertificateRequest is Ready; 1 when one has
failed or was denied, when the time is up, or when something was refused."""


@click.command(epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="PATH...", required=True)
@namespace_option
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Follow Certificates and CertificateRequests to their end.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to follow.",
)
@json_option
@url_option
def command(paths: tuple[str, ...], namespace: str | None, *, wait: bool, timeout: float, json: bool, url: str) -> None:
    """Apply manifests (files, directories, - for standard input) and follow their Certificates and CertificateRequests."""
    manifests = read_manifests(paths, namespace)
    run_client(url, lambda client: apply_and_follow(client, manifests, timeout if wait else None, json=json))


def read_manifests(paths: Sequence[str], namespace: str | None = None) -> list[Manifest]:
    """Read manifests and give each its namespace; what is wrong is a ClickException."""
    from gravel.applying import NamespaceMismatchError, place
    from issuer_bridge.manifests import ManifestError, read

    try:
        return place(read(paths, sys.stdin.buffer), namespace)
    except (ManifestError, NamespaceMismatchError) as error:
        raise click.ClickException(str(error)) from None


async def apply_and_follow(
    client: KubeClient, manifests: Sequence[Manifest], seconds: float | None, *, json: bool
) -> int:
    """Apply, follow Certificates and CertificateRequests for so long (None: not at all), and return the exit code."""
    applied = await _apply_all(client, manifests, json=json)
    if any(item.error for item in applied):
        return 1
    return 0 if seconds is None else await _follow(client, applied, seconds, json=json)


async def _apply_all(client: KubeClient, manifests: Sequence[Manifest], *, json: bool) -> list[Applied]:
    from gravel.applying import apply_manifests

    applied = []
    async for item in apply_manifests(client, manifests):
        applied.append(item)
        if json:
            _print_json(item)
        elif not item.error:
            click.echo(f"{resource_name(item.kind, item.name)} {item.action}")
        if item.error:
            click.echo(item.error, err=True)
    return applied


def _print_json(item: Applied) -> None:
    from gravel.output import print_json

    event = {
        "event": "applied",
        "resource": resource_name(item.kind, item.name),
        "namespace": item.namespace,
        "action": item.action,
    }
    print_json(event | ({"error": item.error} if item.error else {}))


async def _follow(client: KubeClient, applied: Sequence[Applied], seconds: float, *, json: bool) -> int:
    from gravel.follow import follow
    from gravel.output import console
    from gravel.request_progress import Verdict, describe_wait
    from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST

    certificates, requests = (
        [(item.namespace, item.name) for item in applied if item.kind == kind]
        for kind in (CERTIFICATE, CERTIFICATE_REQUEST)
    )
    if not certificates and not requests:
        return 0
    progress = await follow(client, requests, certificates, timeout=seconds, console=console(), json=json)
    waiting = describe_wait(progress)
    if waiting:
        click.echo(f"gave up after {seconds:g} s: {waiting}", err=True)
    return 0 if all(item.verdict is Verdict.READY for item in progress) else 1
