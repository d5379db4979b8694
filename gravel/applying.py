"""Applies manifests as kubectl does: create what is absent, change what differs, forget what was taken out.

What was applied is kept in kubectl's own annotation, so that both tools may
apply the same objects in turn.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import ApiError, Kind, Resource

if TYPE_CHECKING:
    from gravel.kube_client import KubeClient

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@attrs.frozen
class Applied:
    """What became of a manifest: created, configured, unchanged, or refused with an error."""

    kind: Kind
    namespace: str
    name: str
    action: str
    error: str = ""


class NamespaceMismatchError(Exception):
    """A manifest names another namespace than the command line does."""


def place(manifests: Iterable[Manifest], namespace: str | None) -> list[Manifest]:
    """Give every namespaced resource its namespace: its own, else the command line's, else `default`."""
    return [attrs.evolve(manifest, resource=_placed(manifest, namespace)) for manifest in manifests]


def _placed(manifest: Manifest, namespace: str | None) -> Resource:
    resource: Resource = copy_json(manifest.resource)
    resource.pop("status", None)
    metadata = resource["metadata"]
    if not manifest.kind.namespaced:
        metadata.pop("namespace", None)
        return resource
    own = metadata.get("namespace")
    if own and namespace and own != namespace:
        raise NamespaceMismatchError(
            f"{manifest.source} is for the namespace {own!r}, not {namespace!r}; leave -n out, or pass -n {own}"
        )
    metadata["namespace"] = own or namespace or "default"
    return resource


async def apply_manifests(client: KubeClient, manifests: Iterable[Manifest]) -> AsyncIterator[Applied]:
    """Apply placed manifests one by one; what the API refuses is told and does not stop the others."""
    for manifest in manifests:
        metadata = manifest.resource["metadata"]
        kind, namespace, name = manifest.kind, metadata.get("namespace", ""), metadata["name"]
        try:
            yield Applied(kind, namespace, name, await _apply(client, kind, manifest.resource))
        except ApiError as error:
            yield Applied(kind, namespace, name, "refused", f"{manifest.source}: {error}")


async def _apply(client: KubeClient, kind: Kind, resource: Resource) -> str:
    desired = with_last_applied(resource)
    namespace, name = resource["metadata"].get("namespace", ""), resource["metadata"]["name"]
    current = await client.get(kind, namespace, name)
    if current is None:
        await client.create(kind, desired)
        return "created"
    patch = three_way_patch(last_applied(current), desired, current)
    if not patch:
        return "unchanged"
    changed = await client.merge_patch(kind, namespace, name, patch)
    before, after = (item["metadata"]["resourceVersion"] for item in (current, changed))
    return "unchanged" if before == after else "configured"


def with_last_applied(resource: Resource) -> Resource:
    """Return the resource with itself written into kubectl's annotation."""
    desired: Resource = copy_json(resource)
    annotations = dict(desired["metadata"].get("annotations") or {})
    annotations.pop(LAST_APPLIED, None)
    desired["metadata"]["annotations"] = annotations
    text = json.dumps(desired, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
    desired["metadata"]["annotations"] = {**annotations, LAST_APPLIED: text}
    return desired


def last_applied(current: Resource) -> Mapping[str, Any]:
    """Return what was applied last; empty when nobody applied it."""
    text = (current["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        value = {}
    return value if isinstance(value, dict) else {}


def three_way_patch(last: Any, desired: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the merge patch that makes current as desired; what only `last` had goes, what others set stays."""
    before = last if isinstance(last, Mapping) else {}
    patch: dict[str, Any] = {key: None for key in before if desired.get(key) is None and current.get(key) is not None}
    for key, value in desired.items():
        here = current.get(key)
        if isinstance(value, Mapping) and isinstance(here, Mapping):
            below = three_way_patch(before.get(key), value, here)
            if below:
                patch[key] = below
        elif value is not None and value != here:
            patch[key] = value
    return patch
