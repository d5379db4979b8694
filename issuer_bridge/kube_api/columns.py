"""One column of a table: what it is called, and how an object fills its cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

import attrs

from issuer_bridge.ages import age
from issuer_bridge.resources import Resource

Cell: TypeAlias = Callable[[Resource, datetime], Any]

_STEP = re.compile(r'\.(\w+)|\[\?\(@\.type=="(\w+)"\)\]')
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
    value: Any = resource
    for name, wanted in _STEP.findall(path):
        if name:
            value = value.get(name) if isinstance(value, Mapping) else None
        else:
            items = value if isinstance(value, list) else ()
            value = next((item for item in items if isinstance(item, Mapping) and item.get("type") == wanted), None)
    return value


def custom(name: str, path: str, priority: int = 0) -> Column:
    """Return a printer column of a CRD, which is a path."""
    text = f"Custom resource definition column (in JSONPath format): {path}"
    return Column(name, lambda resource, _: value_at(resource, path), priority, description=text)


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
