"""Checks values against the schemas: types and required fields, unknown fields, with paths in Kubernetes' words."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.shapes import ANYTHING, Schema
from issuer_bridge.kube_api.statuses import Cause, invalid_value, quoted, required
from issuer_bridge.kube_api.value_limits import LIMITS

_NOTHING: Mapping[str, Schema] = {}
_PRESERVE = "x-kubernetes-preserve-unknown-fields"
_PYTHON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}
_NUMBERS = ("integer", "number")
_JUNCTORS = frozenset(("allOf", "anyOf", "oneOf", "not", "x-kubernetes-int-or-string"))


def causes(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Yield what is wrong with a value; null counts as absent, as in a CRD without `nullable`."""
    kind = schema.get("type")
    if kind is not None and not _is(kind, value):
        shown = quoted(type_name(value))
        yield invalid_value(path, shown, f"{path} in body must be of type {kind}: {shown}")
        return
    if not LIMITS.keys().isdisjoint(schema):
        for keyword, limit in LIMITS.items():
            if keyword in schema:
                yield from limit(schema, value, path)
    if not _JUNCTORS.isdisjoint(schema):
        yield from _junctor_causes(schema, value, path)
    if kind == "string":
        if schema.get("format") == "byte" and not _is_base64(value):
            yield invalid_value(path, quoted(shortened(value)), f"{path} in body must be of type byte (base64)")
    elif kind == "array":
        for index, item in enumerate(value):
            yield from causes(schema.get("items", ANYTHING), item, f"{path}[{index}]")
    elif kind == "object":
        yield from _object_causes(schema, value, path)


def _is(kind: str, value: Any) -> bool:
    return isinstance(value, _PYTHON_TYPES[kind]) and not (kind in _NUMBERS and isinstance(value, bool))


def _junctor_causes(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    """Yield what allOf, anyOf, oneOf and not say; their parts are of the type that they stand beside."""

    def wrong(part: Schema) -> list[Cause]:
        return list(causes({**({"type": schema["type"]} if "type" in schema else {}), **part}, value, path))

    for part in schema.get("allOf") or ():
        yield from wrong(part)
    if "anyOf" in schema and all(map(wrong, schema["anyOf"])):
        yield invalid_value(path, '""', f"{quoted(path)} must validate at least one schema (anyOf)")
    if "oneOf" in schema and (valid := sum(not wrong(part) for part in schema["oneOf"])) != 1:
        found = f"Found {valid} valid alternatives" if valid else "Found none valid"
        yield invalid_value(path, '""', f"{quoted(path)} must validate one and only one schema (oneOf). {found}")
    if "not" in schema and not wrong(schema["not"]):
        yield invalid_value(path, '""', f"{quoted(path)} must not validate the schema (not)")
    if "x-kubernetes-int-or-string" in schema and not (_is("integer", value) or _is("string", value)):
        shown = quoted(type_name(value))
        yield invalid_value(path, shown, f"{path} in body must be of type integer,string: {shown}")


def type_name(value: Any) -> str:
    """Return what JSON calls the value."""
    if value is None:
        return "null"
    names = [name for name in _PYTHON_TYPES if _is(name, value)]
    return names[0] if names else "number"


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
    kept = ANYTHING if _PRESERVE in schema else None
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
    if not isinstance(value, dict) or not _names_fields(schema):
        return copy_json(value), unknown
    kept: dict[str, Any] = {}
    for name, item in value.items():
        known = below(schema, name)
        if known is None:
            unknown.append(_unknown(schema, name, path))
        elif item is not None or "nullable" in known:
            kept[name], texts = pruned(known, item, _join(path, name))
            unknown += texts
    return kept, unknown


def _names_fields(schema: Schema) -> bool:
    """Whether an object has the fields that the schema names and no others, or no fields at all."""
    if "properties" in schema or "additionalProperties" in schema:
        return True
    return schema.get("type") == "object" and _PRESERVE not in schema


def _unknown(schema: Schema, name: str, path: str) -> str:
    text = f"unknown field {quoted(_join(path, name))}"
    spelled = {known.lower(): known for known in schema.get("properties", {})}
    near = get_close_matches(name.lower(), spelled, n=1)
    return f"{text}; did you mean {quoted(spelled[near[0]])}?" if near else text


def fill_defaults(schema: Schema, value: Any) -> None:
    """Put the schema's defaults into a value of our own, where it has nothing."""
    if isinstance(value, dict):
        for name, known in schema.get("properties", _NOTHING).items():
            if "default" in known and value.get(name) is None and not ("nullable" in known and name in value):
                value[name] = copy_json(known["default"])
        for name, item in value.items():
            fill_defaults(below(schema, name) or ANYTHING, item)
    elif isinstance(value, list):
        for item in value:
            fill_defaults(schema.get("items", ANYTHING), item)
