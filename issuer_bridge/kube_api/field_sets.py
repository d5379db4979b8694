"""Sets of fields (FieldsV1 of structured-merge-diff): which parts of an object somebody wrote.

A path is a tuple of steps as FieldsV1 writes them: `f:NAME` for a field, `k:{"KEY":VALUE}` for an item of a list with
keys, `v:VALUE` for a member of a set. What a schema calls atomic, and a list of which it says nothing, has no parts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from issuer_bridge.kube_api.schema_check import below
from issuer_bridge.kube_api.shapes import ANYTHING, Schema

Path: TypeAlias = tuple[str, ...]
FieldSet: TypeAlias = frozenset[Path]
Parts: TypeAlias = dict[str, tuple[Schema, Any]]
_LIST_TYPE, _KEYS, _MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"


def parts_of(schema: Schema, value: Any) -> Parts | None:
    """Return the parts of a value by their steps, with their schemas; None when it has none."""
    if isinstance(value, dict):
        if schema.get(_MAP_TYPE) == "atomic":
            return None
        return {
            f"f:{name}": (below(schema, name) or ANYTHING, item) for name, item in value.items() if item is not None
        }
    if isinstance(value, list) and schema.get(_LIST_TYPE) == "set":
        return {f"v:{_text(item)}": (ANYTHING, item) for item in value}
    if isinstance(value, list) and schema.get(_LIST_TYPE) == "map":
        return _items(schema, value)
    return None


def _items(schema: Schema, value: list[Any]) -> Parts | None:
    found: Parts = {}
    for item in value:
        keys = key_of(schema, item)
        if keys is None or (step := f"k:{_text(keys)}") in found:
            return None
        found[step] = (schema["items"], item)
    return found


def key_of(schema: Schema, item: Any) -> dict[str, Any] | None:
    """Return what identifies an item of a list with keys; None when a key is missing and has no default."""
    if not isinstance(item, dict):
        return None
    properties = schema["items"].get("properties", {})
    keys = {name: item.get(name, properties.get(name, {}).get("default")) for name in schema[_KEYS]}
    return None if None in keys.values() else keys


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def applied_fields(schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield what an apply of a value owns: its leaves, and the items of lists with keys."""
    parts = parts_of(schema, value)
    if path and (not parts or path[-1].startswith("k:")):
        yield path
    for step, (schema_below, item) in (parts or {}).items():
        yield from applied_fields(schema_below, item, (*path, step))


def all_fields(schema: Schema, value: Any, path: Path) -> Iterator[Path]:
    """Yield a value's path and those of all its parts."""
    yield path
    for step, (schema_below, item) in (parts_of(schema, value) or {}).items():
        yield from all_fields(schema_below, item, (*path, step))


def compare(schema: Schema, old: Any, new: Any) -> tuple[FieldSet, FieldSet]:
    """Return what is new or different, and what is gone."""
    written: list[Path] = []
    removed: list[Path] = []
    _compare(schema, old, new, (), written, removed)
    return frozenset(written), frozenset(removed)


def _compare(schema: Schema, old: Any, new: Any, path: Path, written: list[Path], removed: list[Path]) -> None:
    if old is new:
        return
    before, after = parts_of(schema, old), parts_of(schema, new)
    if before is None or after is None:
        if old != new:
            written.append(path)
        return
    for step, (schema_below, item) in after.items():
        if step in before:
            _compare(schema_below, before[step][1], item, (*path, step), written, removed)
        else:
            written += all_fields(schema_below, item, (*path, step))
    for step, (schema_below, item) in before.items():
        if step not in after:
            removed += all_fields(schema_below, item, (*path, step))


def with_prefixes(fields: FieldSet) -> FieldSet:
    """Return the fields and all that they are in."""
    return frozenset(path[:length] for path in fields for length in range(1, len(path) + 1))


def to_json(fields: FieldSet) -> dict[str, Any]:
    """Write a set as FieldsV1: `.` marks a member that has members below it."""
    root: dict[str, Any] = {}
    inner = with_prefixes(frozenset(path[:-1] for path in fields))
    for path in sorted(fields):
        node = root
        for step in path:
            node = node.setdefault(step, {})
        if path in inner:
            node["."] = {}
    return root


def from_json(fields: Mapping[str, Any]) -> FieldSet:
    """Read FieldsV1; ValueError when it is none."""
    return frozenset(_read(fields, ()))


def _read(node: Any, path: Path) -> Iterator[Path]:
    if not isinstance(node, dict):
        raise ValueError("a node of fieldsV1 is no object")
    if path and (not node or "." in node):
        yield path
    for step, below_it in node.items():
        if step == ".":
            continue
        if step[:2] not in ("f:", "k:", "v:", "i:"):
            raise ValueError(f"fieldsV1 has the step {step[:64]!r}")
        yield from _read(below_it, (*path, step))


def path_text(path: Path) -> str:
    """Write a path for people: `.spec.ports[port=80].name`."""
    return "".join(_step_text(step[:2], step[2:]) for step in path)


def _step_text(kind: str, text: str) -> str:
    if kind == "f:":
        return f".{text}"
    if kind == "v:":
        return f"[={text}]"
    try:
        keys = json.loads(text)
    except ValueError:
        return f"[{text}]"
    return (
        f"[{','.join(f'{name}={_text(value)}' for name, value in keys.items())}]"
        if isinstance(keys, dict)
        else f"[{text}]"
    )
