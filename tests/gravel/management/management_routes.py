"""The management API without a server: its routes, what they say of themselves, and the document made of that."""

from __future__ import annotations

import json

from gravel.management.api import Access, create_app
from gravel.management.openapi import Route, document, routes_of
from gravel.metrics.gathering import Metrics

WORLD = "/worlds/{world}"
APP = create_app(
    None, None, "", Access(None, (), webhook_open=False, acme_dns_domain="auth.acme-dns.test"), Metrics(tuple)
)
ROUTES: list[Route] = routes_of(APP)
DESCRIBED = [route for route in ROUTES if route.operation]
DOCUMENT = document(APP)


def openapi_text():
    return json.dumps(DOCUMENT, indent=1) + "\n"


def _type(schema):
    """A schema in a word or some, for people."""
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema.get("anyOf") or schema["oneOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"]) if len(schema["enum"]) < 6 else "a word"
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    match schema.get("type"):
        case "object" if schema.get("properties"):
            needed = schema.get("required", [])
            return "{" + ", ".join(name + "?" * (name not in needed) for name in schema["properties"]) + "}"
        case "array":
            return f"[{_type(schema['items'])}]"
        case found:
            return schema.get("format") or found or "anything"


def _row(route):
    operation = route.operation
    asked = [f"`?{name}=`" for name in operation.query]
    asked += [f"`{name}`" for name in operation.headers]
    asked += [_type(operation.body)] if operation.body is not None else []
    answers = [
        f"{status} {told if isinstance(told, str) else _type(told) if told is not None else ''}".strip()
        for status, told in operation.answers.items()
    ]
    return f"| `{route.method} {route.path}` | {' '.join(asked)} | {', '.join(answers)} | {operation.summary} |"


def page():
    """The tables of docs/management-api.md: what stands below /worlds/ID too is told once."""
    groups = {}
    for route in DESCRIBED:
        if not route.path.startswith(f"{WORLD}/") or route.path.removeprefix(WORLD) not in DOCUMENT["paths"]:
            groups.setdefault(route.group, []).append(_row(route))
    head = "| request | takes | answers | what for |\n|---|---|---|---|\n"
    return "\n\n".join(f"## {group}\n\n{head}" + "\n".join(rows) for group, rows in groups.items())
