"""What is stored: objects by kind and key, by uid, and by the owners that they name; and in an archive, first of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from issuer_bridge.kube_api.archive import Archive
from issuer_bridge.kube_api.deletion import is_deleting
from issuer_bridge.kube_api.object_meta import object_key, owner_uids
from issuer_bridge.resources import Kind, Resource

Key: TypeAlias = tuple[str, str]


class Objects:
    """The objects of a store, handed out as they are: who has one does not change it."""

    def __init__(self, archive: Archive | None = None) -> None:
        self._archive: Archive | None = None
        self._objects: dict[Kind, dict[Key, Resource]] = {}
        self._by_uid: dict[str, tuple[Kind, Key]] = {}
        self._owned: dict[str, dict[str, None]] = {}
        for kind, resource in archive.objects() if archive else ():
            self.put(kind, resource)
        self._archive = archive

    def of(self, kind: Kind) -> dict[Key, Resource]:
        """Return the objects of a kind by namespace and name."""
        return self._objects.setdefault(kind, {})

    def find(self, uid: str) -> tuple[Kind, Resource] | None:
        """Return an object by its uid."""
        found = self._by_uid.get(uid)
        return None if found is None else (found[0], self._objects[found[0]][found[1]])

    def dependents(self, uid: str) -> list[str]:
        """Return the uids of those that name this one as an owner."""
        return list(self._owned.get(uid, ()))

    def inside(self, namespace: str) -> list[tuple[Kind, Key]]:
        """Return what is in a namespace."""
        return [(kind, key) for kind, objects in self._objects.items() for key in objects if key[0] == namespace]

    def unsettled(self, resource: Resource) -> list[str]:
        """Return the uids that the garbage collector is to look at because of an object: usually none."""
        metadata = resource["metadata"]
        references = metadata.get("ownerReferences")
        if is_deleting(resource):
            return [*self.dependents(metadata["uid"]), metadata["uid"]]
        if references and not self._all_live(references, metadata.get("namespace")):
            return [metadata["uid"]]
        return []

    def unfinished(self) -> list[str]:
        """Return the uids that the garbage collector is to look at because of any object."""
        resources = (resource for objects in self._objects.values() for resource in objects.values())
        return [uid for resource in resources for uid in self.unsettled(resource)]

    def _all_live(self, references: Sequence[Mapping[str, Any]], namespace: str | None) -> bool:
        """Whether all owners are there to stay."""
        for reference in references:
            kind, key = self._by_uid.get(reference["uid"], (None, ("", "")))
            if kind is None or key[0] not in ("", namespace) or is_deleting(self._objects[kind][key]):
                return False
        return True

    def put(self, kind: Kind, resource: Resource, stored: Resource | None = None) -> None:
        """Keep an object, in the place of the stored one if there is one."""
        if self._archive:
            self._archive.keep(kind, resource)
        if stored is not None:
            self._disown(stored)
        uid, key = resource["metadata"]["uid"], object_key(kind, resource)
        self.of(kind)[key] = resource
        self._by_uid[uid] = (kind, key)
        for owner in owner_uids(resource):
            self._owned.setdefault(owner, {})[uid] = None

    def take(self, kind: Kind, stored: Resource) -> None:
        """Keep an object no longer, its version that of the deletion; who names it as an owner is still known."""
        if self._archive:
            self._archive.drop(kind, stored)
        del self._objects[kind][object_key(kind, stored)]
        self._by_uid.pop(stored["metadata"]["uid"], None)
        self._disown(stored)

    def _disown(self, resource: Resource) -> None:
        for owner in owner_uids(resource):
            owned = self._owned.get(owner, {})
            owned.pop(resource["metadata"]["uid"], None)
            if not owned:
                self._owned.pop(owner, None)
