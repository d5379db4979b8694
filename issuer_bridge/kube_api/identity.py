"""Who created a CertificateRequest: recorded by the API in its spec, whatever the client wrote there."""

from __future__ import annotations

from collections.abc import Iterator

from issuer_bridge.kube_api.statuses import Cause, forbidden
from issuer_bridge.kube_api.users import Caller, service_account
from issuer_bridge.resources import CERTIFICATE_REQUEST, Kind, Resource

# Who the bridge is to the embedded API: what cert-manager is on a cluster, so that the same roles let it use policies.
BRIDGE = Caller(service_account("cert-manager", "cert-manager"), recorded=True)
_FIELDS = ("username", "uid", "groups", "extra")


def created_by(caller: Caller, kind: Kind, resource: Resource) -> Resource:
    """Return the object as created by somebody who is recorded; only requests have a place for that."""
    spec, user = resource.get("spec"), caller.user
    if not caller.recorded or kind != CERTIFICATE_REQUEST or not isinstance(spec, dict):
        return resource
    told = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    kept = {name: value for name, value in spec.items() if name not in _FIELDS}
    return {**resource, "spec": kept | {name: value for name, value in told.items() if value}}


def of_the_bridge(kind: Kind, resource: Resource) -> Resource:
    """Return the object as the bridge creates it, unless it says who does."""
    return resource if "username" in (resource.get("spec") or {}) else created_by(BRIDGE, kind, resource)


def identity_stays(stored: Resource, resource: Resource) -> Iterator[Cause]:
    """Yield what of the requester a write would change."""
    for name in _FIELDS:
        if (stored["spec"].get(name) or None) != (resource["spec"].get(name) or None):
            yield forbidden(f"spec.{name}", f"{name} identity cannot be changed once set")
