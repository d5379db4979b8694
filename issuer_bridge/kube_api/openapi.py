"""What clients learn of the shapes of objects: OpenAPI v3, one document a group and version, from our schemas."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from issuer_bridge.kube_api.schemas import schema_of
from issuer_bridge.kube_api.served import Served
from issuer_bridge.kube_api.shapes import METADATA
from issuer_bridge.resources import Kind, Resource

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_TOLD: Mapping[str, Any] = {
    "apiVersion": {"type": "string", "description": "APIVersion is the group and version of this object's shape."},
    "kind": {"type": "string", "description": "Kind is the name of this object's shape."},
    "metadata": {"allOf": [{"$ref": f"#/components/schemas/{_META}"}], "description": "The object's metadata."},
}
# Where the parts of an object stand in a path, and what may be done there.
_QUERY = ("dryRun", "fieldManager", "fieldValidation")


def openapi_v3(parts: list[str], served: Served) -> Resource | None:
    """Return the document of a path below /openapi/v3, the index at its top; None when there is none."""
    paths = _paths(served.kinds)
    if not parts:
        return {
            "paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={_hash(served, path)}"} for path in paths}
        }
    return _document(served, "/".join(parts)) if "/".join(parts) in paths else None


def _paths(kinds: Iterable[Kind]) -> dict[str, tuple[Kind, ...]]:
    """Return the kinds by `api/v1` or `apis/GROUP/VERSION`."""
    found: dict[str, tuple[Kind, ...]] = {}
    for kind in sorted(kinds, key=lambda kind: (kind.group, kind.version)):
        path = f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"
        found[path] = (*found.get(path, ()), kind)
    return found


def _hash(served: Served, path: str) -> str:
    return hashlib.sha512(json.dumps(_document(served, path), sort_keys=True).encode()).hexdigest().upper()


def _document(served: Served, path: str) -> Resource:
    if path not in served.documents:
        served.documents[path] = _described(path, _paths(served.kinds)[path])
    document: Resource = served.documents[path]
    return document


def _described(path: str, kinds: Sequence[Kind]) -> Resource:
    return {
        "openapi": "3.0.0",
        "info": {"title": "gravel", "version": "v0.1.0"},
        "paths": {url: item for kind in kinds for url, item in _operations(path, kind).items()},
        "components": {"schemas": {_META: METADATA, **{_name(kind): _schema(kind) for kind in kinds}}},
    }


def _name(kind: Kind) -> str:
    """`io.cert-manager.v1.Certificate`; Kubernetes' own kinds are below `io.k8s.api`."""
    group = kind.group if kind.custom else f"{kind.group.split('.')[0] or 'core'}.api.k8s.io"
    return ".".join((*reversed(group.split(".")), kind.version, kind.kind))


def _schema(kind: Kind) -> Resource:
    schema = dict(schema_of(kind))
    properties = {**schema.get("properties", {}), **_TOLD}
    identity = [{"group": kind.group, "kind": kind.kind, "version": kind.version}]
    return schema | {"properties": properties, "x-kubernetes-group-version-kind": identity}


def _operations(path: str, kind: Kind) -> dict[str, Resource]:
    """Return the paths of a kind: kubectl looks there whether the server checks fields itself."""
    about = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    schema = {"$ref": f"#/components/schemas/{_name(kind)}"}
    content = {"application/json": {"schema": schema}}
    parameters = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in _QUERY]
    reply = {"responses": {"200": {"description": "OK", "content": content}}}

    def operation(action: str, *, writes: bool) -> Resource:
        told: Resource = {"x-kubernetes-action": action, "x-kubernetes-group-version-kind": about, **reply}
        return told | ({"parameters": parameters, "requestBody": {"content": content}} if writes else {})

    top = f"/{path}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"/{path}/{kind.plural}"
    return {
        top: {"get": operation("list", writes=False), "post": operation("post", writes=True)},
        f"{top}/{{name}}": {
            "get": operation("get", writes=False),
            "put": operation("put", writes=True),
            "patch": operation("patch", writes=True),
            "delete": operation("delete", writes=False),
        },
    }
