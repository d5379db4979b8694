"""The words that schemas are written in: OpenAPI v3, in the subset that CRDs use, and what all objects have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

ANYTHING: Schema = {"x-kubernetes-preserve-unknown-fields": True}
OPEN: Schema = {"type": "object", **ANYTHING}
STRING: Schema = {"type": "string"}
BYTES: Schema = {"type": "string", "format": "byte"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}


def fields(required: str = "", /, **properties: Schema) -> Schema:
    """Return an object with these fields; `required` names some of them, separated by blanks."""
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    return schema | {"required": required.split()} if required else schema


def array(items: Schema) -> Schema:
    """Return a list of items of one shape."""
    return {"type": "array", "items": items}


def keyed(items: Schema, *keys: str) -> Schema:
    """Return a list whose items have keys, so that several may each own some."""
    return {**array(items), "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def atomic(schema: Schema) -> Schema:
    """Return an object that has one owner as a whole."""
    return {**schema, "x-kubernetes-map-type": "atomic"}


def mapping(values: Schema) -> Schema:
    """Return an object with any names and values of one shape."""
    return {"type": "object", "additionalProperties": values}


def one_of(*values: str) -> Schema:
    """Return a string that is one of these."""
    return {"type": "string", "enum": list(values)}


STRINGS, STRING_MAP = array(STRING), mapping(STRING)
KEY_REFERENCE = fields("name", name=STRING, key=STRING)
ISSUER_REFERENCE = fields("name", name=STRING, kind=STRING, group=STRING)

METADATA = fields(
    name=STRING,
    generateName=STRING,
    namespace=STRING,
    labels=STRING_MAP,
    annotations=STRING_MAP,
    finalizers={**STRINGS, "x-kubernetes-list-type": "set"},
    ownerReferences=keyed(
        atomic(
            fields(
                "apiVersion kind name uid",
                apiVersion=STRING,
                kind=STRING,
                name=STRING,
                uid=STRING,
                controller=BOOLEAN,
                blockOwnerDeletion=BOOLEAN,
            )
        ),
        "uid",
    ),
    uid=STRING,
    resourceVersion=STRING,
    generation=INTEGER,
    creationTimestamp=STRING,
    deletionTimestamp=STRING,
    deletionGracePeriodSeconds=INTEGER,
    selfLink=STRING,
    managedFields=array(OPEN),
)


def resource(required: str = "", /, **properties: Schema) -> Schema:
    """Return the schema of a whole object."""
    return fields(required, apiVersion=STRING, kind=STRING, metadata=METADATA, **properties)


LABEL_SELECTOR = fields(
    matchLabels=STRING_MAP,
    matchExpressions=array(
        fields("key operator", key=STRING, operator=one_of("In", "NotIn", "Exists", "DoesNotExist"), values=STRINGS)
    ),
)


def conditions(**more: Schema) -> Schema:
    """Return a list of conditions, with what each has beside the usual."""
    usual = dict.fromkeys(("type", "reason", "message", "lastTransitionTime"), STRING)
    status = one_of("True", "False", "Unknown")
    return keyed(fields("type status", **usual, status=status, **more), "type")


CONDITIONS = conditions(observedGeneration=INTEGER)
