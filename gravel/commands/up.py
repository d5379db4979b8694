"""`gravel up`: everything in one process; with --apply, its main job too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gravel.configuration import configured
from gravel.settings import Settings

if TYPE_CHECKING:
    from gravel.running import Running
    from issuer_bridge.manifests import Manifest

EPILOG = """\
\b
Examples:
  gravel up --apply examples/
  gravel up --apply examples/ --once --json
  gravel up --acme-port 0 --timing cert-manager
  gravel up --kubeconfig ~/.kube/config --context kind-test"""
INTERRUPTED = 130


@click.command(epilog=EPILOG)
@configured("up")
def command(settings: Settings) -> int:
    """Start the ACME server, DNS, the http-01 responder and the bridge with its API; stop with Ctrl-C or SIGTERM."""
    from gravel.commands.apply import read_manifests
    from gravel.event_loop import run

    if settings.once and not settings.apply:
        raise click.UsageError("--once waits for what --apply names, and there is no --apply.")
    if (settings.context and not settings.kubeconfig) or (settings.kubeconfig and settings.in_cluster):
        raise click.UsageError("--context goes with --kubeconfig, and --in-cluster without either.")
    if settings.on_cluster and (settings.apply or settings.no_controllers):
        raise click.UsageError(
            "--apply and --no-controllers are for the embedded API; on a cluster, use kubectl apply."
        )
    manifests = read_manifests(settings.apply) if settings.apply else []
    return run(_up(settings, manifests))


async def _up(settings: Settings, manifests: Sequence[Manifest]) -> int:
    from gravel.event_loop import quick_imports, stop_signals, unless
    from gravel.output import announce, remind

    with quick_imports():
        from gravel.running import Running
    with stop_signals() as stop:
        async with Running(settings, bridge=True) as running:
            announce(running)
            if manifests:
                code = await unless(stop, _apply(running, manifests))
                if settings.once:
                    return INTERRUPTED if code is None else code
                remind(running)
            await stop.wait()
    return 0


async def _apply(running: Running, manifests: Sequence[Manifest]) -> int:
    """Do what `gravel apply` does, then print what was issued and how it went; return its exit code."""
    from gravel.commands.apply import apply_and_follow
    from gravel.issued import issued
    from gravel.kube_client import KubeClient
    from gravel.output import print_outcome
    from gravel.timeline import timelines
    from issuer_bridge.resources import CERTIFICATE_REQUEST

    settings = running.settings
    assert running.addresses.kubernetes
    assert running.resources
    async with KubeClient(running.addresses.kubernetes, settings.kubernetes_token) as client:
        code = await apply_and_follow(client, manifests, settings.timeout, json=settings.json)
    certificates = issued(running.resources.list(CERTIFICATE_REQUEST))
    print_outcome(certificates, timelines(running.parts.world.journal), json=settings.json)
    return code
