"""Reads YAML as Kubernetes does: several documents, JSON's values only, and the line of whatever is wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Iterator
from typing import Any

import attrs
import yaml

# A few lines of aliases can stand for billions of values; no manifest is larger than this.
MAX_VALUES = 100_000
MAX_DEPTH = 64
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


@attrs.frozen
class Document:
    """One document: its number in the text, its value, and where its parts begin; or what is wrong with it."""

    number: int
    value: Any
    line: int
    node: yaml.Node | None = attrs.field(default=None, repr=False)
    error: str | None = None

    def line_of(self, *path: str | int) -> int:
        """Return the line of a key or item, or of the innermost part of its path that exists."""
        node, line = self.node, self.line
        for step in path:
            key, node = _child(node, step)
            if key is None:
                break
            line = key.start_mark.line + 1
        return line


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node | None]:
    """Return the key's node and the value's; an item of a list is both."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return node.value[step], node.value[step]
    return None, None


class _Loader(yaml.SafeLoader):
    """Without timestamps, which are strings to Kubernetes; without duplicate keys, which are mistakes."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML reads it from the class
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[Any, None] = {}
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node)
            if not isinstance(key, str):
                raise _fault(key_node, f"the key {key!r} is not a string; quote it")
            if key in seen:
                raise _fault(key_node, f"the key {key!r} is there twice")
            seen[key] = None
        return super().construct_mapping(node, deep)


def _fault(node: yaml.Node, text: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, text, node.start_mark)


def documents(text: str, most: int = MAX_VALUES) -> Iterator[Document]:
    """Yield the documents of a text, empty ones left out; broken syntax is the last one; most: how many values each may hold."""
    if text.lstrip().startswith(("{", "[")):
        # YAML forbids the tabs that JSON allows.
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield _checked(Document(1, value, 1), most)
            return
    number = 1
    try:
        loader = _Loader(text)
        while loader.check_node():
            document = _constructed(loader, number, most)
            if document.value is not None or document.error:
                yield document
            number += 1
    except yaml.YAMLError as error:
        yield Document(number, None, _line(error), error=f"is not YAML: {_problem(error)}")
    except RecursionError:
        yield Document(number, None, 1, error=_TOO_LARGE)


def _constructed(loader: _Loader, number: int, most: int) -> Document:
    node = loader.get_node()
    assert node is not None
    line = node.start_mark.line + 1
    try:
        value = loader.construct_document(node)
    except yaml.YAMLError as error:
        return Document(number, None, _line(error), error=_problem(error))
    except ValueError as error:
        return Document(number, None, line, error=f"has a value that cannot be read ({error})")
    return _checked(Document(number, value, line, node), most)


def _line(error: yaml.YAMLError) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else 1


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)


_TOO_LARGE = f"has more than {MAX_VALUES} values or {MAX_DEPTH} levels, or an alias that contains itself"


def _checked(document: Document, most: int) -> Document:
    left = [most]
    error = _foreign(document.value, left, 0)
    return attrs.evolve(document, error=error) if error else document


def _foreign(value: Any, left: list[int], depth: int) -> str | None:
    """Say what JSON could not hold, counting aliases as often as they are used."""
    left[0] -= 1
    if left[0] < 0 or depth > MAX_DEPTH:
        return _TOO_LARGE
    if isinstance(value, dict | list):
        items = value.values() if isinstance(value, dict) else value
        return next((error for item in items if (error := _foreign(item, left, depth + 1))), None)
    if isinstance(value, float) and not math.isfinite(value):
        return f"has the number {value}, which JSON does not know"
    if value is None or isinstance(value, str | int | float):
        return None
    return f"has a value of the YAML type {type(value).__name__}, which JSON does not know"
