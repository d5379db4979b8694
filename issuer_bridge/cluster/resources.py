"""The port to resources on a cluster: reads from caches that informers keep, writes over the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from acme_server.protocol.driver import Driver, Entropy
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cluster import calls
from issuer_bridge.cluster.cache import Cache
from issuer_bridge.cluster.informer import Informer
from issuer_bridge.cluster.solver_objects import SOLVER_LABEL
from issuer_bridge.operator import WATCHED as BRIDGE_WATCHED
from issuer_bridge.resources import (
    CERTIFICATE,
    HTTP_ROUTE,
    INGRESS,
    SECRET,
    SERVICE,
    ApiError,
    Kind,
    Listener,
    Resource,
    Resources,
)

# What is watched: kind -> label selector (an Ingress may be named that somebody else made). Of all other kinds, the
# copies are what we wrote ourselves.
WATCHED: Mapping[Kind, str] = {
    **dict.fromkeys((*BRIDGE_WATCHED, CERTIFICATE, SECRET, INGRESS), ""),
    SERVICE: SOLVER_LABEL,
    HTTP_ROUTE: SOLVER_LABEL,
}


class ClusterResources(Resources):
    """Objects of a cluster, once `start` has been called and `synced` says so."""

    def __init__(self, watched: Mapping[Kind, str] = WATCHED) -> None:
        self._watched = watched
        self._listeners: list[Listener] = []
        self._caches = {kind: Cache(kind, self._tell) for kind in watched}

    def start(self, driver: Driver, entropy: Entropy) -> None:
        """Let the informers run, on a driver whose time is the cluster's."""
        for kind, labels in self._watched.items():
            driver.spawn(Informer(self._caches[kind], driver.now, entropy, labels).run(), lambda _: None)

    @property
    def synced(self) -> bool:
        """Whether all that is watched was listed once; before, reads find nothing."""
        return all(self._caches[kind].synced for kind in self._watched)

    def get(self, kind: Kind, namespace: str, name: str) -> Resource | None:
        """Return a copy of the object, or None."""
        return self._of(kind).get(namespace, name)

    def list(self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> list[Resource]:
        """Return copies, in the order of namespace and name."""
        return self._of(kind).list(namespace, labels)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call the listener with every version from now on, whether we wrote it or the watch brought it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def create(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Create; what is in the way (409) is read, so that the next look sees it."""
        return (yield from self._write(kind, resource, calls.create(kind, resource)))

    def update(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace metadata and spec; where our copy was old (409) or the object is gone (404), the copy is renewed."""
        return (yield from self._write(kind, resource, calls.replace(kind, resource)))

    def update_status(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace the status; errors as for `update`."""
        return (yield from self._write(kind, resource, calls.replace(kind, resource, "status")))

    def delete(self, kind: Kind, namespace: str, name: str) -> Inquiry[None]:
        """Delete; an object with finalizers stays, and the watch tells when it is gone."""
        known = self._of(kind).get(namespace, name)
        try:
            yield from calls.remove(kind, namespace, name)
        except ApiError as error:
            if error.code == 404:
                yield from self._renew(kind, namespace, name)
            raise
        if known is not None and not known["metadata"].get("finalizers"):
            self._of(kind).drop(known)

    def _write(self, kind: Kind, resource: Resource, call: Inquiry[Resource]) -> Inquiry[Resource]:
        try:
            written = yield from call
        except ApiError as error:
            name = resource["metadata"].get("name")
            if error.code in (404, 409) and name:
                yield from self._renew(kind, resource["metadata"].get("namespace", ""), name)
            raise
        self._of(kind).put(written)
        return written

    def _renew(self, kind: Kind, namespace: str, name: str) -> Inquiry[None]:
        """Read an object anew; a failure is left to the watch."""
        known = self._of(kind).get(namespace, name)
        try:
            found = yield from calls.read(kind, namespace, name)
        except ApiError:
            return
        if found is not None:
            self._of(kind).put(found)
        elif known is not None:
            self._of(kind).drop(known)

    def _of(self, kind: Kind) -> Cache:
        if kind not in self._caches:
            self._caches[kind] = Cache(kind, self._tell, watched=False)
        return self._caches[kind]

    def _tell(self, event: str, kind: Kind, resource: Resource) -> None:
        for listener in tuple(self._listeners):
            listener(event, kind, resource)
