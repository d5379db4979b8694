"""PATCH: what a patch makes of the stored object, by its format."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from issuer_bridge.kube_api.applying import Application, apply
from issuer_bridge.kube_api.bodies import as_object, known, read_json, read_yaml
from issuer_bridge.kube_api.json_patch import MAX_OPERATIONS, PatchError, json_patched
from issuer_bridge.kube_api.json_values import merge_patch
from issuer_bridge.kube_api.options import WriteOptions
from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.schemas import schema_of
from issuer_bridge.kube_api.statuses import (
    bad_request,
    conflict,
    not_found,
    rejected,
    too_many_operations,
    unsupported_media_type,
    wrong_uid,
)
from issuer_bridge.kube_api.strategic_merge import strategic_merge
from issuer_bridge.resources import Kind, Resource

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC_MERGE, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


def formats(kind: Kind) -> tuple[str, ...]:
    """Return the formats that a kind takes: only Kubernetes' own are merged strategically."""
    return (JSON_PATCH, MERGE_PATCH, APPLY) if kind.custom else (JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE, APPLY)


def check_format(kind: Kind, content_type: str) -> None:
    """Raise 415 when a kind does not take a format."""
    if content_type not in formats(kind):
        raise unsupported_media_type(formats(kind))


def patched(kind: Kind, stored: Resource, content_type: str, body: bytes) -> Resource:
    """Return the stored object after a patch that is no apply; 400 or 422 when it cannot be."""
    patch = read_json(body, kind)
    if content_type == JSON_PATCH:
        return as_object(_json_patched(stored, patch), kind)
    as_object(patch, kind)
    result: Resource = (
        merge_patch(stored, patch) if content_type == MERGE_PATCH else strategic_merge(schema_of(kind), stored, patch)
    )
    return result


def _json_patched(stored: Resource, patch: Any) -> Any:
    if not isinstance(patch, list):
        raise bad_request("the JSON patch is no list of operations")
    if len(patch) > MAX_OPERATIONS:
        raise too_many_operations(len(patch), MAX_OPERATIONS)
    try:
        return json_patched(stored, patch)
    except PatchError:
        raise rejected() from None


def applied(
    target: Target, stored: Resource | None, body: bytes, options: WriteOptions, now: datetime
) -> tuple[Resource, tuple[str, ...]]:
    """Return the object after an apply, and warnings; stored None: it is created."""
    kind = target.kind
    config, warnings = known(target, read_yaml(body, kind), options.validation)
    metadata = config["metadata"]
    if metadata.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if stored is None:
        if target.subresource:
            raise not_found(kind, target.name)
        if metadata.get("uid"):
            raise wrong_uid(kind, target.name, metadata["uid"], "")
        if metadata.get("resourceVersion"):
            raise conflict(kind, target.name)
    elif metadata.get("uid", stored["metadata"]["uid"]) != stored["metadata"]["uid"]:
        raise wrong_uid(kind, target.name, metadata["uid"], stored["metadata"]["uid"])
    elif (metadata.get("resourceVersion") or stored["metadata"]["resourceVersion"]) != stored["metadata"][
        "resourceVersion"
    ]:
        raise conflict(kind, target.name)
    return apply(kind, stored, config, Application(options.manager, now, target.subresource, options.force)), warnings
