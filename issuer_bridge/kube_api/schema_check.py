"""Checks values against the schemas: types and required fields, unknown fields, with paths in Kubernetes' words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.shapes import ANYTHING, Schema
from issuer_bridge.kube_api.statuses import Cause, invalid_value, not_supported, quoted, required

_NOTHING: Mapping[str, Schema] = {}
_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": int,
}


def causes(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Yield what is wrong with a value; null counts as absent, as in a CRD without `nullable`."""
    kind = schema.get("type")
    if kind is None:
        return
    if not _is(kind, value):
        shown = quoted(type_name(value))
        yield invalid_value(path, shown, f"{path} in body must be of type {kind}: {shown}")
    elif kind == "string":
        yield from _string_causes(schema, value, path)
    elif kind == "array":
        for index, item in enumerate(value):
            yield from causes(schema["items"], item, f"{path}[{index}]")
    elif kind == "object":
        yield from _object_causes(schema, value, path)


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _PYTHON_TYPES[kind]) and not (kind == "integer" and isinstance(value, bool))


def type_name(value: Any) -> str:
    """Return what JSON calls the value."""
    if value is None:
        return "null"
    names = [name for name in _PYTHON_TYPES if _is(name, value)]
    return names[0] if names else "number"


def _string_causes(schema: Schema, value: str, path: str) -> Iterator[Cause]:
    if "enum" in schema and value not in schema["enum"]:
        yield not_supported(path, quoted(value), schema["enum"])
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes", path)
    if schema.get("format") == "byte" and not _is_base64(value):
        yield invalid_value(path, quoted(shortened(value)), f"{path} in body must be of type byte (base64)")


def shortened(text: str) -> str:
    """Cut a long value so that a message stays readable."""
    return text if len(text) <= 64 else text[:61] + "..."


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _object_causes(schema: Schema, value: Mapping[str, Any], path: str) -> Iterator[Cause]:
    for name in schema.get("required", ()):
        if value.get(name) is None:
            yield required(_join(path, name))
    for name, item in value.items():
        known = below(schema, name)
        if known is not None and item is not None:
            yield from causes(known, item, _join(path, name))


def below(schema: Schema, name: str) -> Schema | None:
    """Return the schema of a field; None when it is unknown."""
    properties: Mapping[str, Schema] = schema.get("properties", _NOTHING)
    if name in properties:
        return properties[name]
    kept = ANYTHING if "x-kubernetes-preserve-unknown-fields" in schema else None
    found: Schema | None = schema.get("additionalProperties", kept)
    return found


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def pruned(schema: Schema, value: Any, path: str = "") -> tuple[Any, list[str]]:
    """Return the value without unknown fields and nulls, and a sentence on each unknown field."""
    unknown: list[str] = []
    if isinstance(value, list) and "items" in schema:
        items = [pruned(schema["items"], item, f"{path}[{index}]") for index, item in enumerate(value)]
        return [item for item, _ in items], [text for _, texts in items for text in texts]
    if not isinstance(value, dict) or not ("properties" in schema or "additionalProperties" in schema):
        return copy_json(value), unknown
    kept: dict[str, Any] = {}
    for name, item in value.items():
        known = below(schema, name)
        if known is None:
            unknown.append(_unknown(schema, name, path))
        elif item is not None:
            kept[name], texts = pruned(known, item, _join(path, name))
            unknown += texts
    return kept, unknown


def _unknown(schema: Schema, name: str, path: str) -> str:
    text = f"unknown field {quoted(_join(path, name))}"
    spelled = {known.lower(): known for known in schema.get("properties", {})}
    near = get_close_matches(name.lower(), spelled, n=1)
    return f"{text}; did you mean {quoted(spelled[near[0]])}?" if near else text
