"""The port to resources: Kubernetes objects as plain JSON, wherever they live.

Reads come from a local copy and are immediate; writes are inquiries, because
on a real cluster they cross the network. Everything handed out is the
caller's own copy. The shapes are cert-manager's v1 CRDs and core v1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import attrs

from acme_server.protocol.vantage import Inquiry

Resource: TypeAlias = dict[str, Any]
Listener: TypeAlias = Callable[[str, "Kind", Resource], None]
"""Called with ADDED, MODIFIED or DELETED, the kind and the object."""


@attrs.frozen
class Kind:
    """A resource type; `group` is "" for the core."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`group/version`, or the bare version for the core."""
        return f"{self.group}/{self.version}" if self.group else self.version


ISSUER = Kind("cert-manager.io", "v1", "Issuer", "issuers")
CLUSTER_ISSUER = Kind(
    "cert-manager.io", "v1", "ClusterIssuer", "clusterissuers", namespaced=False, short_names=("ciss",)
)
CERTIFICATE_REQUEST = Kind(
    "cert-manager.io", "v1", "CertificateRequest", "certificaterequests", short_names=("cr", "crs")
)
ORDER = Kind("acme.cert-manager.io", "v1", "Order", "orders")
CHALLENGE = Kind("acme.cert-manager.io", "v1", "Challenge", "challenges")
SECRET = Kind("", "v1", "Secret", "secrets")
EVENT = Kind("", "v1", "Event", "events", short_names=("ev",))

KINDS: tuple[Kind, ...] = (ISSUER, CLUSTER_ISSUER, CERTIFICATE_REQUEST, ORDER, CHALLENGE, SECRET, EVENT)


@attrs.frozen
class ApiError(Exception):
    """What the API server answered instead: a Status with code, reason, message and details."""

    code: int
    reason: str
    message: str
    details: Mapping[str, Any] = attrs.field(factory=dict, eq=False)

    def __str__(self) -> str:
        return self.message


class Resources(Protocol):
    """Get, list, watch; create, update, update_status, delete."""

    def get(self, kind: Kind, namespace: str, name: str) -> Resource | None:
        """Return the object, or None; `namespace` is "" for cluster-wide kinds."""
        ...

    def list(self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None) -> list[Resource]:
        """Return objects in the order of namespace and name; None means all namespaces."""
        ...

    def create(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Create; ApiError 409 AlreadyExists, 422 Invalid."""
        ...

    def update(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace metadata and spec, status untouched; ApiError 404, 409 Conflict when resourceVersion is stale."""
        ...

    def update_status(self, kind: Kind, resource: Resource) -> Inquiry[Resource]:
        """Replace the status, nothing else; errors as for update."""
        ...

    def delete(self, kind: Kind, namespace: str, name: str) -> Inquiry[None]:
        """Delete, and what it owns with it; ApiError 404."""
        ...

    def watch(self, listener: Listener) -> Callable[[], None]:
        """Call the listener after every write from now on; the returned function stops it."""
        ...
