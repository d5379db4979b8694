"""Copies and merges of JSON values."""

from __future__ import annotations

from typing import Any


def copy_json(value: Any) -> Any:
    """Return a deep copy; several times faster than `copy.deepcopy`, since JSON shares nothing and has no cycles."""
    if isinstance(value, dict):
        # Most values are texts, and most of the time would go into calls for them.
        return {key: item if type(item) is str else copy_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [item if type(item) is str else copy_json(item) for item in value]
    return value


def merge_patch(target: Any, patch: Any) -> Any:
    """Return the target after a merge patch (RFC 7396 section 2): null removes, objects merge, all else replaces."""
    if not isinstance(patch, dict):
        return copy_json(patch)
    result = copy_json(target) if isinstance(target, dict) else {}
    for key, item in patch.items():
        if item is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), item)
    return result
