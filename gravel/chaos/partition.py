"""Resources that may be out of reach: writes fail, and what was to be heard is heard afterwards, in its order."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from acme_server.protocol.driver import Driver
from acme_server.protocol.vantage import Inquiry
from gravel.chaos.bridge_faults import BridgeFaults
from issuer_bridge.resources import ApiError, Kind, Listener, Resource, Resources

# When a listener that is cut off looks whether it still is.
_LOOK = timedelta(seconds=1)


class PartitionedResources:
    """The port to resources behind `faults`; reads come from the copy at hand, as ever."""

    def __init__(self, resources: Resources, faults: BridgeFaults, driver: Driver) -> None:
        self._resources, self._faults, self._driver = resources, faults, driver
        self.get, self.list = resources.get, resources.list

    def create(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """See Resources; ApiError 503 while it is cut off."""
        return _refuse() if self._faults.is_cut() else self._resources.create(kind, resource)

    def update(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """See Resources."""
        return _refuse() if self._faults.is_cut() else self._resources.update(kind, resource)

    def update_status(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """See Resources."""
        return _refuse() if self._faults.is_cut() else self._resources.update_status(kind, resource)

    def delete(self, kind: Kind, namespace: str, name: str) -> Inquiry[None]:
        """See Resources."""
        return _refuse() if self._faults.is_cut() else self._resources.delete(kind, namespace, name)

    def watch(self, listener: Listener) -> Callable[[], None]:
        """See Resources."""
        held: list[Callable[[], None]] = []

        def hear(event: str, kind: Kind, resource: Resource) -> None:
            if not held and not self._faults.is_cut():
                listener(event, kind, resource)
                return
            held.append(partial(listener, event, kind, resource))
            if len(held) == 1:
                self._driver.later(_LOOK, look)

        def look() -> None:
            if self._faults.stays_cut():
                self._driver.later(_LOOK, look)
                return
            while held:
                held.pop(0)()

        stop = self._resources.watch(hear)

        def end() -> None:
            stop()
            held.clear()

        return end


def _refuse() -> Inquiry[Any]:
    raise ApiError(503, "ServiceUnavailable", "the Kubernetes API cannot be reached: a fault was injected here")
    yield
