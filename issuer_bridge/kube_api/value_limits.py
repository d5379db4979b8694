"""What a schema says of a value beyond its type: one function a keyword, in the words of Kubernetes.

Source: apiextensions-apiserver's validation (kube-openapi/pkg/validation). A length is counted in characters.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from issuer_bridge.kube_api.shapes import Schema
from issuer_bridge.kube_api.statuses import Cause, invalid_value, not_supported

Limit: TypeAlias = Callable[[Schema, Any, str], Iterator[Cause]]
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_DURATION = re.compile(r"([+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+|0")


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 64 else f"{text[:61]}..."


def _must(types: type | tuple[type, ...], holds: Callable[[Any, Any], bool], keyword: str, text: str) -> Limit:
    """Return the check of a keyword, for values of some types; `{}` in the text is the limit."""

    def check(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
        if isinstance(value, types) and not isinstance(value, bool) and not holds(value, schema[keyword]):
            yield invalid_value(path, _shown(value), f"{path} in body should {text.format(schema[keyword])}")

    return check


def _too(what: str, types: type, keyword: str, text: str) -> Limit:
    def check(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
        if isinstance(value, types) and len(value) > schema[keyword]:  # type: ignore[arg-type]
            yield Cause(f"FieldValueToo{what}", f"Too {what.lower()}: {text.format(len(value), schema[keyword])}", path)  # type: ignore[arg-type]

    return check


def _least(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, exclusive = schema["minimum"], "exclusiveMinimum" in schema
        if value < least or (exclusive and value == least):
            text = f"greater than {'' if exclusive else 'or equal to '}{least}"
            yield invalid_value(path, _shown(value), f"{path} in body should be {text}")


def _most(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        most, exclusive = schema["maximum"], "exclusiveMaximum" in schema
        if value > most or (exclusive and value == most):
            text = f"less than {'' if exclusive else 'or equal to '}{most}"
            yield invalid_value(path, _shown(value), f"{path} in body should be {text}")


def _enum(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    if value not in schema["enum"]:
        yield not_supported(path, _shown(value), [str(item) for item in schema["enum"]])


def _format(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    known = _FORMATS.get(schema["format"])
    if known and isinstance(value, str) and not known(value):
        yield invalid_value(path, _shown(value), f"{path} in body must be of type {schema['format']}: {_shown(value)}")


def _is_moment(text: str) -> bool:
    if not _RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text.upper())
    except ValueError:
        return False
    return True


def _unique(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    """Items of a set, and the keys of a map's items, are there once."""
    keys = schema.get("x-kubernetes-list-map-keys") or ()
    seen: list[Any] = []
    for index, item in enumerate(value if isinstance(value, list) else ()):
        key = {name: item.get(name) for name in keys} if keys and isinstance(item, dict) else item
        if key in seen:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {_shown(key)}", f"{path}[{index}]")
        seen.append(key)


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "date-time": _is_moment,
    "duration": lambda text: bool(_DURATION.fullmatch(text)),
}


def _matches(value: str, pattern: str) -> bool:
    return re.search(pattern.replace(r"\z", r"\Z"), value) is not None


LIMITS: Mapping[str, Limit] = {
    "enum": _enum,
    "format": _format,
    "pattern": _must(str, _matches, "pattern", "match '{}'"),
    "minLength": _must(str, lambda value, least: len(value) >= least, "minLength", "be at least {} chars long"),
    "maxLength": _too("Long", str, "maxLength", "may not be more than {1} bytes"),
    "minimum": _least,
    "maximum": _most,
    "multipleOf": _must(
        (int, float),
        lambda value, of: math.isclose(value % of % of, 0, abs_tol=1e-9),
        "multipleOf",
        "be a multiple of {}",
    ),
    "minItems": _must(list, lambda value, least: len(value) >= least, "minItems", "have at least {} items"),
    "maxItems": _too("Many", list, "maxItems", "{}: must have at most {} items"),
    "minProperties": _must(
        dict, lambda value, least: len(value) >= least, "minProperties", "have at least {} properties"
    ),
    "maxProperties": _too("Many", dict, "maxProperties", "{}: must have at most {} properties"),
    "uniqueItems": _unique,
}
