"""From JSON to frozen values and back: strict, and helpful about what is wrong.

A value class declares its members with `member`; whatever else a document
holds is an error that names the nearest known member.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, TypeAlias, TypeVar

import attrs

from acme_server.protocol.times import parse_rfc3339, rfc3339_micro

T = TypeVar("T")
Read: TypeAlias = Callable[[Any], Any]
"""Checks one JSON value; ValueError completes the sentence "NAME ..."."""


def member(read: Read, default: Any = attrs.NOTHING, name: str | None = None) -> Any:
    """Declare a member of a value class: how it is read, and what its absence means; `name` is its JSON name."""
    return attrs.field(default=default, metadata={"read": read, "name": name})


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that looks most like this one."""
    spelled = {name.lower(): name for name in known}
    return spelled[get_close_matches(word.lower(), spelled, n=1, cutoff=0.0)[0]]


def choose(word: Any, known: Iterable[str], where: str) -> str:
    """Return a word that is known, or say which one may have been meant."""
    known = tuple(known)
    if not isinstance(word, str) or word not in known:
        raise ValueError(f"{where} {word!r} is not known; the nearest is {nearest(str(word), known)!r}")
    return word


def read_value(cls: type[T], document: Any, where: str) -> T:
    """Read an object into a value class."""
    if not isinstance(document, Mapping):
        raise ValueError(f"{where} is not an object")
    fields = {field.metadata["name"] or field.name: field for field in _members(cls)}
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in fields:
            hint = f"; the nearest is {nearest(str(key), fields)!r}" if fields else "; it takes none"
            raise ValueError(f"{where} has no member {str(key)!r}{hint}")
        try:
            values[fields[key].name] = fields[key].metadata["read"](value)
        except ValueError as error:
            raise ValueError(f"{where}: {key!r} {error}") from None
    for key, field in fields.items():
        if field.default is attrs.NOTHING and field.name not in values:
            raise ValueError(f"{where} needs {key!r}")
    return cls(**values)


def write_value(value: Any) -> dict[str, Any]:
    """Return the object that `read_value` reads as an equal value; defaults are left out."""
    document: dict[str, Any] = {}
    for field in _members(type(value)):
        found = getattr(value, field.name)
        default = {} if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
        if found != default:
            document[field.metadata["name"] or field.name] = _plain(found)
    return document


def _members(cls: type[Any]) -> tuple[attrs.Attribute[Any], ...]:
    return tuple(field for field in attrs.fields(cls) if "read" in field.metadata)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339_micro(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def number(low: float = 0.0, high: float = math.inf) -> Read:
    """Read a finite number between two bounds."""

    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError("is not a number")
        if not low <= value <= high:
            raise ValueError(f"is not between {low:g} and {high:g}" if high < math.inf else f"is less than {low:g}")
        return float(value)

    return read


def integer(low: int | None = None, high: int | None = None) -> Read:
    """Read an integer between two bounds."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("is not an integer")
        if low is not None and value < low:
            raise ValueError(f"is less than {low}")
        if high is not None and value > high:
            raise ValueError(f"is more than {high}")
        return value

    return read


def text(value: Any) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise ValueError("is not a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("has a lone surrogate") from None
    return value


def record_type(value: Any) -> str:
    """Read the name of a DNS record type, in any case."""
    if not isinstance(value, str) or not value.isascii() or not value.isalnum():
        raise ValueError("is not the name of a record type")
    return value.upper()


def header_text(value: Any) -> str:
    """Read what may stand in a header: Latin-1 without control characters."""
    if not isinstance(value, str) or any(ord(char) < 32 or ord(char) == 127 or ord(char) > 255 for char in value):
        raise ValueError("cannot stand in an HTTP header")
    return value


def texts(read: Read = text) -> Read:
    """Read a string, or a list of at least one."""

    def read_all(value: Any) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise ValueError("is an empty list")
        return tuple(read(item) for item in values)

    return read_all


def word_of(known: Iterable[str]) -> Read:
    """Read one of a few words."""
    known = tuple(known)

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise ValueError(f"cannot be {value!r}; the nearest is {nearest(str(value), known)!r}")
        return value

    return read


def either(*reads: Read) -> Read:
    """Read what any of these can read; the last one's complaint is told."""

    def read(value: Any) -> Any:
        for attempt in reads[:-1]:
            try:
                return attempt(value)
            except ValueError:
                continue
        return reads[-1](value)

    return read


def duration() -> Read:
    """Read seconds, at most some thirty years of them."""
    return number(0.0, 1e9)


def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """Read an object whose members are free."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError("is not an object")
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("holds what JSON does not know") from None
    return dict(value)


def text_mapping(value: Any) -> Mapping[str, str]:
    """Read an object of strings, its names in lower case."""
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise ValueError("is not an object of strings")
    return {key.lower(): item for key, item in value.items()}


def moment(value: Any) -> datetime | float:
    """Read an RFC 3339 moment, or seconds after the rule is armed."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value  # YAML has moments of its own.
    if isinstance(value, str):
        try:
            return parse_rfc3339(value)
        except ValueError:
            raise ValueError("is neither an RFC 3339 moment nor seconds after arming") from None
    seconds: float = duration()(value)
    return seconds
