"""Records as JSON and back, by the types of their fields: a new field needs nothing here.

A field that an old text lacks gets its default; a member that no field has is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import Enum
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs

T = TypeVar("T")
Reader = Callable[[Any], Any]


def _plain(value: Any) -> Any:
    """Say what is no JSON yet; the texts of StrEnum are."""
    if isinstance(value, datetime):
        return value.isoformat()
    if attrs.has(type(value)):
        return {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form; records are plain values")


write = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def read(kind: type[T], text: str) -> T:
    """Return the record of a text; ValueError, TypeError or KeyError when it is none."""
    record: T = _reader(kind)(json.loads(text))  # type: ignore[arg-type]  # mypy: type[T] is no Hashable
    return record


@cache
def _reader(kind: Any) -> Reader:
    """Return what makes a value of a type from its JSON."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (inner,) = (_reader(argument) for argument in arguments if argument is not NoneType)
        return inner if inner is _same else partial(_optional, inner)
    if origin is tuple:
        if arguments[-1] is Ellipsis:
            inner = _reader(arguments[0])
            return tuple if inner is _same else partial(_row, inner)
        return partial(_tuple, tuple(map(_reader, arguments)))
    if kind is datetime:
        return datetime.fromisoformat
    if isinstance(kind, type) and issubclass(kind, Enum):
        # A fifth of the time that the class takes.
        return {member.value: member for member in kind}.__getitem__
    if isinstance(kind, type) and attrs.has(kind):
        hints = get_type_hints(kind)
        readers = {field.name: _reader(hints[field.name]) for field in attrs.fields(kind) if field.init}
        return partial(_record, kind, frozenset(readers), [each for each in readers.items() if each[1] is not _same])
    return _same


def _optional(reader: Reader, value: Any) -> Any:
    return None if value is None else reader(value)


def _row(reader: Reader, value: Any) -> Any:
    return tuple(map(reader, value))


def _tuple(readers: tuple[Reader, ...], value: Any) -> Any:
    return tuple(reader(item) for reader, item in zip(readers, value, strict=True))


def _record(kind: type[Any], names: frozenset[str], readers: Iterable[tuple[str, Reader]], value: Any) -> Any:
    """Read in place: of a file of many records, this is what takes the time."""
    if not names.issuperset(value):
        value = {name: item for name, item in value.items() if name in names}
    for name, reader in readers:
        if name in value:
            value[name] = reader(value[name])
    return kind(**value)


def _same(value: Any) -> Any:
    return value
