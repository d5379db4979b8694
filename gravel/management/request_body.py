"""The JSON bodies of the management API, read member by member; ValueError says in a sentence what is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from acme_server.protocol.encoding import load_json
from acme_server.protocol.times import parse_rfc3339

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


@attrs.frozen
class Body:
    """The members of a JSON object."""

    members: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.members

    def only(self, names: Collection[str]) -> None:
        """Refuse a member that is not among the names."""
        for name in self.members:
            if name not in names:
                raise ValueError(f"{name[:64]!r} is not known here; known are {', '.join(names)}")

    def text(self, name: str, *, empty: bool = False) -> str:
        """Return a string, which may not be empty unless said so."""
        value = self.members.get(name)
        if not isinstance(value, str) or not (value or empty):
            raise ValueError(f"{name!r} is wanted: a {'' if empty else 'non-empty '}string")
        return value

    def texts(self, name: str) -> list[str]:
        """Return a non-empty list of strings, none of them empty."""
        values = self.members.get(name)
        if not isinstance(values, list) or not values or not all(isinstance(value, str) and value for value in values):
            raise ValueError(f"{name!r} is wanted: a non-empty list of strings, none of them empty")
        return values

    def objects(self, name: str) -> list[Body]:
        """Return a non-empty list of objects."""
        values = self.members.get(name)
        if not isinstance(values, list) or not values or not all(isinstance(value, dict) for value in values):
            raise ValueError(f"{name!r} is wanted: a non-empty list of objects")
        return [Body(value) for value in values]

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.members.get(name)
        if not isinstance(value, bool):
            raise ValueError(f"{name!r} is wanted: true or false")
        return value

    def number(self, name: str, least: int, most: int) -> int:
        """Return a whole number within bounds; to JSON, 2.0 is one."""
        value = self.members.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{name!r} is wanted: a whole number from {least} to {most}")
        return value

    def moment(self, name: str) -> datetime:
        """Return an RFC 3339 moment."""
        return parse_rfc3339(self.text(name))

    def duration(self, name: str) -> timedelta:
        """Return seconds, or a text such as `60d` or `1h30m`, as a duration; a negative one is left to the caller."""
        try:
            return timedelta(seconds=_seconds(self.members.get(name)))
        except (ValueError, OverflowError):
            raise ValueError(f"{name!r} is wanted: a number of seconds, or a duration such as 60d or 1h30m") from None

    def object(self, name: str) -> Body:
        """Return an object; an empty one when it is not there."""
        value = self.members.get(name, {})
        if not isinstance(value, dict):
            raise ValueError(f"{name!r} is wanted: an object")
        return Body(value)


def read_body(data: bytes, *, empty: bool = False) -> Body:
    """Read a JSON object; nothing at all is one too where that is allowed."""
    if empty and not data.strip():
        return Body({})
    try:
        document = load_json(data)
    except ValueError as error:
        raise ValueError(f"the body {error}") from None
    if not isinstance(document, dict):
        raise ValueError("the body is not a JSON object")
    return Body(document)


def _seconds(value: Any) -> float:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ValueError
