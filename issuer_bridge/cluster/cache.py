"""The copies of one kind's objects that a bridge reads, each the newest that was seen.

They are fed from two sides: by the watch, and by the answers to our own writes.
Whichever brings a version first is told; the other one is then old news. So a
controller that has written never acts on an older copy, and need not wait for
the watch (client-go's MutationCache does the same for single controllers;
expectations would count events, and a relist loses count). Versions are numbers
that grow across all objects, as Kubernetes promises since 1.35 (KEP-5504).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TypeAlias

from issuer_bridge.resources import Kind, Listener, Resource

Key: TypeAlias = tuple[str, str]
REMEMBERED = 4096


class Cache:
    """Objects by namespace and name.

    kind: of all of them; tell: hears of every change; watched: all of a kind
    that an informer follows, or else only the last that we wrote ourselves.
    """

    def __init__(self, kind: Kind, tell: Listener, *, watched: bool = True) -> None:
        self.kind, self.watched = kind, watched
        self.synced = False
        self._tell = tell
        self._objects: dict[Key, Resource] = {}
        self._gone: dict[str, None] = {}  # uids of what we deleted, until the watch says so too

    def get(self, namespace: str, name: str) -> Resource | None:
        """Return the object, or None."""
        return self._objects.get((namespace, name))

    def list(self, namespace: str | None, labels: Mapping[str, str] | None) -> list[Resource]:
        """Return objects in the order of namespace and name."""
        wanted = (labels or {}).items()
        return [
            resource
            for key, resource in sorted(self._objects.items())
            if namespace in (None, key[0]) and wanted <= (resource["metadata"].get("labels") or {}).items()
        ]

    def put(self, resource: Resource) -> None:
        """Take a version in, unless it is old news."""
        resource = {"apiVersion": self.kind.api_version, "kind": self.kind.kind, **resource}
        metadata, key = resource["metadata"], _key(resource)
        if metadata["uid"] in self._gone:
            return
        known = self._objects.get(key)
        if known is not None and _version(resource) <= _version(known):
            return
        if known is not None and known["metadata"]["uid"] != metadata["uid"]:
            self._drop(key)
            known = None
        if _ended(resource):
            if known is not None:
                self.drop(resource)
            return
        self._objects[key] = resource
        self._tell("MODIFIED" if known else "ADDED", self.kind, resource)
        self._forget_old()

    def drop(self, resource: Resource) -> None:
        """Take an object out that we know to be gone, before the watch has said so."""
        uid = resource["metadata"]["uid"]
        if self.watched:
            self._gone[uid] = None
        self._ended(uid, _key(resource))

    def heard(self, event: str, resource: Resource) -> None:
        """Take in what a watch says."""
        if event == "DELETED":
            uid = resource["metadata"]["uid"]
            self._gone.pop(uid, None)
            self._ended(uid, _key(resource))
        else:
            self.put(resource)

    def replace(self, resources: Iterable[Resource], version: int) -> None:
        """Take in all that there was at a version; what is missing and no newer is gone."""
        listed = {_key(resource): resource for resource in resources}
        here = {resource["metadata"]["uid"]: None for resource in listed.values()}
        self._gone = {uid: None for uid in self._gone if uid in here}
        for key, known in tuple(self._objects.items()):
            if key not in listed and _version(known) <= version:
                self._drop(key)
        for resource in listed.values():
            self.put(resource)
        self.synced = True

    def _ended(self, uid: str, key: Key) -> None:
        known = self._objects.get(key)
        if known is not None and known["metadata"]["uid"] == uid:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self._tell("DELETED", self.kind, self._objects.pop(key))

    def _forget_old(self) -> None:
        if not self.watched and len(self._objects) > REMEMBERED:
            for key in tuple(islice(self._objects, REMEMBERED // 2)):
                del self._objects[key]


def _ended(resource: Resource) -> bool:
    """Whether this version, the answer to a write, was the last: nothing held the object any more."""
    metadata = resource["metadata"]
    held = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
    return bool(metadata.get("deletionTimestamp")) and not held


def _key(resource: Resource) -> Key:
    return resource["metadata"].get("namespace", ""), resource["metadata"]["name"]


def _version(resource: Resource) -> int:
    return int(resource["metadata"]["resourceVersion"])
