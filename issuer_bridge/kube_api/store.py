"""The embedded store: Kubernetes objects in memory, with an API server's rules.

One counter versions all writes. Listeners hear of each write in its order,
also when one of them writes while it listens; an archive hears of it before all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.kube_api.archive import Archive
from issuer_bridge.kube_api.definitions import named
from issuer_bridge.kube_api.deletion import CLEANUP, is_deleting, is_held, marked, without_finalizer
from issuer_bridge.kube_api.garbage import Delete, judge
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.listeners import Listeners
from issuer_bridge.kube_api.listing import Snapshots
from issuer_bridge.kube_api.namespaces import FIRST, check_mortal, check_open, emptied, first
from issuer_bridge.kube_api.object_meta import (
    created,
    name_for,
    new_uid,
    object_key,
    owner_uids,
    updated,
    with_status,
    with_version,
)
from issuer_bridge.kube_api.objects import Key, Objects
from issuer_bridge.kube_api.served import Served
from issuer_bridge.kube_api.signing_requests import TRANSITIONS
from issuer_bridge.kube_api.statuses import already_exists, not_found
from issuer_bridge.kube_api.validation import check_change, check_current, check_new
from issuer_bridge.kube_api.writing import PLAIN, Writing
from issuer_bridge.resources import (
    CUSTOM_RESOURCE_DEFINITION,
    EVENT,
    NAMESPACE,
    ApiError,
    Kind,
    Listener,
    Resource,
    Resources,
)

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
        self._objects, self.served = Objects(archive), Served()
        for crd in self._objects.of(CUSTOM_RESOURCE_DEFINITION).values():
            self.served.define(crd)
        self.snapshots = Snapshots()
        self._listeners = Listeners()
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
        """Delete in the background; an inquiry around `remove`."""
        yield from ()
        self.remove(kind, namespace, name)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every write from now on, in the order of the writes."""
        return self._listeners.add(listener)

    def insert(self, kind: Kind, resource: Resource, writing: Writing = PLAIN) -> Resource:
        """Create an object; its status is dropped, its name may be generated."""
        kind = self.served.known(kind)
        self.served.check_open(kind)
        name = name_for(kind, resource, self._objects.of(kind), self._entropy)
        named = {**resource, "metadata": {**resource["metadata"], "name": name}}
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
        writing.note(None, made, resource)
        if writing.dry:
            return made
        written = self._write("ADDED", kind, made)
        self._collect()
        return written

    def replace(self, kind: Kind, resource: Resource, writing: Writing = PLAIN) -> Resource:
        """Replace all but the status and the identity of an object."""
        kind, stored = self.served.known(kind), self._current(kind, resource)
        return self._change(kind, stored, updated(kind, stored, resource), resource, writing)

    def replace_status(
        self, kind: Kind, resource: Resource, writing: Writing = PLAIN, subresource: str = "status"
    ) -> Resource:
        """Replace the status of an object, or what a subresource may change of it."""
        kind, stored = self.served.known(kind), self._current(kind, resource)
        transition = TRANSITIONS.get((kind, subresource))
        changed = transition(stored, resource, self.clock()) if transition else with_status(stored, resource)
        return self._change(kind, stored, changed, resource, writing)

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

    def _current(self, kind: Kind, resource: Resource) -> Resource:
        """Return the stored object that is meant, unless it has changed since it was read."""
        key = object_key(kind, resource)
        stored = self._objects.of(kind).get(key)
        if stored is None:
            raise not_found(kind, key[1])
        check_current(kind, stored, resource)
        return stored

    def _change(self, kind: Kind, stored: Resource, resource: Resource, sent: Resource, writing: Writing) -> Resource:
        """Write unless nothing differs."""
        writing.note(stored, resource, sent)
        if resource == stored:
            return self._copy(stored)
        check_change(kind, stored, resource)
        if writing.permit:
            writing.permit(stored, resource)
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
        if kind == CUSTOM_RESOURCE_DEFINITION:
            self.served.define(resource)
            self._suspect(resource["metadata"]["uid"])
        written = self._copy(resource)
        self._listeners.tell(event, kind, self._copy(resource))
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
        if crd := self.served.waiting(kind):
            self._suspect(crd)
        if kind == CUSTOM_RESOURCE_DEFINITION:
            self.served.forget(last)
            self._suspect(*(crd["metadata"]["uid"] for crd in self._objects.of(kind).values()))
        namespace = self._objects.of(NAMESPACE).get(("", metadata.get("namespace", "")))
        if namespace and is_deleting(namespace):
            self._suspect(namespace["metadata"]["uid"])
        self._listeners.tell("DELETED", kind, self._copy(last))
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
        if kind == NAMESPACE and is_deleting(stored) and self._empty(self._objects.inside(stored["metadata"]["name"])):
            self._settle(kind, stored, emptied(stored))
            return
        if kind == CUSTOM_RESOURCE_DEFINITION and (settled := self._settled(stored)) != stored:
            self._settle(kind, stored, settled)
            return
        dependents = [self._objects.find(child) for child in self._objects.dependents(uid)]
        decision = judge(stored, self._objects.find, [item[1] for item in dependents if item], self.served.serves)
        if isinstance(decision, Delete):
            self.remove(kind, *object_key(kind, stored), decision.policy)
        elif decision is not None:
            self._settle(kind, stored, decision)

    def _settled(self, crd: Resource) -> Resource:
        """Return a CRD as its controllers leave it: named, or, when it is deleted, without what it defined."""
        defined = [(kind, key) for kind in self.served.defined_by(crd) for key in self._objects.of(kind)]
        if is_deleting(crd) and CLEANUP in crd["metadata"].get("finalizers", ()) and self._empty(defined):
            return without_finalizer(crd, CLEANUP)
        return named(crd, self._objects.of(CUSTOM_RESOURCE_DEFINITION).values(), self.clock())

    def _empty(self, inside: Sequence[tuple[Kind, Key]]) -> bool:
        """Delete these objects; True when nothing holds on."""
        for kind, key in inside:
            if key in self._objects.of(kind):
                self.remove(kind, *key)
        return not any(key in self._objects.of(kind) for kind, key in inside)

    @staticmethod
    def _copy(resource: Resource) -> Resource:
        copy: Resource = copy_json(resource)
        return copy
