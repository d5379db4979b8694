"""The controller of Ingresses: creates, updates and deletes the Certificates that their annotations ask for."""

from __future__ import annotations

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.context import Context
from issuer_bridge.outcomes import Done, Outcome
from issuer_bridge.resources import CERTIFICATE, INGRESS, Resource
from issuer_bridge.shims.ingress_certificates import (
    ShimOptions,
    annotations_of,
    asks,
    certificate_for,
    check_secret_names,
    issuer_of,
    tls_blocks,
    unrequired,
    updated,
)

BAD_CONFIG, NO_ISSUER = "BadConfig", "Could not determine issuer for ingress due to bad annotations: "


class Ingresses:
    """Reads the Ingress and its Certificates, and writes the Certificates."""

    def __init__(self, context: Context, options: ShimOptions) -> None:
        self._context = context
        self._options = options

    def sync(self, namespace: str, name: str) -> Inquiry[Outcome]:
        """See to the Certificates of one Ingress; what is wrong with it is told in an event, and waits for a change."""
        ingress = self._context.resources.get(INGRESS, namespace, name)
        if ingress is None or not asks(ingress, self._options):
            return Done()
        try:
            reference = issuer_of(annotations_of(ingress), self._options)
        except ValueError as error:
            return (yield from self._refuse(ingress, f"{NO_ISSUER}{error}"))
        try:
            check_secret_names(ingress)
            blocks, skipped = tls_blocks(ingress)
            for text in skipped:
                yield from self._refuse(ingress, f"Skipped a TLS block: {text}")
            wanted = [
                certificate_for(ingress, secret, hosts, reference, self._options) for secret, hosts in blocks.items()
            ]
        except ValueError as error:  # upstream tells only its log of an annotation that it cannot read
            return (yield from self._refuse(ingress, str(error)))
        for certificate in wanted:
            yield from self._ensure(ingress, certificate)
        for certificate in unrequired(self._context.resources.list(CERTIFICATE, namespace), ingress):
            yield from self._context.resources.delete(CERTIFICATE, namespace, certificate["metadata"]["name"])
            yield from self._tell(ingress, "DeleteCertificate", "deleted unrequired", certificate)
        return Done()

    def _ensure(self, ingress: Resource, wanted: Resource) -> Inquiry[None]:
        resources, metadata = self._context.resources, wanted["metadata"]
        existing = resources.get(CERTIFICATE, metadata["namespace"], metadata["name"])
        if existing is None:
            yield from resources.create(CERTIFICATE, wanted)
            yield from self._tell(ingress, "CreateCertificate", "created", wanted)
            return
        changed = updated(existing, wanted, ingress, self._options)
        if changed is not None:
            yield from resources.update(CERTIFICATE, changed)
            yield from self._tell(ingress, "UpdateCertificate", "updated", wanted)

    def _refuse(self, ingress: Resource, text: str) -> Inquiry[Outcome]:
        yield from self._context.recorder.warning(ingress, BAD_CONFIG, text)
        return Done()

    def _tell(self, ingress: Resource, reason: str, done: str, certificate: Resource) -> Inquiry[None]:
        text = f'Successfully {done} Certificate "{certificate["metadata"]["name"]}"'
        yield from self._context.recorder.normal(ingress, reason, text)
