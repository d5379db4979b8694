"""The garbage collector's decisions on one object: what its owners' deletion, or its own, means for it.

Source: pkg/controller/garbagecollector/garbagecollector.go. An owner that never existed keeps nothing; one of a kind
that is not served here might exist, and does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from issuer_bridge.kube_api.deletion import FOREGROUND, ORPHAN, is_deleting, without_finalizer
from issuer_bridge.resources import Kind, Resource

Look: TypeAlias = Callable[[str], tuple[Kind, Resource] | None]
Serves: TypeAlias = Callable[[Any, Any], bool]
_SOLID, _ABSENT, _WAITING, _ORPHANING = "solid", "absent", "waiting", "orphaning"


@attrs.frozen
class Delete:
    """The object is to be deleted; policy None: as its own finalizers say."""

    policy: str | None = None


def judge(resource: Resource, look: Look, dependents: Sequence[Resource], serves: Serves) -> Resource | Delete | None:
    """Return the object as it is to be written, or Delete, or None when all is well.

    look: find an object by uid; dependents: those that name this object as an owner; serves: whether there are objects
    of an apiVersion and kind.
    """
    metadata = resource["metadata"]
    if is_deleting(resource):
        return _released(resource, dependents)
    references = metadata.get("ownerReferences") or ()
    states = [_state(reference, metadata.get("namespace"), look, serves) for reference in references]
    if _ORPHANING in states:
        return _owned_by(
            resource, [item for item, state in zip(references, states, strict=True) if state != _ORPHANING]
        )
    if _SOLID in states:
        kept = [item for item, state in zip(references, states, strict=True) if state == _SOLID]
        return None if len(kept) == len(references) else _owned_by(resource, kept)
    if not references:
        return None
    return Delete("Foreground" if _WAITING in states and dependents else None)


def _state(reference: Mapping[str, Any], namespace: str | None, look: Look, serves: Serves) -> str:
    found = look(str(reference.get("uid")))
    if found is None:
        return _ABSENT if serves(reference.get("apiVersion"), reference.get("kind")) else _SOLID
    kind, owner = found
    if kind.namespaced and owner["metadata"]["namespace"] != namespace:
        return _ABSENT
    finalizers = owner["metadata"].get("finalizers") or () if is_deleting(owner) else ()
    return _WAITING if FOREGROUND in finalizers else _ORPHANING if ORPHAN in finalizers else _SOLID


def _owned_by(resource: Resource, references: list[Any]) -> Resource:
    metadata = {key: value for key, value in resource["metadata"].items() if key != "ownerReferences"}
    if references:
        metadata["ownerReferences"] = references
    return {**resource, "metadata": metadata}


def _released(resource: Resource, dependents: Sequence[Resource]) -> Resource | None:
    """Take the collector's own finalizer away when what it stands for is done."""
    finalizers = resource["metadata"].get("finalizers") or ()
    if ORPHAN in finalizers and not dependents:
        return without_finalizer(resource, ORPHAN)
    if FOREGROUND in finalizers and not any(_blocks(item, resource["metadata"]["uid"]) for item in dependents):
        return without_finalizer(resource, FOREGROUND)
    return None


def _blocks(dependent: Resource, uid: str) -> bool:
    references = dependent["metadata"].get("ownerReferences") or ()
    return any(item.get("uid") == uid and item.get("blockOwnerDeletion") for item in references)
