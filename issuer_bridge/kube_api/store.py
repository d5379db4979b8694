"""The embedded store: Kubernetes objects in memory, with an API server's rules.

One counter versions all writes. Listeners hear of each write in its order,
also when one of them writes while it listens; an archive hears of it before all.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.kube_api.archive import Archive
from issuer_bridge.kube_api.deletion import is_deleting, is_held, marked
from issuer_bridge.kube_api.garbage import Delete, judge
from issuer_bridge.kube_api.identity import of_the_bridge
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.listing import Snapshots
from issuer_bridge.kube_api.namespaces import FIRST, check_mortal, check_open, emptied, first
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
from issuer_bridge.kube_api.objects import Objects
from issuer_bridge.kube_api.statuses import already_exists, conflict, invalid, invalid_value, not_found, wrong_uid
from issuer_bridge.kube_api.validation import check_change, check_new
from issuer_bridge.kube_api.writing import PLAIN, Writing
from issuer_bridge.resources import EVENT, NAMESPACE, ApiError, Kind, Listener, Resource, Resources

# So often is another generated name tried: apiserver/pkg/registry/generic/registry/store.go.
_NAME_ATTEMPTS = 8
_EVENTS = 10_000  # then the oldest make room; Kubernetes forgets each after an hour, but a clock may stand still here


class EmbeddedStore(Resources):
    """All objects of one house; the port's inquiries end at once, since nothing is far away.

    namespaces: there from the beginning, beside every cluster's own and all that the archive has kept.
    """

    def __init__(
        self, clock: Clock, entropy: Entropy, namespaces: Sequence[str] = (), archive: Archive | None = None
    ) -> None:
        self.clock, self._entropy = clock, entropy
        self._version = archive.version() if archive else 0
        self._objects = Objects(archive)
        self.snapshots = Snapshots()
        self._listeners: list[Listener] = []
        self._untold: deque[tuple[str, Kind, Resource]] = deque()
        self._telling = False
        # What the garbage collector is to look at: what was kept may be in the middle of a deletion.
        self._suspects: OrderedDict[str, None] = OrderedDict.fromkeys(self._objects.unfinished())
        self._collecting = False
        for name in dict.fromkeys((*FIRST, *namespaces)):
            if ("", name) not in self._objects.of(NAMESPACE):
                self._objects.put(NAMESPACE, with_version(first(name, clock()), self._version))
        self._collect()

    @property
    def resource_version(self) -> int:
        """The version of the last write."""
        return self._version

    def get(self, kind: Kind, namespace: str, name: str) -> Resource | None:
        """Return the object, or None."""
        found = self._objects.of(kind).get((namespace, name))
        return None if found is None else self._copy(found)

    def list(self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> list[Resource]:
        """Return objects in the order of namespace and name."""
        wanted = (labels or {}).items()
        return [
            self._copy(resource)
            for resource in self.shared(kind, namespace)
            if wanted <= (resource["metadata"].get("labels") or {}).items()
        ]

    def shared(self, kind: Kind, namespace: str | None = None) -> Sequence[Resource]:
        """Return what `list` would, not copied: nobody may change it, nor will the store."""
        return [item for key, item in sorted(self._objects.of(kind).items()) if namespace in (None, key[0])]

    def create(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Create; an inquiry around `insert`."""
        yield from ()
        return self.insert(kind, of_the_bridge(kind, resource))

    def update(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace metadata and spec; an inquiry around `replace`."""
        yield from ()
        return self.replace(kind, resource)

    def update_status(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace the status; an inquiry around `replace_status`."""
        yield from ()
        return self.replace_status(kind, resource)

    def delete(self, kind: Kind, namespace: str, name: str) -> Inquiry[None]:
        """Delete in the background; an inquiry around `remove`."""
        yield from ()
        self.remove(kind, namespace, name)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every write from now on, in the order of the writes."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def insert(self, kind: Kind, resource: Resource, writing: Writing = PLAIN) -> Resource:
        """Create an object; its status is dropped, its name may be generated."""
        named = {**resource, "metadata": {**resource["metadata"], "name": self._name_for(kind, resource)}}
        key = object_key(kind, named)
        if kind.namespaced:
            check_open(kind, key[1], key[0], self._objects.of(NAMESPACE).get(("", key[0])))
        made = created(kind, named, key[1], "", self.clock())
        check_new(kind, made)
        if resource["metadata"].get("resourceVersion"):
            raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
        if key in self._objects.of(kind):
            raise already_exists(kind, key[1])
        made["metadata"]["uid"] = new_uid(self._entropy)
        _track(writing, None, made, resource)
        if writing.dry:
            return made
        written = self._write("ADDED", kind, made)
        self._collect()
        return written

    def replace(self, kind: Kind, resource: Resource, writing: Writing = PLAIN) -> Resource:
        """Replace all but the status and the identity of an object."""
        stored = self._current(kind, resource)
        return self._change(kind, stored, updated(kind, stored, resource), resource, writing)

    def replace_status(self, kind: Kind, resource: Resource, writing: Writing = PLAIN) -> Resource:
        """Replace the status of an object."""
        stored = self._current(kind, resource)
        return self._change(kind, stored, with_status(stored, resource), resource, writing)

    def remove(
        self, kind: Kind, namespace: str, name: str, policy: str | None = None, writing: Writing = PLAIN
    ) -> Resource:
        """Delete an object, unless finalizers hold it; then what it owns, by the policy (`deletion.POLICIES`).

        Return what it was, or, when something holds it, as it is now: with a deletionTimestamp.
        """
        stored = self._objects.of(kind).get((namespace, name))
        if stored is None:
            raise not_found(kind, name)
        check_mortal(kind, name)
        last = marked(kind, stored, policy, self.clock())
        if writing.dry or last == stored:
            return self._copy(last if is_held(kind, last) else stored)
        written = self._settle(kind, stored, last)
        self._collect()
        return written

    def _name_for(self, kind: Kind, resource: Resource) -> str:
        metadata = resource["metadata"]
        name: str = metadata.get("name") or ""
        prefix = metadata.get("generateName")
        if name or not prefix or not isinstance(prefix, str):
            return name
        namespace = object_key(kind, resource)[0]
        for _ in range(_NAME_ATTEMPTS):
            name = generated_name(prefix, self._entropy)
            if (namespace, name) not in self._objects.of(kind):
                break
        return name

    def _current(self, kind: Kind, resource: Resource) -> Resource:
        """Return the stored object that is meant, unless it has changed since it was read."""
        key = object_key(kind, resource)
        if (stored := self._objects.of(kind).get(key)) is None:
            raise not_found(kind, key[1])
        sent, kept = resource["metadata"], stored["metadata"]
        version = sent.get("resourceVersion")
        if not version and kind.custom:
            cause = invalid_value("metadata.resourceVersion", "0x0", "must be specified for an update")
            raise invalid(kind.group, kind.kind, key[1], [cause])
        if (sent.get("uid") or kept["uid"]) != kept["uid"]:
            raise wrong_uid(kind, key[1], sent["uid"], kept["uid"])
        if version and version != kept["resourceVersion"]:
            raise conflict(kind, key[1])
        return stored

    def _change(self, kind: Kind, stored: Resource, resource: Resource, sent: Resource, writing: Writing) -> Resource:
        """Write unless nothing differs."""
        _track(writing, stored, resource, sent)
        if resource == stored:
            return self._copy(stored)
        check_change(kind, stored, resource)
        if writing.dry:
            return self._copy(resource)
        if is_deleting(resource) and not is_held(kind, resource):
            # Who takes the last finalizer away sees the object once more, with the version that it had.
            self._drop(kind, stored)
            written = resource
        else:
            written = self._settle(kind, stored, resource)
        self._collect()
        return written

    def _settle(self, kind: Kind, stored: Resource, resource: Resource) -> Resource:
        """Write a change, or remove what is deleted and no more held."""
        if is_deleting(resource) and not is_held(kind, resource):
            return self._drop(kind, stored)
        return self._write("MODIFIED", kind, resource, stored)

    def _write(self, event: str, kind: Kind, resource: Resource, stored: Resource | None = None) -> Resource:
        self._version += 1
        self._objects.put(kind, with_version(resource, self._version), stored)
        self._suspect(*self._objects.unsettled(resource))
        written = self._copy(resource)
        self._tell(event, kind, resource)
        if kind == EVENT and len(self._objects.of(EVENT)) > _EVENTS:
            self.remove(EVENT, *next(iter(self._objects.of(EVENT))))
        return written

    def _drop(self, kind: Kind, stored: Resource) -> Resource:
        """Remove an object and return what it was; who depends on it, or waits for it, is looked at next."""
        self._version += 1
        last = with_version(self._copy(stored), self._version)
        self._objects.take(kind, last)
        metadata = stored["metadata"]
        self._suspect(*self._objects.dependents(metadata["uid"]), *owner_uids(stored))
        namespace = self._objects.of(NAMESPACE).get(("", metadata.get("namespace", "")))
        if namespace and is_deleting(namespace):
            self._suspect(namespace["metadata"]["uid"])
        self._tell("DELETED", kind, last)
        return last

    def _suspect(self, *uids: str) -> None:
        self._suspects.update(dict.fromkeys(uids))

    def _collect(self) -> None:
        """Look at all suspects, and at those that this makes suspects."""
        if self._collecting:
            return
        self._collecting = True
        try:
            while self._suspects:
                self._judge(self._suspects.popitem(last=False)[0])
        finally:
            self._collecting = False

    def _judge(self, uid: str) -> None:
        found = self._objects.find(uid)
        if found is None:
            return
        kind, stored = found
        if kind == NAMESPACE and is_deleting(stored) and self._empty(stored["metadata"]["name"]):
            self._settle(kind, stored, emptied(stored))
            return
        dependents = [self._objects.find(child) for child in self._objects.dependents(uid)]
        decision = judge(stored, self._objects.find, [item[1] for item in dependents if item])
        if isinstance(decision, Delete):
            self.remove(kind, *object_key(kind, stored), decision.policy)
        elif decision is not None:
            self._settle(kind, stored, decision)

    def _empty(self, namespace: str) -> bool:
        """Delete what is in a namespace; True when nothing holds on."""
        inside = self._objects.inside(namespace)
        for kind, key in inside:
            if key in self._objects.of(kind):
                self.remove(kind, *key)
        return not any(key in self._objects.of(kind) for kind, key in inside)

    def _tell(self, event: str, kind: Kind, resource: Resource) -> None:
        """Tell all listeners, with one copy; what happens meanwhile is told afterwards."""
        self._untold.append((event, kind, self._copy(resource)))
        if self._telling:
            return
        self._telling = True
        try:
            while self._untold:
                event, kind, told = self._untold.popleft()
                for listener in tuple(self._listeners):
                    listener(event, kind, told)
        finally:
            self._telling = False

    @staticmethod
    def _copy(resource: Resource) -> Resource:
        copy: Resource = copy_json(resource)
        return copy


def _track(writing: Writing, stored: Resource | None, resource: Resource, sent: Resource) -> None:
    """Let a write say who owns which field now."""
    if writing.track is not None:
        if managed := writing.track(stored, resource, sent):
            resource["metadata"]["managedFields"] = managed
        else:
            resource["metadata"].pop("managedFields", None)
