"""What the API server says it serves: versions, groups and their resources, one by one or aggregated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from issuer_bridge.kube_api.paths import subresources
from issuer_bridge.kube_api.reviews import REVIEWS
from issuer_bridge.resources import (
    ACME,
    CERT_MANAGER,
    CUSTOM_RESOURCE_DEFINITION,
    KINDS,
    NAMESPACE,
    POD,
    SERVICE,
    Kind,
    Resource,
)

# The Kubernetes whose answers are modelled; clients parse it.
KUBERNETES = ("1", "36")
AGGREGATED = "apidiscovery.k8s.io/v2"
OBJECT_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CUSTOM_VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
STATUS_VERBS = ("get", "patch", "update")
_CATEGORIES: Mapping[str, tuple[str, ...]] = {
    CERT_MANAGER: ("cert-manager",),
    ACME: ("cert-manager", "cert-manager-acme"),
    CUSTOM_RESOURCE_DEFINITION.group: ("api-extensions",),
}


@attrs.frozen
class Entry:
    """A resource as clients discover it; `subresource`: see `paths.subresources`."""

    kind: Kind
    verbs: tuple[str, ...]
    categories: tuple[str, ...] = ()
    subresource: str = ""


def version() -> Resource:
    """Return what /version says."""
    major, minor = KUBERNETES
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{major}.{minor}.0+gravel",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "",
    }


def describe_path(parts: list[str], kinds: Sequence[Kind] = KINDS, host: str = "") -> Resource | None:
    """Return the discovery document of a path, or None; host: what the client calls this server."""
    served = (*kinds, *REVIEWS)
    match parts:
        case ["api"]:
            addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}] if host else []
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}
        case ["apis"]:
            return {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [_group(name, served) for name in _groups(served)],
            }
        case ["api", name]:
            return _resource_list("", name, served)
        case ["apis", group]:
            known = group in _groups(served)
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group, served) if known else None
        case ["apis", group, name]:
            return _resource_list(group, name, served)
    return None


def aggregated(parts: list[str], kinds: Sequence[Kind] = KINDS) -> Resource | None:
    """Return the APIGroupDiscoveryList of /api or /apis: all that the others say, in one document."""
    if parts not in (["api"], ["apis"]):
        return None
    served = (*kinds, *REVIEWS)
    groups = [""] if parts == ["api"] else _groups(served)
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [
                {"version": version, "resources": _aggregated(group, version, served), "freshness": "Current"}
                for version in _versions(group, served)
            ],
        }
        for group in groups
    ]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": AGGREGATED, "metadata": {}, "items": items}


def entries(group: str, version: str, served: Sequence[Kind]) -> list[Entry]:
    """Return what there is of a version, by plural, a status after its object."""
    kinds = [kind for kind in served if (kind.group, kind.version) == (group, version)]
    return [entry for kind in sorted(kinds, key=lambda kind: kind.plural) for entry in _entries(kind)]


def _entries(kind: Kind) -> list[Entry]:
    verbs: tuple[str, ...] = CUSTOM_VERBS if kind.custom else OBJECT_VERBS
    if kind in REVIEWS:
        return [Entry(kind, ("create",))]
    if kind == NAMESPACE:
        verbs = tuple(verb for verb in verbs if verb != "deletecollection")
    categories = ("all",) if kind in (POD, SERVICE) else _CATEGORIES.get(kind.group, ())
    found = [Entry(kind, verbs, kind.definition.categories if kind.definition else categories)]
    return [*found, *(Entry(kind, STATUS_VERBS, subresource=name) for name in subresources(kind))]


def _groups(served: Sequence[Kind]) -> list[str]:
    return list(dict.fromkeys(kind.group for kind in served if kind.group))


def _versions(group: str, served: Sequence[Kind]) -> list[str]:
    return list(dict.fromkeys(kind.version for kind in served if kind.group == group))


def _group(name: str, served: Sequence[Kind]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{item}", "version": item} for item in _versions(name, served)]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _resource_list(group: str, name: str, served: Sequence[Kind]) -> Resource | None:
    found = entries(group, name, served)
    if not found:
        return None
    version, resources = found[0].kind.api_version, [_listed(entry) for entry in found]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}


def _listed(entry: Entry) -> dict[str, Any]:
    kind = entry.kind
    status = bool(entry.subresource)
    shown: dict[str, Any] = {
        "name": f"{kind.plural}/{entry.subresource}" if status else kind.plural,
        "singularName": "" if status else _singular(kind),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(entry.verbs),
    }
    return shown if status else shown | _also(entry)


def _also(entry: Entry) -> dict[str, list[str]]:
    """Return short names and categories, where there are some."""
    named = {"shortNames": list(entry.kind.short_names), "categories": list(entry.categories)}
    return {name: value for name, value in named.items() if value}


def _singular(kind: Kind) -> str:
    return kind.definition.singular if kind.definition else kind.kind.lower()


def _aggregated(group: str, version: str, served: Sequence[Kind]) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = []
    for entry in entries(group, version, served):
        kind = entry.kind
        response = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        told: dict[str, Any] = {"responseKind": response, "verbs": list(entry.verbs)}
        if entry.subresource:
            resources[-1].setdefault("subresources", []).append({"subresource": entry.subresource} | told)
        else:
            scope = "Namespaced" if kind.namespaced else "Cluster"
            named = {"resource": kind.plural, "singularResource": _singular(kind), "scope": scope}
            resources.append(named | told | _also(entry))
    return resources
