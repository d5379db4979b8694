"""What istio-csr does in a cluster: signs for workloads, and keeps the roots of the mesh in every namespace."""

from __future__ import annotations

import logging
from datetime import timedelta

from acme_server.protocol.vantage import Inquiry, pause
from issuer_bridge.cert_manager.certificates.policies import data_of
from issuer_bridge.conditions import is_denied, ready_reason
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.reconciler import Reconciler
from issuer_bridge.resources import CERTIFICATE_REQUEST, CONFIG_MAP, NAMESPACE, SECRET, ApiError, Kind, Resource
from issuer_bridge.shims.istio_csr import (
    IstioOptions,
    Refused,
    chain_with_roots,
    check_csr,
    identity_of,
    request_for,
)

log = logging.getLogger(__name__)

CONFIG_MAP_NAME, ROOT_KEY = "istio-ca-root-cert", "root-cert.pem"
LABELS = {"istio.io/config": "true"}
UNSIGNED, UNVERIFIED = "failed to sign certificate request", "failed to parse and verify signed certificate from issuer"
LOOK_AGAIN = timedelta(milliseconds=100)  # the request is read from a copy here, so that looking costs nothing


class Istio:
    """The service, behind a port of ours (Istio's agents speak gRPC), and the controller of the ConfigMaps."""

    def __init__(self, context: Context, options: IstioOptions) -> None:
        self._context = context
        self._options = options

    @property
    def root(self) -> tuple[str, str]:
        """Namespace and name of the Secret with the roots."""
        return self._options.root

    def create_certificate(self, token: str, csr: str, seconds: int) -> Inquiry[tuple[str, ...]]:
        """Return the chain for a PEM CSR, the roots last, as CreateCertificate does; Refused with code and message.

        token: of the caller's service account; a validity beyond the longest is cut.
        """
        options = self._options
        try:
            status = (yield from options.review(token)) if options.review else {}
            identities = (identity_of(status, options.trust_domain),)
            check_csr(csr, identities)
        except ValueError as error:
            log.warning("a workload's request is refused: %s", error)
            raise Refused("UNAUTHENTICATED", "request authenticate failure") from None
        wanted = request_for(csr, identities, timedelta(seconds=seconds), options)
        try:
            certificate = yield from self._signed(wanted)
        except (ValueError, ApiError) as error:
            log.warning("%s: %s", ", ".join(identities), error)
            raise Refused("INTERNAL", UNSIGNED) from None
        try:
            return chain_with_roots(certificate, self._roots(), self._context.clock())
        except ValueError as error:
            log.warning("%s: %s", ", ".join(identities), error)
            raise Refused("INTERNAL", UNVERIFIED) from None

    def _signed(self, wanted: Resource) -> Inquiry[str]:
        """Create the request, wait until it ends, and delete it."""
        resources = self._context.resources
        created = yield from resources.create(CERTIFICATE_REQUEST, wanted)
        place = created["metadata"]["namespace"], created["metadata"]["name"]
        request: Resource | None = created
        while request is not None and not _ended(request):
            yield from pause(LOOK_AGAIN)
            request = resources.get(CERTIFICATE_REQUEST, *place)
        if request is None:
            raise ValueError("created CertificateRequest has been unexpectedly deleted")
        if not self._options.preserve:
            yield from resources.delete(CERTIFICATE_REQUEST, *place)
        status = request["status"]
        if is_denied(request) or ready_reason(request) == "Failed":
            raise ValueError(f"CertificateRequest {'/'.join(place)} was not signed: {status['conditions']}")
        return str(status["certificate"])

    def _roots(self) -> bytes:
        return data_of(self._context.resources.get(SECRET, *self._options.root), "ca.crt")

    def sync(self, namespace: str) -> Inquiry[Outcome]:
        """See that a namespace has the roots of the mesh in its ConfigMap, and nothing else in that."""
        resources, roots = self._context.resources, self._roots().decode("ascii", "replace")
        found = resources.get(NAMESPACE, "", namespace)
        if not roots or found is None or (found.get("status") or {}).get("phase") == "Terminating":
            return Done()
        data, existing = {ROOT_KEY: roots}, resources.get(CONFIG_MAP, namespace, CONFIG_MAP_NAME)
        if existing is None:
            metadata = {"name": CONFIG_MAP_NAME, "namespace": namespace, "labels": LABELS}
            new = {"apiVersion": "v1", "kind": CONFIG_MAP.kind, "metadata": metadata, "data": data}
            yield from resources.create(CONFIG_MAP, new)
            return Done()
        metadata = existing["metadata"]
        labels = {**(metadata.get("labels") or {}), **LABELS}
        if existing.get("data") != data or metadata.get("labels") != labels:
            yield from resources.update(
                CONFIG_MAP, {**existing, "metadata": {**metadata, "labels": labels}, "data": data}
            )
        return Done()


class Mesh:
    """Which namespaces a change concerns, and their queue."""

    watched = (NAMESPACE,)

    def __init__(self, context: Context, istio: Istio, queue: Reconciler) -> None:
        self._resources, self._root, self._queue = context.resources, istio.root, queue

    def heard(self, kind: Kind, namespace: str, name: str) -> None:
        """Look at the namespaces whose copy of the roots may be another now."""
        if kind == SECRET and (namespace, name) == self._root:
            concerned = [each["metadata"]["name"] for each in self._resources.list(NAMESPACE)]
        elif kind == CONFIG_MAP and name == CONFIG_MAP_NAME:
            concerned = [namespace]
        else:
            concerned = [name] if kind == NAMESPACE else []
        for each in concerned:
            self._queue.add((NAMESPACE.kind, "", each))


def _ended(request: Resource) -> bool:
    return (
        is_denied(request)
        or ready_reason(request) == "Failed"
        or bool((request.get("status") or {}).get("certificate"))
    )
