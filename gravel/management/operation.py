"""What a request of the management API may hold and what it is answered with, told where the endpoint is.

    @described(query={"since": COUNT}, answers={200: members({"queries": array(QUERY)})})
    async def list_queries(hosted, request): ...  # what for: the first line of its docstring

That is all that docs/openapi.json, `GET /openapi.json` and docs/management-api.md are made of, and what tests hold the
endpoint to. Schemas are JSON Schema's (draft 2020-12, as in OpenAPI 3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import attrs

Schema: TypeAlias = Mapping[str, Any]
F = TypeVar("F", bound=Callable[..., Any])

_ATTRIBUTE = "__operation__"
_NOTHING: Mapping[str, Schema] = MappingProxyType({})


def members(needed: Mapping[str, Schema] = _NOTHING, /, **optional: Schema) -> Schema:
    """Return the schema of an object; others than the members may be there, unless `closed` says not."""
    schema: dict[str, Any] = {"type": "object", "properties": {**needed, **optional}}
    return {**schema, "required": list(needed)} if needed else schema


def closed(schema: Schema) -> Schema:
    """Return the schema of an object that has no other members."""
    return {**schema, "additionalProperties": False}


def array(items: Schema, least: int = 0) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": items, **({"minItems": least} if least else {})}


def number(least: int, most: int) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, "maximum": most}


def mapping(values: Schema) -> Schema:
    """Return the schema of an object whose names are free."""
    return {"type": "object", "additionalProperties": values}


def words(*known: str) -> Schema:
    """Return the schema of one of some words."""
    return {"enum": list(known)}


def nullable(schema: Schema) -> Schema:
    """Return a schema that null fits too."""
    return {"anyOf": [schema, {"type": "null"}]}


ANY: Schema = {}
OBJECT: Schema = {"type": "object"}
STRING: Schema = {"type": "string"}
TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
MOMENT: Schema = {"type": "string", "format": "date-time"}
HOST: Schema = {"type": "string", "minLength": 1, "maxLength": 253, "format": "hostname"}
URL: Schema = {"type": "string", "format": "uri"}
DURATION: Schema = {
    "description": "Seconds, or a text such as 60d or 1h30m.",
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|[smhdw]))+$"}],
}
PEM, PLAIN = "application/pem-certificate-chain", "text/plain"
REFUSED = members({"error": STRING})


@attrs.frozen
class Operation:
    """One request.

    summary: a sentence; answers: of each status that is no mistake of the client, the schema of its JSON, the media
    type of a text, or None for an empty body; body: the schema of the JSON that is taken, None where none is; optional:
    whether there may be no body; query, headers: parameters by name; refused: the schema of what a mistake is answered;
    free: whether some of what fits is refused, because more is asked than a schema can say.
    """

    summary: str
    answers: Mapping[int, Schema | str | None]
    body: Schema | None = None
    optional: bool = False
    query: Mapping[str, Schema] = _NOTHING
    headers: Mapping[str, Schema] = _NOTHING
    refused: Schema = REFUSED
    free: bool = False


def described(summary: str | None = None, **about: Any) -> Callable[[F], F]:
    """Describe an endpoint by the members of `Operation`; without a summary, the first line of its docstring is one."""

    def mark(endpoint: F) -> F:
        said = summary or (endpoint.__doc__ or "").strip().partition("\n")[0]
        setattr(endpoint, _ATTRIBUTE, Operation(said, **{"answers": {200: None}, **about}))
        return endpoint

    return mark


def operation_of(endpoint: Any) -> Operation | None:
    """Return how an endpoint is described, None where it is not."""
    return getattr(endpoint, _ATTRIBUTE, None)
