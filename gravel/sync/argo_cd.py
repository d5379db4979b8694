"""Sync waves as Argo CD has them: the order of phases, waves and kinds, and when an object of cert-manager's is healthy.

Facts from gitops-engine (`pkg/sync/sync_context.go`, `sync_tasks.go`) and Argo CD (`resource_customizations/cert-manager.io`):
a wave waits until all of the one before it is healthy, a degraded object ends the sync, and of the last wave nobody waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from gravel.sync.stages import FAILED, WAITING, WELL, Health, Tell, apply_stage, wait_until_well
from issuer_bridge.conditions import READY, condition
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import CERTIFICATE, CLUSTER_ISSUER, ISSUER, POD, Kind, Resource

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

WAVE, HOOK = "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/hook"
PHASES: Mapping[str, int] = {"PreSync": -1, "Sync": 0, "PostSync": 1}
SKIP = "Skip"
# Of a wave, these come first and in this order; all other kinds come after them.
KINDS = (
    "Namespace",
    "ServiceAccount",
    "Secret",
    "ConfigMap",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "Service",
    "Pod",
    "Ingress",
)


def waves(manifests: Sequence[Manifest]) -> list[tuple[str, list[Manifest]]]:
    """Return the title and the manifests of each wave, in order."""
    kept = [manifest for manifest in manifests if _annotation(manifest, HOOK) != SKIP]
    kept.sort(key=lambda manifest: (_step(manifest), _place(manifest), manifest.resource["metadata"]["name"]))
    return [(_title(step), list(found)) for step, found in groupby(kept, key=_step)]


def _step(manifest: Manifest) -> tuple[int, int]:
    try:
        wave = int(_annotation(manifest, WAVE) or "0")
    except ValueError:
        wave = 0  # as upstream
    return PHASES.get(_annotation(manifest, HOOK) or "Sync", 0), wave


def _title(step: tuple[int, int]) -> str:
    phase = next(name for name, number in PHASES.items() if number == step[0])
    return f"wave {step[1]}" if phase == "Sync" else f"{phase} wave {step[1]}"


def _place(manifest: Manifest) -> int:
    kind = manifest.kind.kind
    return KINDS.index(kind) if kind in KINDS else len(KINDS)


def _annotation(manifest: Manifest, name: str) -> str:
    return str((manifest.resource["metadata"].get("annotations") or {}).get(name) or "")


def health(kind: Kind, resource: Resource | None) -> Health:
    """Return what Argo CD finds; kinds without a rule are well when they are there."""
    if resource is None:
        return Health(WAITING, "it is not there")
    rule = _RULES.get(kind)
    return rule(resource) if rule else Health(WELL)


def _certificate(resource: Resource) -> Health:
    issuing = condition(resource, "Issuing")
    if issuing.get("status") == "True":
        return Health(WAITING, issuing.get("message", ""))
    return _by_ready(resource, "Waiting for certificate")


def _by_ready(resource: Resource, otherwise: str) -> Health:
    ready = condition(resource, READY)
    state = {"True": WELL, "False": FAILED}.get(ready.get("status", ""))
    return Health(state, ready.get("message", "")) if state else Health(WAITING, otherwise)


def _pod(resource: Resource) -> Health:
    phase = (resource.get("status") or {}).get("phase") or "Pending"
    if phase == "Running":
        ready = condition(resource, READY).get("status") == "True"
        return Health(WELL) if ready else Health(WAITING, "it is not ready")
    return Health({"Succeeded": WELL, "Failed": FAILED}.get(phase, WAITING), phase)


_RULES: Mapping[Kind, Callable[[Resource], Health]] = {
    CERTIFICATE: _certificate,
    ISSUER: lambda issuer: _by_ready(issuer, "Initializing issuer"),
    CLUSTER_ISSUER: lambda issuer: _by_ready(issuer, "Initializing issuer"),
    POD: _pod,
}


async def sync(client: KubeClient, manifests: Sequence[Manifest], delay: float, poll: float, tell: Tell) -> bool:
    """Apply wave after wave; delay: seconds between two of them. False when one has failed."""
    steps = waves(manifests)
    for number, (title, wave) in enumerate(steps, start=1):
        if not await apply_stage(client, title, wave, tell):
            return False
        if number < len(steps):
            await asyncio.sleep(delay)
            if not await wait_until_well(client, title, wave, health, poll, tell):
                return False
    return True
