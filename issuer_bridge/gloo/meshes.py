"""What a mesh asks for: its IssuedCertificate, and the order in which its pods are restarted.

Facts from upstream `pkg/mesh-networking/translation/istio/mesh/mtls`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from issuer_bridge.resources import ISSUED_CERTIFICATE, POD_BOUNCE_DIRECTIVE, Kind, Resource

Pods: TypeAlias = tuple[str, Mapping[str, str]]
"""A namespace, and labels that all of these pods have."""


@attrs.frozen
class Mesh:
    """An Istio mesh in a remote cluster.

    namespace: of its agent; trust_domain, istio_namespace, service_account: its identity; signing_secret: namespace and
    name, in the issuer's cluster; control_plane, gateways, workloads: whom to restart, in this order.
    """

    name: str
    signing_secret: tuple[str, str]
    namespace: str = "gloo-mesh"
    trust_domain: str = "cluster.local"
    istio_namespace: str = "istio-system"
    service_account: str = "istiod-service-account"
    org: str = "gloo-mesh"
    control_plane: Mapping[str, str] = attrs.field(factory=lambda: {"app": "istiod"})
    gateways: Sequence[Pods] = ()
    workloads: Sequence[Pods] = ()
    auto_restart: bool = True

    @property
    def identity(self) -> str:
        """The SPIFFE ID of the mesh's CA."""
        return f"spiffe://{self.trust_domain}/ns/{self.istio_namespace}/sa/{self.service_account}"


def objects_of(mesh: Mesh) -> list[tuple[Kind, Resource]]:
    """Return what the issuer writes into the mesh's cluster, in this order."""
    namespace, name = mesh.signing_secret
    cacerts = {"namespace": mesh.istio_namespace, "name": "cacerts"}
    spec: dict[str, Any] = {
        "hosts": [mesh.identity],
        "certOptions": {"orgName": mesh.org},
        "glooMeshCa": {"signingCertificateSecret": {"namespace": namespace, "name": name}},
        "issuedCertificateSecret": cacerts,
    }
    if not mesh.auto_restart:
        return [(ISSUED_CERTIFICATE, _object(mesh, ISSUED_CERTIFICATE, spec))]
    reference = {"podBounceDirective": {"namespace": mesh.namespace, "name": mesh.name}}
    control_plane = {"namespace": mesh.istio_namespace, "labels": dict(mesh.control_plane), "waitForReplicas": 1}
    data_plane = [
        {"namespace": namespace, "labels": dict(labels), "rootCertSync": _root_sync(cacerts, namespace)}
        for namespace, labels in (*mesh.gateways, *mesh.workloads)
    ]
    return [
        (POD_BOUNCE_DIRECTIVE, _object(mesh, POD_BOUNCE_DIRECTIVE, {"podsToBounce": [control_plane, *data_plane]})),
        (ISSUED_CERTIFICATE, _object(mesh, ISSUED_CERTIFICATE, {**spec, **reference})),
    ]


def _root_sync(cacerts: Mapping[str, str], namespace: str) -> dict[str, Any]:
    """Restart no proxy before the root that it will be given is the new one."""
    return {
        "secretRef": cacerts,
        "secretKey": "root-cert.pem",
        "configMapRef": {"namespace": namespace, "name": "istio-ca-root-cert"},
        "configMapKey": "root-cert.pem",
    }


def _object(mesh: Mesh, kind: Kind, spec: Mapping[str, Any]) -> Resource:
    metadata = {"namespace": mesh.namespace, "name": mesh.name}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}
