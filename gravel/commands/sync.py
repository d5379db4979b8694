"""`gravel sync`: applies manifests to a running house in the order in which Argo CD or Flux would."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gravel.client_command import json_option, namespace_option, run_client, url_option
from gravel.commands.apply import read_manifests
from gravel.option_types import SECONDS, WAIT

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

EPILOG = """\
\b
Examples:
  gravel sync examples/waves
  gravel sync clusters/staging --as flux

argo-cd: what has a lower argocd.argoproj.io/sync-wave comes first, and must be healthy before the next wave.
flux: each Kustomization in the folder, its path taken from there, waits until those in its dependsOn are Ready.
Exit code: 0 when all was applied in order; 1 when something has failed, was refused, or the time is up."""


@click.command(epilog=EPILOG)
@click.argument("path", metavar="PATH")
@click.option("--as", "tool", type=click.Choice(("argo-cd", "flux")), default="argo-cd", show_default=True)
@namespace_option
@click.option(
    "--timeout", type=SECONDS, default=300, show_default=True, metavar="SECONDS", help="How long to wait in all."
)
@click.option(
    "--poll", type=SECONDS, default=1, show_default=True, metavar="SECONDS", help="How long between two looks."
)
@click.option(
    "--wave-delay", type=WAIT, default=2, show_default=True, metavar="SECONDS", help="Between two waves of Argo CD."
)
@json_option
@url_option
def command(
    path: str,
    tool: str,
    namespace: str | None,
    timeout: float,
    poll: float,
    wave_delay: float,
    *,
    json: bool,
    url: str,
) -> None:
    """Apply the manifests at PATH in stages, each when the one before it is healthy."""
    from gravel.sync import argo_cd, flux

    def tell(stage: str, name: str, text: str) -> None:
        from gravel.output import print_json

        if json:
            print_json({"event": "synced", "stage": stage, "resource": name, "text": text})
        else:
            click.echo(f"{stage}: {name} {text}")

    async def synced(client: KubeClient) -> bool:
        if tool == "flux":
            return await flux.sync(client, kustomizations, poll, tell)
        return await argo_cd.sync(client, manifests, wave_delay, poll, tell)

    async def work(client: KubeClient) -> int:
        try:
            return 0 if await asyncio.wait_for(synced(client), timeout) else 1
        except TimeoutError:
            click.echo(f"gave up after {timeout:g} s", err=True)
            return 1

    try:
        if tool == "flux":
            found = flux.kustomizations_in(Path(path))
            kustomizations = {
                key: (one, read_manifests([str(one.folder)], one.spec.get("targetNamespace") or namespace))
                for key, one in found.items()
            }
        else:
            manifests = read_manifests([path], namespace)
        run_client(url, work)
    except flux.FluxError as error:
        raise click.ClickException(str(error)) from None
