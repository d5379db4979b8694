"""One column of a table: what it is called, and how an object fills its cell."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from issuer_bridge.ages import age
from issuer_bridge.resources import Resource

Cell: TypeAlias = Callable[[Resource, datetime], Any]

# `.name`, `["name"]` of any characters, `[0]`, `[*]`, and those items that have a field with a value.
_STEP = re.compile(
    r"""\.((?:[\w-]|\\\.)+)|\[["']([^"']+)["']\]|\[(\d+|\*)\]"""
    r"""|\[\?\(\s*@\.([\w-]+)\s*==\s*["']([^"']*)["']\s*\)\]"""
)
_CREATED = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed "
    "to be set in happens-before order across separate operations. Clients may not set this value. It is represented "
    "in RFC3339 form and is in UTC."
)
_NAMED = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a "
    "client to request the generation of an appropriate name automatically. Name is primarily intended for creation "
    "idempotence and configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)


@attrs.frozen
class Column:
    """A column of a Table (meta.k8s.io/v1); with a priority above 0 it is shown by `-o wide` alone.

    cell: from the object and now to a JSON value; null shows nothing.
    """

    name: str
    cell: Cell
    priority: int = 0
    type: str = "string"
    format: str = ""
    description: str = ""

    @property
    def heading(self) -> str:
        """What stands above the column, as kubectl writes it."""
        return self.name.upper()

    def definition(self) -> dict[str, Any]:
        """Return the TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


def value_at(resource: Resource, path: str) -> Any:
    """Return what is at a path like `.status.conditions[?(@.type=="Ready")].status`, or None."""
    return next(iter(values_at(resource, path)), None)


def values_at(resource: Resource, path: str) -> list[Any]:
    """Return all that a path leads to, of JSONPath what printer columns have of it."""
    values: list[Any] = [resource]
    for name, quoted, index, field, wanted in _STEP.findall(path):
        if key := name.replace("\\.", ".") or quoted:
            values = [value[key] for value in values if isinstance(value, Mapping) and key in value]
            continue
        items = [value for value in values if isinstance(value, list)]
        if index:
            values = [item for each in items for item in (each if index == "*" else each[int(index) :][:1])]
        else:
            found = [item for each in items for item in each if isinstance(item, Mapping)]
            values = [item for item in found if item.get(field) == wanted]
    return values


def custom(name: str, path: str, priority: int = 0) -> Column:
    """Return a printer column of a CRD, which is a path."""
    text = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(name, lambda resource, _: value_at(resource, path), priority, description=text)


def printed(column: Mapping[str, Any]) -> Column:
    """Return one of a CRD's additionalPrinterColumns; a value of another type is shown as nothing."""
    path, kind = column["jsonPath"], column["type"]
    text = column.get("description") or f"Custom resource definition column (in JSONPath format): {path}"

    def cell(resource: Resource, now: datetime) -> Any:
        found = values_at(resource, path)
        return _PRINTED[kind](found, now) if found and found[0] is not None else None

    return Column(column["name"], cell, column.get("priority", 0), kind, column.get("format", ""), text)


def _typed(*types: type) -> Callable[[list[Any], datetime], Any]:
    return lambda found, _: found[0] if type(found[0]) in types else None


_PRINTED: Mapping[str, Callable[[list[Any], datetime], Any]] = {
    "string": lambda found, _: " ".join(item if isinstance(item, str) else json.dumps(item) for item in found),
    "date": lambda found, now: age(str(found[0]), now),
    "integer": _typed(int),
    "number": _typed(int, float),
    "boolean": _typed(bool),
}


def at(name: str, path: str, priority: int = 0, missing: Any = "") -> Column:
    """Return a column of a built-in kind that shows what is at a path."""

    def cell(resource: Resource, now: datetime) -> Any:
        del now
        value = value_at(resource, path)
        return missing if value in (None, "") else value

    return Column(name, cell, priority)


def condition(name: str) -> Column:
    """Return the printer column of a condition's status."""
    return custom(name, f'.status.conditions[?(@.type=="{name}")].status')


def _age(resource: Resource, now: datetime) -> str:
    return age(resource["metadata"].get("creationTimestamp"), now)


NAME = Column("Name", lambda resource, _: resource["metadata"].get("name", ""), format="name", description=_NAMED)
# A CRD's column is a date; a built-in kind's is the text already.
CUSTOM_AGE = Column("Age", _age, type="date", description=_CREATED)
AGE = Column("Age", _age, description=_CREATED)
