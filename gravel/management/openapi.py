"""The management API as an OpenAPI 3.1 document, made of its routes and of what their endpoints say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs
from aiohttp import web

from gravel.management.operation import REFUSED, STRING, Operation, Schema, operation_of
from gravel.version import __version__

PATH = "/openapi.json"
_VARIABLE = re.compile(r"\(\?P<(\w+)>(.+?)\)(?=/|$)")
# What a group of requests is called whose module has another name.
_GROUPS = {"api": "worlds", "world": "clock, journal, records", "dns": "further records", "serving": "metrics"}
_WORDS = {200: "Done.", 201: "Made.", 204: "Done, and there is nothing to tell."}
_MISTAKE = "A mistake, in a sentence that says what is wrong."
_SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "Beyond loopback, or with --management-token."}
}


@attrs.frozen
class Route:
    """A method and path, its variables by the pattern that they fit, and what is said of it; None where nothing is."""

    method: str
    path: str
    variables: tuple[tuple[str, str], ...]
    operation: Operation | None
    group: str


def routes_of(app: web.Application) -> list[Route]:
    """Return the routes of an application in their order."""
    return list(_routes(app))


def _routes(app: web.Application) -> Iterator[Route]:
    for route in app.router.routes():
        if route.method == "HEAD" or route.resource is None:
            continue
        info = route.resource.get_info()
        pattern = info["pattern"].pattern if "pattern" in info else ""
        module = route.handler.__module__.rpartition(".")[2].removesuffix("_endpoints")
        variables = tuple(_VARIABLE.findall(pattern))
        yield Route(
            route.method,
            route.resource.canonical,
            variables,
            operation_of(route.handler),
            _GROUPS.get(module, module.replace("_", " ")),
        )


def document(app: web.Application) -> dict[str, Any]:
    """Return the OpenAPI document of an application's routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes_of(app):
        if route.operation is not None:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, route.operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gravel's management API",
            "version": __version__,
            "summary": "What a test may ask of, and do to, the worlds of a gravel. For testing, never for production.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"responses": {"Refused": _told(_MISTAKE, REFUSED)}, "securitySchemes": _SECURITY},
        "security": [{}, {"token": []}],
    }


def _operation(route: Route, operation: Operation) -> dict[str, Any]:
    parameters = [
        *(
            _parameter("path", name, {**STRING, "pattern": f"^{pattern}$"}, required=True)
            for name, pattern in route.variables
        ),
        *(_parameter("query", name, schema) for name, schema in operation.query.items()),
        *(_parameter("header", name, schema) for name, schema in operation.headers.items()),
    ]
    found: dict[str, Any] = {
        "operationId": "-".join((route.method.lower(), *re.findall(r"\w+|/$", route.path))).replace("/", "slash"),
        "summary": operation.summary,
        "tags": [route.group],
        "responses": {str(status): _answer(status, told) for status, told in operation.answers.items()},
    }
    found["responses"]["4XX"] = (
        {"$ref": "#/components/responses/Refused"}
        if operation.refused is REFUSED
        else _told(_MISTAKE, operation.refused)
    )
    if parameters:
        found["parameters"] = parameters
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        found["requestBody"] = {"required": not operation.optional, "content": content}
    return found


def _parameter(place: str, name: str, schema: Schema, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _answer(status: int, told: Schema | str | None) -> dict[str, Any]:
    if told is None:
        return {"description": _WORDS[status]}
    return _told(_WORDS.get(status, "It cannot be done now."), told)


def _told(description: str, told: Schema | str) -> dict[str, Any]:
    media, schema = (told, STRING) if isinstance(told, str) else ("application/json", told)
    return {"description": description, "content": {media: {"schema": schema}}}
