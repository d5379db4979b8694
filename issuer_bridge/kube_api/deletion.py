"""Deletion: first an object is marked, then its finalizers go, then the object.

Source: staging/src/k8s.io/apiserver/pkg/registry/generic/registry/store.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acme_server.protocol.times import rfc3339
from issuer_bridge.resources import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, Kind, Resource

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
# Keeps a definition until the last of its objects is gone.
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
# What each propagation policy leaves for the garbage collector to do.
POLICIES: Mapping[str, str] = {"Foreground": FOREGROUND, "Background": "", "Orphan": ORPHAN}


def is_deleting(resource: Resource) -> bool:
    """Whether the object is marked as deleted."""
    return "deletionTimestamp" in resource["metadata"]


def is_held(kind: Kind, resource: Resource) -> bool:
    """Whether finalizers keep the object; a Namespace has those of its contents in its spec."""
    if resource["metadata"].get("finalizers"):
        return True
    return kind == NAMESPACE and bool((resource.get("spec") or {}).get("finalizers"))


def marked(kind: Kind, stored: Resource, policy: str | None, now: datetime) -> Resource:
    """Return the object with the mark and with the policy's finalizer; None leaves that to the finalizers it has."""
    metadata = dict(stored["metadata"])
    before = metadata.pop("finalizers", None) or []
    if kind == CUSTOM_RESOURCE_DEFINITION and not is_deleting(stored):
        before = [*(name for name in before if name != CLEANUP), CLEANUP]
    if finalizers := _finalizers(before, policy):
        metadata["finalizers"] = finalizers
    resource = {**stored, "metadata": metadata}
    if is_deleting(stored):
        return resource
    metadata["deletionTimestamp"] = rfc3339(now)
    if "generation" in metadata:
        metadata["generation"] += 1
    if kind == NAMESPACE:
        resource["status"] = {**(stored.get("status") or {}), "phase": "Terminating"}
    else:
        metadata["deletionGracePeriodSeconds"] = 0
    return resource


def _finalizers(before: list[str], policy: str | None) -> list[str]:
    ours = [name for name in before if name in (ORPHAN, FOREGROUND)]
    wanted = ours[:1] if policy is None else [name for name in [POLICIES[policy]] if name]
    return [name for name in before if name not in ours] + wanted


def without_finalizer(resource: Resource, name: str) -> Resource:
    """Return the object without one of its finalizers."""
    metadata: dict[str, Any] = dict(resource["metadata"])
    metadata["finalizers"] = [item for item in metadata["finalizers"] if item != name]
    if not metadata["finalizers"]:
        del metadata["finalizers"]
    return {**resource, "metadata": metadata}
