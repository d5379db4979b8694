"""Server-side apply: an object as one manager wants it, merged into what others want.

Source: structured-merge-diff, merge/update.go: merge what is applied, take away what this manager applied last time and
nobody else owns, refuse to change what others own unless forced.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.field_ownership import (
    APPLY,
    UPDATE,
    Entry,
    Manager,
    ownable,
    owned_changes,
    read,
    without,
    write,
)
from issuer_bridge.kube_api.field_sets import FieldSet, Path, applied_fields, key_of, parts_of, path_text, with_prefixes
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.schemas import schema_of
from issuer_bridge.kube_api.shapes import Schema
from issuer_bridge.resources import ApiError, Kind, Resource

_FIRST = "before-first-apply"


@attrs.frozen
class Application:
    """Who applies, when, to the object or its status, and whether conflicts are won."""

    manager: str
    now: datetime
    subresource: str = ""
    force: bool = False


def apply(kind: Kind, stored: Resource | None, config: Resource, by: Application) -> Resource:
    """Return the object after an apply, its managedFields included; ApiError 409 when others own what would change."""
    schema, live = schema_of(kind), stored or {}
    config = _part(kind, config, by.subresource)
    entries = read(live.get("metadata", {}).get("managedFields"))
    if stored and not entries:
        first = Manager(_FIRST, UPDATE, kind.api_version)
        entries[first] = Entry(owned_changes(kind, None, stored)[0], kind.api_version, rfc3339(by.now))
    me = Manager(by.manager, APPLY, subresource=by.subresource)
    last = entries.pop(me).fields if me in entries else frozenset()
    mine = ownable(kind, frozenset(applied_fields(schema, config)))
    others = frozenset(path for entry in entries.values() for path in entry.fields)
    removed = with_prefixes(last) - with_prefixes(mine | others)
    result: Resource = _pruned(schema, _merged(schema, live, config), removed)
    changed, gone = owned_changes(kind, stored, result)
    conflicts = [(manager, path) for manager, entry in entries.items() for path in sorted(entry.fields & changed)]
    if conflicts and not by.force:
        raise _conflict(conflicts)
    entries = without(entries, changed | gone)
    entries[me] = Entry(mine, kind.api_version, rfc3339(by.now))
    result["metadata"]["managedFields"] = _same_times(write(entries), live.get("metadata", {}).get("managedFields"))
    return result


def _part(kind: Kind, config: Resource, subresource: str) -> Resource:
    """Keep what this path writes: the status, or all but the status."""
    if subresource:
        return {key: value for key, value in config.items() if key in ("apiVersion", "kind", "status")}
    return {key: value for key, value in config.items() if not (kind.status and key == "status")}


def _same_times(entries: list[dict[str, Any]], before: Any) -> list[dict[str, Any]]:
    """Keep the old times when nothing else is new, so that an apply of the same is no write."""

    def timeless(items: Any) -> list[Any]:
        return [{**item, "time": ""} for item in items or ()]

    return before if timeless(entries) == timeless(before) else entries


def _conflict(conflicts: list[tuple[Manager, Path]]) -> ApiError:
    told = [(str(manager), path_text(path)) for manager, path in conflicts]
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path} for who, path in told
    ]
    if len(told) == 1:
        text = f"1 conflict: conflict with {told[0][0]}: {told[0][1]}"
    else:
        managers = dict.fromkeys(sorted(who for who, _ in told))
        lines = [
            line
            for manager in managers
            for line in (f"conflicts with {manager}:", *(f"- {path}" for who, path in told if who == manager))
        ]
        text = f"{len(told)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", f"Apply failed with {text}", {"causes": causes})


def _merged(schema: Schema, live: Any, config: Any) -> Any:
    before, after = parts_of(schema, live), parts_of(schema, config)
    if before is None or after is None or type(live) is not type(config):
        return copy_json(config)
    if isinstance(config, dict):
        result = dict(live)
        for step, (below, item) in after.items():
            result[step[2:]] = _merged(below, live.get(step[2:]), item)
        return result
    return [
        _merged(after[step][0], before[step][1], after[step][1]) if step in before and step in after
        else (after if step in after else before)[step][1]
        for step in _interleaved(list(before), list(after))
    ]  # fmt: skip


def _interleaved(before: list[str], after: list[str]) -> list[str]:
    """Return both lists' items: in the order of what is applied, each other one behind its old predecessor."""
    result = list(after)
    for position, step in enumerate(before):
        if step not in result:
            at = result.index(before[position - 1]) + 1 if position else 0
            result.insert(at, step)
    return result


_GONE = object()


def _pruned(schema: Schema, value: Any, removed: FieldSet, path: Path = ()) -> Any:
    """Return the value without the removed fields, and without what is empty after that."""
    parts = parts_of(schema, value)
    if not parts:
        return _GONE if path in removed else value
    left = {step: _pruned(below, item, removed, (*path, step)) for step, (below, item) in parts.items()}
    kept = {step: item for step, item in left.items() if item is not _GONE}
    if not kept and path in removed:
        return _GONE
    if isinstance(value, dict):
        return {step[2:]: item for step, item in kept.items()}
    return [_with_keys(schema, parts[step][1], item) for step, item in kept.items()]


def _with_keys(schema: Schema, before: Any, item: Any) -> Any:
    keys: Mapping[str, Any] = (key_of(schema, before) or {}) if isinstance(item, dict) else {}
    return {**item, **{name: value for name, value in keys.items() if name in before}} if keys else item
