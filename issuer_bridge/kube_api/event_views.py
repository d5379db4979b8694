"""Events as events.k8s.io shows them: the objects of the core, with other names for some of their fields.

Since only first names differ, patches are translated as objects are.
"""

from __future__ import annotations

import json
from typing import Any

import attrs

from issuer_bridge.kube_api.bodies import read_json, read_object, read_yaml
from issuer_bridge.kube_api.core_schemas import EVENT_NAMES
from issuer_bridge.kube_api.forms import JSON
from issuer_bridge.kube_api.patches import APPLY, JSON_PATCH
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.resources import EVENT, EVENT_VIEW

_TO_CORE = {theirs: core for core, theirs in EVENT_NAMES.items()}


def in_core(call: Call) -> Call:
    """Return a request for the other group as one for the core."""
    query = {name: value.replace("regarding.", "involvedObject.") for name, value in call.query.items()}
    if not call.body or call.method == "DELETE":
        return attrs.evolve(call, query=query)
    if call.content_type == JSON_PATCH:
        operations = read_json(call.body, EVENT_VIEW)
        body: Any = [_operation(item) for item in operations] if isinstance(operations, list) else operations
    elif call.method == "PATCH":
        body = _core(
            read_yaml(call.body, EVENT_VIEW) if call.content_type == APPLY else read_json(call.body, EVENT_VIEW)
        )
    else:
        body = _core(read_object(call.content_type, call.body, EVENT_VIEW))
        call = attrs.evolve(call, content_type=JSON)
    return attrs.evolve(call, query=query, body=json.dumps(body).encode())


def _core(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    named = {_TO_CORE.get(name, name): item for name, item in value.items()}
    return named | ({"apiVersion": EVENT.api_version} if named.get("apiVersion") == EVENT_VIEW.api_version else {})


def _operation(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    paths = {name: path for name in ("path", "from") if isinstance(path := item.get(name), str)}
    return item | {name: _pointer(path) for name, path in paths.items()}


def _pointer(path: str) -> str:
    start, slash, rest = path.removeprefix("/").partition("/")
    return f"/{_TO_CORE.get(start, start)}{slash}{rest}" if path else path
