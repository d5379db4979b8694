"""Strategic merge patches of Kubernetes' own kinds: lists are merged where their shape says how.

By key: ownerReferences (uid), a Service's ports (port), a Pod's containers and volumes (name), its containers' ports
(containerPort) and env (name); as a set: finalizers. Other lists are replaced, an Ingress's rules among them. Directives:
`$patch: replace|delete|merge`, `$deleteFromPrimitiveList/NAME`; `$setElementOrder/NAME` and `$retainKeys` are passed over.
Source: staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go.
"""

from __future__ import annotations

from typing import Any

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.schema_check import below
from issuer_bridge.kube_api.shapes import ANYTHING, Schema

_DIRECTIVE, _DELETE_FROM = "$patch", "$deleteFromPrimitiveList/"


def strategic_merge(schema: Schema, target: Any, patch: Any) -> Any:
    """Return the target after the patch."""
    if not isinstance(patch, dict):
        return copy_json(patch)
    if patch.get(_DIRECTIVE) in ("replace", "delete"):
        return {key: copy_json(item) for key, item in patch.items() if not key.startswith("$")}
    result = copy_json(target) if isinstance(target, dict) else {}
    for key, item in patch.items():
        if key.startswith(_DELETE_FROM):
            name = key.removeprefix(_DELETE_FROM)
            kept = result.get(name)
            if isinstance(kept, list) and isinstance(item, list):
                result[name] = [each for each in kept if each not in item]
        elif key.startswith("$"):
            continue
        elif item is None:
            result.pop(key, None)
        else:
            result[key] = _merged(below(schema, key) or ANYTHING, result.get(key), item)
    return result


def _merged(schema: Schema, target: Any, patch: Any) -> Any:
    if not isinstance(patch, list):
        return strategic_merge(schema, target, patch)
    kept = target if isinstance(target, list) else []
    match schema.get("x-kubernetes-list-type"):
        case "set":
            return [*kept, *(copy_json(item) for item in patch if item not in kept)]
        case "map":
            return _merged_items(schema, kept, patch)
    return copy_json(patch)


def _merged_items(schema: Schema, kept: list[Any], patch: list[Any]) -> list[Any]:
    if {_DIRECTIVE: "replace"} in patch:
        return [copy_json(item) for item in patch if item != {_DIRECTIVE: "replace"}]
    key = schema["x-kubernetes-list-map-keys"][0]
    result = list(kept)
    for item in patch:
        found = [
            index
            for index, each in enumerate(result)
            if _key(each, key) is not None and _key(each, key) == _key(item, key)
        ]
        if isinstance(item, dict) and item.get(_DIRECTIVE) == "delete":
            result = [each for index, each in enumerate(result) if index not in found]
        elif found:
            result[found[0]] = strategic_merge(schema["items"], result[found[0]], item)
        else:
            result.append(strategic_merge(schema["items"], {}, item))
    return result


def _key(item: Any, name: str) -> Any:
    return item.get(name) if isinstance(item, dict) else None
