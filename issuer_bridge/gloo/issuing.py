"""The issuer, in the cluster that has the CA: it hands IssuedCertificates out to one other cluster, and signs for it."""

from __future__ import annotations

from collections.abc import Callable

from acme_server.protocol.driver import Driver
from acme_server.protocol.journal import Fact
from acme_server.protocol.vantage import Inquiry
from issuer_bridge.context import HOUSE, Context
from issuer_bridge.gloo.authority import Signed, read_authority, sign
from issuer_bridge.gloo.meshes import Mesh, objects_of
from issuer_bridge.gloo.secrets import signing_secret_of
from issuer_bridge.gloo.signing import ORIGIN, Idle, Options, Relay, Seen, Sign, decide, relayed_name
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.pem import encode
from issuer_bridge.reconciler import Reconciler
from issuer_bridge.references import key_of
from issuer_bridge.resources import (
    CERTIFICATE_REQUEST,
    GLOO_REQUEST,
    ISSUED_CERTIFICATE,
    POD_BOUNCE_DIRECTIVE,
    SECRET,
    Kind,
    Resource,
    Resources,
)

WATCHED_REMOTE = (ISSUED_CERTIFICATE, GLOO_REQUEST, POD_BOUNCE_DIRECTIVE)
"""What the port must show of the agent's cluster: no Secret, as no key may be seen from here."""
WATCHED_OWN = (SECRET, CERTIFICATE_REQUEST)
"""And of the issuer's own."""


class Issuing:
    """The controller of one other cluster's CertificateRequests; nobody else writes their status.

    context: of that cluster; own: the resources of the issuer's.
    """

    def __init__(self, driver: Driver, context: Context, own: Resources, options: Options | None = None) -> None:
        self._context, self._own, self._options = context, own, options or Options()
        self._queue = Reconciler(driver, lambda key: self.sync(*key[1:]))
        self._stops: list[Callable[[], None]] = []

    def start(self) -> None:
        """Look at everything that is there, and from now on at every change."""
        self._stops = [self._context.resources.watch(self._heard), self._own.watch(self._heard_own)]
        for request in self._context.resources.list(GLOO_REQUEST):
            self._add(request["metadata"]["namespace"], request["metadata"]["name"])

    def stop(self) -> None:
        """Hear of no further changes; what is under way comes to its end."""
        for stop in self._stops:
            stop()
        self._stops = []

    def issue(self, mesh: Mesh) -> Inquiry[None]:
        """Write the IssuedCertificate of a mesh, and whom to restart, into the other cluster."""
        for kind, resource in objects_of(mesh):
            metadata = resource["metadata"]
            existing = self._context.resources.get(kind, metadata["namespace"], metadata["name"])
            if existing is None:
                yield from self._context.resources.create(kind, resource)
            else:
                yield from self._context.resources.update(kind, {**existing, "spec": resource["spec"]})

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """Answer one CertificateRequest."""
        request = self._context.resources.get(GLOO_REQUEST, namespace, name)
        if request is not None:
            try:
                yield from self._perform(request, self._see(request))
            except ValueError as error:
                yield from self._answer(request, "FAILED", error=str(error))
                self._note("SigningRefused", request, error=str(error))
        return Done()

    def _heard(self, event: str, kind: Kind, resource: Resource) -> None:
        if kind in (GLOO_REQUEST, ISSUED_CERTIFICATE) and event != "DELETED":
            self._add(resource["metadata"]["namespace"], resource["metadata"]["name"])

    def _heard_own(self, event: str, kind: Kind, resource: Resource) -> None:
        del event
        if kind == CERTIFICATE_REQUEST:
            cluster, *name = (resource["metadata"].get("annotations") or {}).get(ORIGIN, "").split("/")
            if cluster == self._options.cluster and len(name) == 2:
                self._add(*name)

    def _add(self, namespace: str, name: str) -> None:
        self._queue.add((GLOO_REQUEST.kind, namespace, name))

    def _see(self, request: Resource) -> Seen:
        metadata, options = request["metadata"], self._options
        certificate = self._context.resources.get(ISSUED_CERTIFICATE, metadata["namespace"], metadata["name"])
        signing = signing_secret_of(certificate) if certificate else None
        return Seen(
            request,
            certificate,
            self._own.get(SECRET, *signing) if signing else None,
            self._own.get(CERTIFICATE_REQUEST, options.namespace, relayed_name(request, options)),
        )

    def _perform(self, request: Resource, seen: Seen) -> Inquiry[None]:
        match decide(seen, self._options):
            case Sign(secret=secret, request=asked, days=days):
                now, entropy = self._context.clock(), self._context.entropy
                yield from self._finish(request, sign(read_authority(secret), asked, days, now, entropy))
            case Signed() as signed:
                yield from self._finish(request, signed)
            case Relay(request=relayed):
                yield from self._own.create(CERTIFICATE_REQUEST, relayed)
                self._note("RequestRelayed", request, to=key_of(relayed))
            case Idle():
                pass

    def _finish(self, request: Resource, signed: Signed) -> Inquiry[None]:
        chain, root = encode(signed.chain), encode(signed.root)
        yield from self._answer(request, "FINISHED", signedCertificate=chain, signingRootCa=root)
        self._note("RequestSigned", request)

    def _answer(self, request: Resource, state: str, **more: str) -> Inquiry[None]:
        status = {"observedGeneration": request["metadata"].get("generation"), "state": state, **more}
        yield from self._context.write_status(GLOO_REQUEST, request, status)

    def _note(self, kind: str, request: Resource, **data: str) -> None:
        subject = {"cluster": self._options.cluster, "issued_certificate": key_of(request)}
        self._context.record(HOUSE, [Fact(kind, subject, data)])
