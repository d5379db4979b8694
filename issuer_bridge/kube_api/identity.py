"""Who created a CertificateRequest, where the bridge did; and that nobody changes it (`requesters` has the others)."""

from __future__ import annotations

from collections.abc import Iterator

from issuer_bridge.kube_api.statuses import Cause, forbidden
from issuer_bridge.kube_api.users import service_account
from issuer_bridge.resources import CERTIFICATE_REQUEST, Kind, Resource

# What cert-manager is on a cluster, so that the same roles let it use policies.
_BRIDGE = service_account("cert-manager", "cert-manager")
_FIELDS = ("username", "uid", "groups", "extra")


def of_the_bridge(kind: Kind, resource: Resource) -> Resource:
    """Return a request as the bridge creates it, unless it says who does; anything else as it is."""
    spec = resource.get("spec") or {}
    if kind != CERTIFICATE_REQUEST or "username" in spec:
        return resource
    return {**resource, "spec": {**spec, "username": _BRIDGE.name, "groups": list(_BRIDGE.groups)}}


def identity_stays(stored: Resource, resource: Resource) -> Iterator[Cause]:
    """Yield what of the requester a write would change."""
    for name in _FIELDS:
        if (stored["spec"].get(name) or None) != (resource["spec"].get(name) or None):
            yield forbidden(f"spec.{name}", f"{name} identity cannot be changed once set")
