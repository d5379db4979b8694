"""What the API server says about itself: versions, groups and their resources."""

from __future__ import annotations

from typing import Any

from issuer_bridge.resources import KINDS, Kind, Resource

# The Kubernetes whose answers are modelled; clients parse it.
KUBERNETES = ("1", "36")
OBJECT_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")


def version() -> Resource:
    """Return what /version says."""
    major, minor = KUBERNETES
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{major}.{minor}.0+gravel",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "",
    }


def describe_path(parts: list[str]) -> Resource | None:
    """Return the discovery document of a path, or None."""
    match parts:
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups()]}
        case ["api", name]:
            return _resource_list("", name)
        case ["apis", group]:
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group) if group in _groups() else None
        case ["apis", group, name]:
            return _resource_list(group, name)
    return None


def _groups() -> list[str]:
    return list(dict.fromkeys(kind.group for kind in KINDS if kind.group))


def _group(name: str) -> dict[str, Any]:
    versions = dict.fromkeys(kind.version for kind in KINDS if kind.group == name)
    listed = [{"groupVersion": f"{name}/{item}", "version": item} for item in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(group: str, name: str) -> Resource | None:
    kinds = sorted(
        (kind for kind in KINDS if (kind.group, kind.version) == (group, name)), key=lambda kind: kind.plural
    )
    if not kinds:
        return None
    resources = [entry for kind in kinds for entry in _entries(kind)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": kinds[0].api_version, "resources": resources}


def _entries(kind: Kind) -> list[dict[str, Any]]:
    entry = {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(OBJECT_VERBS),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if not kind.status:
        return [entry]
    status = {"name": f"{kind.plural}/status", "singularName": "", "namespaced": kind.namespaced, "kind": kind.kind}
    return [entry, {**status, "verbs": list(STATUS_VERBS)}]
