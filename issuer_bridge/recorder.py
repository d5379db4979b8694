"""Events (core v1): what `describe` shows under a resource; equal ones are counted, not repeated."""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.times import rfc3339
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.resources import EVENT, ApiError, Resource, Resources

log = logging.getLogger(__name__)

COMPONENT = "gravel"
REMEMBERED = 4096


class Recorder:
    """Writes events; one that cannot be written is logged, and stops nobody; component: who they are from."""

    def __init__(self, resources: Resources, clock: Clock, entropy: Entropy, component: str = COMPONENT) -> None:
        self._resources = resources
        self._clock = clock
        self._entropy = entropy
        self._component = component
        self._known: OrderedDict[tuple[str, ...], tuple[str, str]] = OrderedDict()

    def normal(self, resource: Resource, reason: str, message: str) -> Inquiry[None]:
        """Record that something went as it should."""
        return self._event(resource, "Normal", reason, message)

    def warning(self, resource: Resource, reason: str, message: str) -> Inquiry[None]:
        """Record that something did not."""
        return self._event(resource, "Warning", reason, message)

    def _event(self, resource: Resource, type_: str, reason: str, message: str) -> Inquiry[None]:
        same = (resource["metadata"]["uid"], type_, reason, message)
        try:
            known = self._resources.get(EVENT, *self._known[same]) if same in self._known else None
            if known is None:
                yield from self._create(resource, same)
            else:
                later = {"count": known.get("count", 1) + 1, "lastTimestamp": rfc3339(self._clock())}
                yield from self._resources.update(EVENT, {**known, **later})
        except ApiError as error:
            log.warning("event %s of %s is lost: %s", reason, resource["metadata"]["name"], error)

    def _create(self, resource: Resource, same: tuple[str, ...]) -> Inquiry[None]:
        metadata, now = resource["metadata"], rfc3339(self._clock())
        namespace = metadata.get("namespace") or "default"
        name = f"{metadata['name']}.{self._entropy(8).hex()}"
        event: dict[str, Any] = {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": _involved(resource),
            "type": same[1],
            "reason": same[2],
            "message": same[3],
            "source": {"component": self._component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        yield from self._resources.create(EVENT, event)
        self._known[same] = (namespace, name)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _involved(resource: Resource) -> dict[str, str]:
    metadata = resource["metadata"]
    reference = {
        "apiVersion": resource["apiVersion"],
        "kind": resource["kind"],
        "name": metadata["name"],
        "namespace": metadata.get("namespace", ""),
        "uid": metadata["uid"],
        "resourceVersion": metadata.get("resourceVersion", ""),
    }
    return {key: value for key, value in reference.items() if value}
