"""A CustomResourceDefinition of every feature, and how to ask a store about its kind."""

import json

from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
NAME = "widgets.example.com"
WIDGETS = "/apis/example.com/v1/namespaces/default/widgets"
OLD_WIDGETS = "/apis/example.com/v1beta1/namespaces/default/widgets"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
        "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "parts": {
            "type": "array",
            "maxItems": 2,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z]+$"},
                    "weight": {"type": "number", "default": 1.5},
                },
            },
        },
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "until": {"type": "string", "format": "date-time", "nullable": True},
        "either": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
    },
}


def version(name="v1", **changes):
    schema = {"type": "object", "properties": {"spec": SPEC, "status": {"type": "object", "properties": {}}}}
    schema["properties"]["status"]["properties"]["phase"] = {"type": "string"}
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Parts", "type": "string", "jsonPath": ".spec.parts[*].name", "priority": 1},
        {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    return {
        "name": name,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": columns,
        "selectableFields": [{"jsonPath": ".spec.color"}],
    } | changes


def definition(name=NAME, names=None, versions=None, **spec):
    plural, _, group = name.partition(".")
    names = {"plural": plural, "kind": "Widget", "shortNames": ["wd"], "categories": ["all", "toys"]} | (names or {})
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions or [version()]} | spec,
    }


def widget(name="w1", **spec):
    return {"metadata": {"name": name}, "spec": {"size": 3} | spec}


def ask(store, method, path, body=None, headers=None, content_type="application/json", **query):
    data = b"" if body is None else json.dumps(body).encode()
    return respond(store, Call(method, path, query, content_type if data else "", data, headers or {}))


def define(store, **changes):
    answer = ask(store, "POST", DEFINITIONS, definition(**changes))
    assert answer.code == 201, answer.document
    return answer.document
