"""The recent writes of a store, so that a watch can go on from where a list or a broken watch ended."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

import attrs

from issuer_bridge.kube_api.object_meta import object_key
from issuer_bridge.kube_api.statuses import expired
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import Kind, Resource

SIZE = 4096


@attrs.frozen
class Change:
    """One write: the object as it became, and as it was."""

    version: int
    event: str
    kind: Kind
    resource: Resource
    previous: Resource | None


class WatchWindow:
    """Keeps at least the last `size` writes from its beginning on; reads are shared, not copied."""

    def __init__(self, store: EmbeddedStore, size: int = SIZE) -> None:
        self._size = size
        self._changes: list[Change] = []
        self._oldest = store.resource_version
        self._last = {(kind, *object_key(kind, item)): item for kind in store.served.kinds for item in store.list(kind)}
        self._listeners: list[Callable[[], None]] = []
        store.watch(self._keep)

    def since(self, version: int) -> Sequence[Change]:
        """Return the writes after a version; ApiError 410 when they are not all here any more."""
        if version < self._oldest:
            raise expired(version, self._oldest)
        return self._changes[bisect_right(self._changes, version, key=lambda change: change.version) :]

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call the listener whenever something was written; the returned function stops it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _keep(self, event: str, kind: Kind, resource: Resource) -> None:
        key = (kind, *object_key(kind, resource))
        previous = self._last.pop(key, None)
        if event != "DELETED":
            self._last[key] = resource
        version = int(resource["metadata"]["resourceVersion"])
        self._changes.append(Change(version, event, kind, resource, previous))
        # Cut rarely, and much at a time.
        if len(self._changes) >= 2 * self._size:
            self._oldest = self._changes[-self._size - 1].version
            del self._changes[: -self._size]
        for listener in tuple(self._listeners):
            listener()
