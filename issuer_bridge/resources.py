"""The port to resources: Kubernetes objects as plain JSON, wherever they live.

Reads come from a local copy and are immediate; writes are inquiries, because
on a real cluster they cross the network. Everything that is read or was
written is shared: nobody changes it, in whole or in part (as with client-go's
caches); who wants another value makes one. The shapes are cert-manager's v1 CRDs and core v1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import attrs

from acme_server.protocol.vantage import Inquiry

Resource: TypeAlias = dict[str, Any]
Listener: TypeAlias = Callable[[str, "Kind", Resource], None]
"""Called with ADDED, MODIFIED or DELETED, the kind and the object; all listeners are handed the same one."""


@attrs.frozen(cache_hash=True)
class Kind:
    """A resource type; `group` is "" for the core. Versions of a kind have the same objects, so that they are equal.

    status: it has a status of its own, which only `/status` writes; custom: it comes from a CRD, so that updates name
    a resourceVersion and patches are no strategic merges; definition: what an API server learned of it from a CRD.
    """

    group: str
    version: str = attrs.field(eq=False)
    kind: str
    plural: str = attrs.field(eq=False)
    namespaced: bool = attrs.field(default=True, eq=False)
    short_names: tuple[str, ...] = attrs.field(default=(), eq=False)
    status: bool = attrs.field(default=False, eq=False)
    custom: bool = attrs.field(default=False, eq=False)
    definition: Any = attrs.field(default=None, eq=False, repr=False)

    @property
    def api_version(self) -> str:
        """`group/version`, or the bare version for the core."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def list_kind(self) -> str:
        """What a list of them is called."""
        return self.definition.list_kind if self.definition else f"{self.kind}List"


def _custom(
    group: str, kind: str, plural: str, *short_names: str, namespaced: bool = True, version: str = "v1"
) -> Kind:
    return Kind(group, version, kind, plural, namespaced, short_names, status=True, custom=True)


CERT_MANAGER, ACME, GATEWAY = "cert-manager.io", "acme.cert-manager.io", "gateway.networking.k8s.io"
POLICY = "policy.cert-manager.io"
GRAVEL = "gravel.test"
ISSUER = _custom(CERT_MANAGER, "Issuer", "issuers", "iss")
CLUSTER_ISSUER = _custom(CERT_MANAGER, "ClusterIssuer", "clusterissuers", "ciss", namespaced=False)
CERTIFICATE = _custom(CERT_MANAGER, "Certificate", "certificates", "cert", "certs")
CERTIFICATE_REQUEST = _custom(CERT_MANAGER, "CertificateRequest", "certificaterequests", "cr", "crs")
ACME_ISSUER = _custom(GRAVEL, "AcmeIssuer", "acmeissuers", version="v1alpha1")
ACME_CLUSTER_ISSUER = _custom(GRAVEL, "AcmeClusterIssuer", "acmeclusterissuers", namespaced=False, version="v1alpha1")
ORDER = _custom(ACME, "Order", "orders")
CHALLENGE = _custom(ACME, "Challenge", "challenges")
CERTIFICATE_REQUEST_POLICY = attrs.evolve(
    _custom(POLICY, "CertificateRequestPolicy", "certificaterequestpolicies", "crp", namespaced=False),
    version="v1alpha1",
)
HTTP_ROUTE = _custom(GATEWAY, "HTTPRoute", "httproutes")
GLOO = "certificates.mesh.gloo.solo.io"
ISSUED_CERTIFICATE = _custom(GLOO, "IssuedCertificate", "issuedcertificates")
GLOO_REQUEST = _custom(GLOO, "CertificateRequest", "certificaterequests")
POD_BOUNCE_DIRECTIVE = _custom(GLOO, "PodBounceDirective", "podbouncedirectives")
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False, short_names=("ns",), status=True)
SECRET = Kind("", "v1", "Secret", "secrets")
CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps", short_names=("cm",))
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts", short_names=("sa",))
POD = Kind("", "v1", "Pod", "pods", short_names=("po",), status=True)
SERVICE = Kind("", "v1", "Service", "services", short_names=("svc",), status=True)
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments", short_names=("deploy",), status=True)
EVENT = Kind("", "v1", "Event", "events", short_names=("ev",))
# The same objects, as the other group shows them; nobody here writes them under that name.
EVENT_VIEW = Kind("events.k8s.io", "v1", "Event", "events", short_names=("ev",))
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses", short_names=("ing",), status=True)
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
RBAC = "rbac.authorization.k8s.io"
ROLE = Kind(RBAC, "v1", "Role", "roles")
ROLE_BINDING = Kind(RBAC, "v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind(RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
CUSTOM_RESOURCE_DEFINITION = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
    namespaced=False, short_names=("crd", "crds"), status=True,
)  # fmt: skip
CERTIFICATE_SIGNING_REQUEST = Kind(
    "certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests",
    namespaced=False, short_names=("csr",), status=True,
)  # fmt: skip
VALIDATING_WEBHOOKS = Kind(
    "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations",
    namespaced=False,
)  # fmt: skip

KINDS: tuple[Kind, ...] = (
    ISSUER,
    CLUSTER_ISSUER,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    ORDER,
    CHALLENGE,
    CERTIFICATE_REQUEST_POLICY,
    ACME_ISSUER,
    ACME_CLUSTER_ISSUER,
    NAMESPACE,
    SECRET,
    CONFIG_MAP,
    SERVICE_ACCOUNT,
    POD,
    SERVICE,
    DEPLOYMENT,
    EVENT,
    INGRESS,
    HTTP_ROUTE,
    LEASE,
    ROLE,
    ROLE_BINDING,
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ISSUED_CERTIFICATE,
    GLOO_REQUEST,
    POD_BOUNCE_DIRECTIVE,
    CUSTOM_RESOURCE_DEFINITION,
    CERTIFICATE_SIGNING_REQUEST,
    VALIDATING_WEBHOOKS,
)


@attrs.frozen
class ApiError(Exception):
    """What the API server answered instead: a Status with code, reason, message, details and metadata."""

    code: int
    reason: str
    message: str
    details: Mapping[str, Any] = attrs.field(factory=dict, eq=False)
    metadata: Mapping[str, str] = attrs.field(factory=dict, eq=False)

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
