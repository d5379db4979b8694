"""The embedded store: Kubernetes objects in memory, with an API server's rules.

One counter versions all writes. Listeners hear of each write in its order,
also when one of them writes while it listens.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.object_meta import (
    created,
    generated_name,
    new_uid,
    object_key,
    owner_uids,
    updated,
    with_status,
    with_version,
)
from issuer_bridge.kube_api.statuses import already_exists, conflict, invalid, invalid_value, not_found
from issuer_bridge.kube_api.validation import check_change, check_new
from issuer_bridge.resources import ApiError, Kind, Listener, Resource, Resources

Key = tuple[str, str]

# So often is another generated name tried: apiserver/pkg/registry/generic/registry/store.go.
_NAME_ATTEMPTS = 8


class EmbeddedStore(Resources):
    """All objects of one house; the port's inquiries end at once, since nothing is far away."""

    def __init__(self, clock: Clock, entropy: Entropy) -> None:
        self._clock, self._entropy = clock, entropy
        self._version = 0
        self._objects: dict[Kind, dict[Key, Resource]] = {}
        self._by_uid: dict[str, tuple[Kind, Key]] = {}
        self._owned: dict[str, dict[str, None]] = {}
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[str, Kind, Resource]] = deque()
        self._telling = False

    @property
    def clock(self) -> Clock:
        """What stamps the objects."""
        return self._clock

    @property
    def resource_version(self) -> int:
        """The version of the last write."""
        return self._version

    def get(self, kind: Kind, namespace: str, name: str) -> Resource | None:
        """Return the object, or None."""
        found = self._of(kind).get((namespace, name))
        return None if found is None else self._copy(found)

    def list(self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> list[Resource]:
        """Return objects in the order of namespace and name."""
        wanted = (labels or {}).items()
        return [
            self._copy(resource)
            for key, resource in sorted(self._of(kind).items())
            if namespace in (None, key[0]) and wanted <= (resource["metadata"].get("labels") or {}).items()
        ]

    def create(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Create; an inquiry around `insert`."""
        yield from ()
        return self.insert(kind, resource)

    def update(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace metadata and spec; an inquiry around `replace`."""
        yield from ()
        return self.replace(kind, resource)

    def update_status(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace the status; an inquiry around `replace_status`."""
        yield from ()
        return self.replace_status(kind, resource)

    def delete(self, kind: Kind, namespace: str, name: str) -> Inquiry[None]:
        """Delete; an inquiry around `remove`."""
        yield from ()
        self.remove(kind, namespace, name)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every write from now on, in the order of the writes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def insert(self, kind: Kind, resource: Resource) -> Resource:
        """Create an object; its status is dropped, its name may be generated."""
        metadata = resource["metadata"]
        if metadata.get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        named = {**resource, "metadata": {**metadata, "name": self._name_for(kind, resource)}}
        check_new(kind, named)
        key = object_key(kind, named)
        if key in self._of(kind):
            raise already_exists(kind, key[1])
        return self._write("ADDED", kind, created(kind, named, key[1], new_uid(self._entropy), self._clock()))

    def replace(self, kind: Kind, resource: Resource) -> Resource:
        """Replace all but the status and the identity of an object."""
        stored = self._current(kind, resource)
        return self._change(kind, stored, updated(kind, stored, resource))

    def replace_status(self, kind: Kind, resource: Resource) -> Resource:
        """Replace the status of an object."""
        stored = self._current(kind, resource)
        return self._change(kind, stored, with_status(stored, resource))

    def remove(self, kind: Kind, namespace: str, name: str) -> Resource:
        """Delete an object, then what only it owns; return what it was."""
        stored = self._of(kind).pop((namespace, name), None)
        if stored is None:
            raise not_found(kind, name)
        uid = stored["metadata"]["uid"]
        self._by_uid.pop(uid, None)
        self._disown(stored)
        self._version += 1
        last = with_version(self._copy(stored), self._version)
        self._tell("DELETED", kind, last)
        for orphan_kind, key in self._orphans_of(uid):
            self.remove(orphan_kind, *key)
        return last

    def _name_for(self, kind: Kind, resource: Resource) -> str:
        metadata = resource["metadata"]
        name: str = metadata.get("name") or ""
        prefix = metadata.get("generateName")
        if name or not prefix or not isinstance(prefix, str):
            return name
        namespace = object_key(kind, resource)[0]
        for _ in range(_NAME_ATTEMPTS):
            name = generated_name(prefix, self._entropy)
            if (namespace, name) not in self._of(kind):
                break
        return name

    def _current(self, kind: Kind, resource: Resource) -> Resource:
        """Return the stored object that is meant, unless it has changed since it was read."""
        key = object_key(kind, resource)
        stored = self._of(kind).get(key)
        if stored is None:
            raise not_found(kind, key[1])
        sent, kept = resource["metadata"], stored["metadata"]
        version = sent.get("resourceVersion")
        if not version and kind.custom:
            cause = invalid_value("metadata.resourceVersion", "0x0", "must be specified for an update")
            raise invalid(kind.group, kind.kind, key[1], [cause])
        if sent.get("uid", kept["uid"]) != kept["uid"]:
            text = f"Precondition failed: UID in precondition: {sent['uid']}, UID in object meta: {kept['uid']}"
            raise conflict(kind, key[1], text)
        if version and version != kept["resourceVersion"]:
            raise conflict(kind, key[1])
        return stored

    def _change(self, kind: Kind, stored: Resource, resource: Resource) -> Resource:
        """Write unless nothing differs."""
        if resource == stored:
            return self._copy(stored)
        check_change(kind, stored, resource)
        self._disown(stored)
        return self._write("MODIFIED", kind, resource)

    def _write(self, event: str, kind: Kind, resource: Resource) -> Resource:
        self._version += 1
        with_version(resource, self._version)
        uid, key = resource["metadata"]["uid"], object_key(kind, resource)
        self._of(kind)[key] = resource
        self._by_uid[uid] = (kind, key)
        for owner in owner_uids(resource):
            self._owned.setdefault(owner, {})[uid] = None
        written = self._copy(resource)
        self._tell(event, kind, resource)
        return written

    def _disown(self, resource: Resource) -> None:
        for owner in owner_uids(resource):
            owned = self._owned.get(owner, {})
            owned.pop(resource["metadata"]["uid"], None)
            if not owned:
                self._owned.pop(owner, None)

    def _orphans_of(self, uid: str) -> Iterator[tuple[Kind, Key]]:
        """Yield what the gone owner owned and no other owner holds."""
        for child in tuple(self._owned.get(uid, ())):
            if child in self._by_uid:
                kind, key = self._by_uid[child]
                if not any(owner in self._by_uid for owner in owner_uids(self._of(kind)[key])):
                    yield kind, key

    def _tell(self, event: str, kind: Kind, resource: Resource) -> None:
        """Tell every listener, each with a copy; what happens meanwhile is told afterwards.

        What is stored is replaced, never changed in place, so it may wait here as it is.
        """
        self._untold.append((event, kind, resource))
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                event, kind, resource = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(event, kind, self._copy(resource))
        finally:
            self._telling = False

    def _of(self, kind: Kind) -> dict[Key, Resource]:
        return self._objects.setdefault(kind, {})

    @staticmethod
    def _copy(resource: Resource) -> Resource:
        copy: Resource = copy_json(resource)
        return copy
