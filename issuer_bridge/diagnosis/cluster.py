"""What was read of a cluster, ready to be asked: by name, by owner, by event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.cert_manager.conduct import Conduct, conduct_of
from issuer_bridge.conditions import condition
from issuer_bridge.kube_api.core_tables import last_seen
from issuer_bridge.references import controller_of, is_of_our_group, issuer_kind, key_of
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CHALLENGE,
    CLUSTER_ISSUER,
    EVENT,
    ISSUER,
    NAMESPACE,
    ORDER,
    SECRET,
    VALIDATING_WEBHOOKS,
    Kind,
    Resource,
    Resources,
)
from scheduler.versions import NEWEST

# The chain from a Certificate down, then what stands around it.
CHAIN = (CERTIFICATE, CERTIFICATE_REQUEST, ORDER, CHALLENGE)
READ: tuple[Kind, ...] = (
    *CHAIN, ISSUER, CLUSTER_ISSUER, EVENT, NAMESPACE, SECRET, CERTIFICATE_REQUEST_POLICY, VALIDATING_WEBHOOKS,
)  # fmt: skip
SLOTS = 60
THEIRS = conduct_of(NEWEST)
"""cert-manager's conduct."""


def _typed(objects: Mapping[Kind, Iterable[Resource]]) -> dict[Kind, tuple[Resource, ...]]:
    """A list leaves the type of its items to its own; of Secrets nothing but the metadata is kept."""
    typed: dict[Kind, tuple[Resource, ...]] = {}
    for kind, items in objects.items():
        named = {"apiVersion": kind.api_version, "kind": kind.kind}
        kept = ({"metadata": item["metadata"]} if kind == SECRET else item for item in items)
        typed[kind] = tuple({**item, **named} for item in kept)
    return typed


@attrs.frozen
class Cluster:
    """The lists as they were read.

    objects: by kind; unread: why a kind is not among them; maximum: `--max-concurrent-challenges`; conduct: whose
    controllers work there, the newest cert-manager's unless said otherwise.
    """

    objects: Mapping[Kind, Sequence[Resource]] = attrs.field(converter=_typed)
    unread: Mapping[Kind, str] = attrs.field(factory=dict)
    maximum: int = SLOTS
    conduct: Conduct = THEIRS
    _named: Mapping[tuple[Kind, str], Resource] = attrs.field(init=False, repr=False, eq=False)
    _owned: Mapping[str, Sequence[Resource]] = attrs.field(init=False, repr=False, eq=False)
    _events: Mapping[tuple[str, str, str], Sequence[Resource]] = attrs.field(init=False, repr=False, eq=False)

    @_named.default
    def _by_name(self) -> Mapping[tuple[Kind, str], Resource]:
        return {(kind, key_of(item)): item for kind, items in self.objects.items() for item in items}

    @_owned.default
    def _by_owner(self) -> Mapping[str, Sequence[Resource]]:
        owned: dict[str, list[Resource]] = {}
        for kind in CHAIN:
            for item in self.objects.get(kind, ()):
                uid = controller_of(item).get("uid")
                if uid:
                    owned.setdefault(str(uid), []).append(item)
        return owned

    @_events.default
    def _by_subject(self) -> Mapping[tuple[str, str, str], Sequence[Resource]]:
        events: dict[tuple[str, str, str], list[Resource]] = {}
        for event in sorted(self.objects.get(EVENT, ()), key=lambda event: last_seen(event) or "", reverse=True):
            about = event.get("involvedObject") or {}
            place = (str(about.get("kind")), str(about.get("namespace", "")), str(about.get("name")))
            events.setdefault(place, []).append(event)
        return events

    def list(self, kind: Kind) -> Sequence[Resource]:
        """Return what was read of a kind, in its order."""
        return self.objects.get(kind, ())

    def get(self, kind: Kind, key: str) -> Resource | None:
        """Return an object by `NAMESPACE/NAME`, or its bare name where the kind is cluster-wide."""
        return self._named.get((kind, key))

    def owned(self, owner: Resource, kind: Kind) -> Sequence[Resource]:
        """Return the objects of a kind that this one controls."""
        return [item for item in self._owned.get(_uid(owner), ()) if item["kind"] == kind.kind]

    def owner(self, resource: Resource, kind: Kind) -> Resource | None:
        """Return the object of a kind that controls this one, not one that has taken its name since."""
        reference = controller_of(resource)
        if reference.get("kind") != kind.kind:
            return None
        found = self.get(kind, f"{resource['metadata'].get('namespace')}/{reference.get('name')}")
        return found if found is not None and _uid(found) == reference.get("uid") else None

    def events(self, resource: Resource, *reasons: str) -> Sequence[Resource]:
        """Return the events of an object, the newest first; with these reasons only, if there are any."""
        metadata = resource["metadata"]
        found = self._events.get((resource["kind"], metadata.get("namespace", ""), metadata["name"]), ())
        uid = metadata.get("uid")
        mine = (event for event in found if event["involvedObject"].get("uid") in (uid, None))
        return [event for event in mine if not reasons or event.get("reason") in reasons]

    def issuer(self, resource: Resource) -> Resource | None:
        """Return the issuer of cert-manager's that an object names."""
        reference = (resource.get("spec") or {}).get("issuerRef") or {}
        kind = issuer_kind(reference) if reference and is_of_our_group(reference) else None
        if kind is None:
            return None
        name = str(reference.get("name", ""))
        return self.get(kind, f"{resource['metadata']['namespace']}/{name}" if kind.namespaced else name)


def cluster_of(resources: Resources, maximum: int = SLOTS, conduct: Conduct = THEIRS) -> Cluster:
    """Return what a port to resources holds now; conduct: of the bridge that works on it."""
    return Cluster({kind: resources.list(kind) for kind in READ}, maximum=maximum, conduct=conduct)


def subject_of(resource: Resource) -> str:
    """`challenge/default/www-1`, `clusterissuer/gravel`."""
    return f"{resource['kind'].lower()}/{key_of(resource)}"


def status_of(resource: Resource) -> Mapping[str, Any]:
    """Return the status, empty where there is none yet."""
    status: Mapping[str, Any] = resource.get("status") or {}
    return status


def moment(text: Any) -> datetime | None:
    """Read a moment; None where there is none."""
    try:
        return parse_rfc3339(str(text)) if text else None
    except ValueError:
        return None


def created(resource: Resource) -> datetime | None:
    """Return when it was created."""
    return moment(resource["metadata"].get("creationTimestamp"))


def changed(resource: Resource) -> datetime | None:
    """Return when it was written last, as its managedFields say; None where they are not kept, or kubectl left them out."""
    times = (moment(entry.get("time")) for entry in resource["metadata"].get("managedFields") or ())
    return max(filter(None, times), default=None)


def deleted(resource: Resource) -> datetime | None:
    """Return when its deletion was asked for."""
    return moment(resource["metadata"].get("deletionTimestamp"))


def turned(resource: Resource, type_: str) -> datetime | None:
    """Return when a condition got its status."""
    return moment(condition(resource, type_).get("lastTransitionTime"))


def quoted(resource: Resource, *types: str) -> tuple[str, ...]:
    """Quote the conditions of these types that there are: `Ready=False Pending: ...`."""
    found = [(type_, condition(resource, type_)) for type_ in types]
    return tuple(
        f"{type_}={item['status']} {item.get('reason', '')}: {item.get('message', '')}" for type_, item in found if item
    )


def _uid(resource: Resource) -> str:
    return str(resource["metadata"].get("uid"))
