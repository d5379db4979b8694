"""What Kubernetes asks an aggregated API server about itself, here the one with cert-manager's webhook.

kube-apiserver takes the APIService for available once its version is listed,
and merges lists (aggregated, and one by one before Kubernetes 1.27) and OpenAPI
(both versions) into its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gravel.management.webhook import GROUP, KIND, PAYLOAD_GROUP, SOLVER, VERSION

GROUP_VERSION = f"{GROUP}/{VERSION}"
SOLVER_PATH = f"/apis/{GROUP_VERSION}/{SOLVER}"

_VERSION = {"groupVersion": GROUP_VERSION, "version": VERSION}
_GROUP = {"name": GROUP, "versions": [_VERSION], "preferredVersion": _VERSION}
_META_V1 = {"apiVersion": "v1"}
_PAYLOAD_KIND = {"group": PAYLOAD_GROUP, "version": VERSION, "kind": KIND}
# cert-manager's server calls the resource that too.
_SINGULAR = KIND
_RESOURCE = {"name": SOLVER, "singularName": _SINGULAR, "namespaced": False, **_PAYLOAD_KIND, "verbs": ["create"]}
_STRING, _OBJECT = {"type": "string"}, {"type": "object"}
_REQUEST = {
    **dict.fromkeys(("uid", "action", "type", "dnsName", "key", "resourceNamespace"), _STRING),
    **dict.fromkeys(("resolvedFQDN", "resolvedZone"), _STRING),
    "allowAmbientCredentials": {"type": "boolean"},
    "config": _OBJECT,
}
_RESPONSE = {"uid": _STRING, "success": {"type": "boolean"}, "status": _OBJECT}
_PAYLOAD = {
    "type": "object",
    "properties": {
        "apiVersion": _STRING,
        "kind": _STRING,
        "request": {"type": "object", "properties": _REQUEST},
        "response": {"type": "object", "properties": _RESPONSE},
    },
    "x-kubernetes-group-version-kind": [_PAYLOAD_KIND],
}
_SCHEMA = ".".join((*reversed(PAYLOAD_GROUP.split(".")), VERSION, KIND))
_INFO = {"title": "gravel", "version": VERSION}
_OPERATION = {
    "operationId": "createBuiltinChallengePayload",
    "x-kubernetes-action": "post",
    "x-kubernetes-group-version-kind": _PAYLOAD_KIND,
}


def _openapi_v2() -> dict[str, Any]:
    payload = {"schema": {"$ref": f"#/definitions/{_SCHEMA}"}}
    json = ["application/json"]
    post = {
        **_OPERATION,
        "consumes": json,
        "produces": json,
        "parameters": [{"name": "body", "in": "body", "required": True, **payload}],
        "responses": {"201": {"description": "Created", **payload}},
    }
    return {
        "swagger": "2.0",
        "info": _INFO,
        "paths": {SOLVER_PATH: {"post": post}},
        "definitions": {_SCHEMA: _PAYLOAD},
    }


def _openapi_v3() -> dict[str, Any]:
    content = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{_SCHEMA}"}}}}
    post = {
        **_OPERATION,
        "requestBody": {"required": True, **content},
        "responses": {"201": {"description": "Created", **content}},
    }
    return {
        "openapi": "3.0.0",
        "info": _INFO,
        "paths": {SOLVER_PATH: {"post": post}},
        "components": {"schemas": {_SCHEMA: _PAYLOAD}},
    }


_V3_PATH = f"apis/{GROUP_VERSION}"
DOCUMENTS: Mapping[str, Mapping[str, Any]] = {
    "/apis": {"kind": "APIGroupList", **_META_V1, "groups": [_GROUP]},
    f"/apis/{GROUP}": {"kind": "APIGroup", **_META_V1, **_GROUP},
    f"/apis/{GROUP_VERSION}": {
        "kind": "APIResourceList",
        **_META_V1,
        "groupVersion": GROUP_VERSION,
        "resources": [_RESOURCE],
    },
    "/openapi/v2": _openapi_v2(),
    "/openapi/v3": {"paths": {_V3_PATH: {"serverRelativeURL": f"/openapi/v3/{_V3_PATH}"}}},
    f"/openapi/v3/{_V3_PATH}": _openapi_v3(),
}

AGGREGATED_GROUP = "apidiscovery.k8s.io"
# What clients ask for by the parameters `g`, `v` and `as` of a media type, the first that they like best.
AGGREGATED_VERSIONS = ("v2", "v2beta1")


def aggregated(version: str) -> dict[str, Any]:
    """Return groups, versions and resources in one document (KEP-3352)."""
    resource = {
        "resource": SOLVER,
        "responseKind": _PAYLOAD_KIND,
        "scope": "Cluster",
        "singularResource": _SINGULAR,
        "verbs": ["create"],
    }
    group = {
        "metadata": {"name": GROUP},
        "versions": [{"version": VERSION, "resources": [resource], "freshness": "Current"}],
    }
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"{AGGREGATED_GROUP}/{version}",
        "metadata": {},
        "items": [group],
    }
