"""JSON Patch (RFC 6902) on JSON values, with JSON Pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from issuer_bridge.kube_api.json_values import copy_json

MAX_OPERATIONS = 10_000


class PatchError(ValueError):
    """An operation cannot be done."""


def json_patched(document: Any, operations: Any) -> Any:
    """Return the document after all operations, in order; PatchError when one cannot be done, and then none is."""
    result = copy_json(document)
    for operation in operations:
        if not isinstance(operation, dict) or operation.get("op") not in _OPERATIONS:
            raise PatchError("an operation is add, remove, replace, move, copy or test")
        result = _OPERATIONS[operation["op"]](result, operation)
    return result


def _pointer(operation: Mapping[str, Any], name: str = "path") -> list[str]:
    text = operation.get(name)
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f"{name} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value(operation: Mapping[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchError("the operation has no value")
    return copy_json(operation["value"])


def _index(container: list[Any], part: str, *, end: bool) -> int:
    """Read an index of a list; `end`: the place behind its last item is one too."""
    if part == "-" and end:
        return len(container)
    if not part.isascii() or not part.isdigit() or (part[0] == "0" and part != "0"):
        raise PatchError("the path has no such index")
    if int(part) >= len(container) + end:
        raise PatchError("the index is beyond the list")
    return int(part)


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part, end=False)]
        else:
            raise PatchError("the path leads nowhere")
    return document


def _set(document: Any, path: list[str], value: Any, *, new: bool) -> Any:
    if not path:
        return value
    *above, last = path
    container = _get(document, above)
    if isinstance(container, list):
        index = _index(container, last, end=new)
        container[index : index + (not new)] = [value]
    elif isinstance(container, dict) and (new or last in container):
        container[last] = value
    else:
        raise PatchError("the path leads nowhere")
    return document


def _take(document: Any, path: list[str]) -> Any:
    if not path:
        raise PatchError("the whole document cannot be removed")
    container, last = _get(document, path[:-1]), path[-1]
    value = _get(container, [last])
    del container[_index(container, last, end=False) if isinstance(container, list) else last]
    return value


def _add(document: Any, operation: Mapping[str, Any]) -> Any:
    return _set(document, _pointer(operation), _value(operation), new=True)


def _remove(document: Any, operation: Mapping[str, Any]) -> Any:
    _take(document, _pointer(operation))
    return document


def _replace(document: Any, operation: Mapping[str, Any]) -> Any:
    return _set(document, _pointer(operation), _value(operation), new=False)


def _move(document: Any, operation: Mapping[str, Any]) -> Any:
    source, target = _pointer(operation, "from"), _pointer(operation)
    if target[: len(source)] == source and len(target) > len(source):
        raise PatchError("a value cannot move into itself")
    value = _get(document, source)
    if source:
        _take(document, source)
    return _set(document, target, value, new=True)


def _copy(document: Any, operation: Mapping[str, Any]) -> Any:
    value = copy_json(_get(document, _pointer(operation, "from")))
    return _set(document, _pointer(operation), value, new=True)


def _test(document: Any, operation: Mapping[str, Any]) -> Any:
    if not _equal(_get(document, _pointer(operation)), _value(operation)):
        raise PatchError("a test failed")
    return document


def _equal(left: Any, right: Any) -> bool:
    """Compare as JSON does: true is not 1."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(item, right[name]) for name, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


_OPERATIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
