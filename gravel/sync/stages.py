"""Applies the manifests of one stage, and waits until all that it applied is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from gravel.applying import apply_manifests
from gravel.client_command import resource_name
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import Kind, Resource

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

WELL, WAITING, FAILED = "well", "waiting", "failed"


@attrs.frozen
class Health:
    """How an object is: WELL, WAITING or FAILED, and why."""

    state: str
    why: str = ""


Judge: TypeAlias = Callable[[Kind, Resource | None], Health]
Tell: TypeAlias = Callable[[str, str, str], None]
"""Hears the stage, the object and what became of it."""


async def apply_stage(client: KubeClient, title: str, manifests: Sequence[Manifest], tell: Tell) -> bool:
    """Apply all of them; False when the API refused one."""
    refused = False
    async for item in apply_manifests(client, manifests):
        tell(title, resource_name(item.kind, item.name), item.error or item.action)
        refused = refused or bool(item.error)
    return not refused


async def wait_until_well(
    client: KubeClient, title: str, manifests: Sequence[Manifest], judge: Judge, poll: float, tell: Tell
) -> bool:
    """Look until all objects are well, telling of each change; False as soon as one has failed."""
    told: dict[str, str] = {}
    while True:
        states = []
        for manifest in manifests:
            metadata = manifest.resource["metadata"]
            name = resource_name(manifest.kind, metadata["name"])
            live = await client.get(manifest.kind, metadata.get("namespace", ""), metadata["name"])
            health = judge(manifest.kind, live)
            text = f"{health.state}: {health.why}" if health.why else health.state
            if health.state != WELL and told.get(name) != text:
                told[name] = text
                tell(title, name, text)
            states.append(health.state)
        if FAILED in states:
            return False
        if all(state == WELL for state in states):
            return True
        await asyncio.sleep(poll)
