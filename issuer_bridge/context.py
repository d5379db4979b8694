"""What every controller works with: resources, a clock, and the two places that hear of its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeAlias

import attrs

from acme_server.protocol.driver import Clock, Entropy
from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import Inquiry, pause
from issuer_bridge.disturbances import Disturbances
from issuer_bridge.recorder import Recorder
from issuer_bridge.references import controller_of, key_of
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    ORDER,
    ApiError,
    Kind,
    Resource,
    Resources,
)

Record: TypeAlias = Callable[[str, Sequence[Fact]], None]
HOUSE = "issuer_bridge"
WRITE_TRIES = 10
WRITE_PAUSE = timedelta(milliseconds=200)


@attrs.frozen
class Context:
    """resources to read and write; clock; entropy; recorder for events (people read them); record for the journal.

    disturbances: who gets in the way.
    """

    resources: Resources
    clock: Clock
    entropy: Entropy
    recorder: Recorder
    record: Record
    disturbances: Disturbances = attrs.field(factory=Disturbances)

    def note(self, kind: str, resource: Resource, **data: Any) -> None:
        """Write one fact about a resource, and about what it belongs to, into the journal."""
        self.record(HOUSE, [Fact(kind, subject_of(resource), data)])

    def write_status(self, kind: Kind, resource: Resource, status: Mapping[str, Any]) -> Inquiry[bool]:
        """Write a status that we alone own, whatever else changed meanwhile; False when the resource is gone.

        What an ACME server told us must not be lost to a conflict: asking again may be a second order.
        """
        return self.change_status(kind, resource, lambda _: status)

    def change_status(
        self, kind: Kind, resource: Resource, change: Callable[[Resource], Mapping[str, Any]]
    ) -> Inquiry[bool]:
        """Change a status of which others write parts; change: from the resource as it is to its status."""

        def changed(current: Resource) -> Resource | None:
            status = change(current)
            return {**current, "status": dict(status)} if current.get("status", {}) != status else None

        return self._write(kind, resource, changed, self.resources.update_status)

    def write_annotation(self, kind: Kind, resource: Resource, name: str, value: str) -> Inquiry[bool]:
        """Write an annotation, whatever else changed meanwhile; False when the resource is gone."""

        def changed(current: Resource) -> Resource | None:
            metadata = current["metadata"]
            annotations = {**(metadata.get("annotations") or {}), name: value}
            return {**current, "metadata": {**metadata, "annotations": annotations}}

        return self._write(kind, resource, changed, self.resources.update)

    def write_finalizers(
        self, kind: Kind, resource: Resource, change: Callable[[list[str]], list[str]]
    ) -> Inquiry[bool]:
        """Change the finalizers of a resource, whatever else changed meanwhile; False when it is gone."""

        def changed(current: Resource) -> Resource | None:
            old = current["metadata"].get("finalizers") or []
            new = change(old)
            return {**current, "metadata": {**current["metadata"], "finalizers": new}} if new != old else None

        return self._write(kind, resource, changed, self.resources.update)

    def _write(
        self,
        kind: Kind,
        resource: Resource,
        changed: Callable[[Resource], Resource | None],
        write: Callable[[Kind, Resource], Inquiry[Resource]],
    ) -> Inquiry[bool]:
        metadata = resource["metadata"]
        for tries in range(WRITE_TRIES):
            current = self.resources.get(kind, metadata.get("namespace", ""), metadata["name"])
            if current is None or current["metadata"]["uid"] != metadata["uid"]:
                return False
            new = changed(current)
            if new is None:
                return True
            try:
                yield from write(kind, new)
            except ApiError as error:
                if error.code not in (404, 409) or tries == WRITE_TRIES - 1:
                    raise
                yield from pause(WRITE_PAUSE)
            else:
                break
        return True


def subject_of(resource: Resource) -> dict[str, str]:
    """Return the ids of a resource and of the one that controls it, for the journal."""
    names = {
        CERTIFICATE.kind: "certificate",
        CERTIFICATE_REQUEST.kind: "request",
        CERTIFICATE_REQUEST_POLICY.kind: "policy",
        ORDER.kind: "order",
        "Challenge": "challenge",
    }
    subject = {names.get(resource["kind"], "issuer"): key_of(resource)}
    owner = controller_of(resource)
    if owner.get("kind") in names:
        subject[names[owner["kind"]]] = f"{resource['metadata']['namespace']}/{owner['name']}"
    return subject
