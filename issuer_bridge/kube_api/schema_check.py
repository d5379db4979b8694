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
from issuer_bridge.kube_api.value_limits import LIMITS, Limit

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


def causes(schema: Schema, value: Any, path: str = "") -> Iterator[Cause]:
    """Yield what is wrong with a value; null counts as absent, as in a CRD without `nullable`."""
    kind = schema.get("type")
    if kind is not None and not _is(kind, value):
        shown = quoted(type_name(value))
        yield invalid_value(path, shown, f"{path} in body must be of type {kind}: {shown}")
        return
    if len(schema) > 1:
        for keyword in schema:
            check = _CHECKS.get(keyword)
            if check is not None:
                yield from check(schema, value, path)
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


def _wrong(part: Schema, schema: Schema, value: Any, path: str) -> list[Cause]:
    """Return what is wrong by one part of a combination; its type is that of the schema it stands in."""
    return list(causes({**({"type": schema["type"]} if "type" in schema else {}), **part}, value, path))


def _all_of(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    for part in schema["allOf"]:
        yield from _wrong(part, schema, value, path)


def _any_of(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if all(_wrong(part, schema, value, path) for part in schema["anyOf"]):
        yield invalid_value(path, '""', f"{quoted(path)} must validate at least one schema (anyOf)")


def _one_of(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    valid = sum(not _wrong(part, schema, value, path) for part in schema["oneOf"])
    if valid != 1:
        found = f"Found {valid} valid alternatives" if valid else "Found none valid"
        yield invalid_value(path, '""', f"{quoted(path)} must validate one and only one schema (oneOf). {found}")


def _not(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if not _wrong(schema["not"], schema, value, path):
        yield invalid_value(path, '""', f"{quoted(path)} must not validate the schema (not)")


def _int_or_string(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    del schema
    if not (_is("integer", value) or _is("string", value)):
        shown = quoted(type_name(value))
        yield invalid_value(path, shown, f"{path} in body must be of type integer,string: {shown}")


_CHECKS: Mapping[str, Limit] = {
    **LIMITS,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "x-kubernetes-int-or-string": _int_or_string,
}


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


def with_defaults(schema: Schema, value: Any) -> Any:
    """Return a value with the schema's defaults where it has nothing: itself, or in part anew."""
    if isinstance(value, list):
        items = [with_defaults(schema.get("items", ANYTHING), item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    missing = {
        name: known["default"]
        for name, known in schema.get("properties", _NOTHING).items()
        if "default" in known and value.get(name) is None and not ("nullable" in known and name in value)
    }
    filled = {name: with_defaults(below(schema, name) or ANYTHING, item) for name, item in (value | missing).items()}
    same = not missing and all(item is value[name] for name, item in filled.items())
    return value if same else filled
