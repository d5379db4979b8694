"""Which changes are worth a look (issuer-lib controllers/predicates.go): those that are not our own status writes.

`old` is None where nothing was known; what was created or deleted is always worth one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from issuer_bridge.conditions import READY, condition
from issuer_bridge.resources import Resource


def essence(resource: Resource) -> Resource:
    """Return as much of a resource as the functions below look at."""
    metadata = resource["metadata"]
    return {
        "metadata": {key: metadata.get(key) for key in ("generation", "annotations")},
        "status": {"conditions": (resource.get("status") or {}).get("conditions")},
    }


def request_changed(old: Resource | None, new: Resource, own: str | None = READY) -> bool:
    """Whether a condition came, went or has another status, or annotations differ; own: a type of which only coming and going counts."""
    if old is None:
        return True
    before, after = _statuses(old), _statuses(new)
    others = [type_ for type_ in before if type_ != own]
    return (
        len(before) != len(after)
        or any(before[type_] != after.get(type_) for type_ in others)
        or _annotations(old) != _annotations(new)
    )


def issuer_changed(old: Resource | None, new: Resource) -> bool:
    """Whether an issuer is to be looked at: generation, annotations, or that Ready came or went."""
    if old is None:
        return True
    generations = [resource["metadata"].get("generation") for resource in (old, new)]
    return (
        generations[0] != generations[1]
        or bool(condition(old, READY)) != bool(condition(new, READY))
        or _annotations(old) != _annotations(new)
    )


def issuer_moved(old: Resource | None, new: Resource) -> bool:
    """Whether the requests of an issuer are to be looked at: what Ready says, and of which generation."""
    return old is None or _readiness(old) != _readiness(new)


def _readiness(issuer: Resource) -> tuple[Any, Any]:
    ready = condition(issuer, READY)
    return ready.get("status"), ready.get("observedGeneration")


def _statuses(resource: Resource) -> Mapping[str, str]:
    return {item["type"]: item["status"] for item in (resource.get("status") or {}).get("conditions") or ()}


def _annotations(resource: Resource) -> Mapping[str, str]:
    return resource["metadata"].get("annotations") or {}
