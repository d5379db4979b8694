"""Which Certificates a Secret concerns, and which Secrets and requests a Certificate owns: found without reading all."""

from __future__ import annotations

from issuer_bridge.cert_manager.certificates.steps import NEXT_KEY
from issuer_bridge.cert_manager.ownership import Ownership
from issuer_bridge.references import controller_of
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, SECRET, Kind, Resource


class CertificateIndex:
    """Names by what they belong to, kept from what is heard of the resources."""

    def __init__(self) -> None:
        self._owned = {SECRET: Ownership(), CERTIFICATE_REQUEST: Ownership()}
        self._by_secret: dict[tuple[str, str], dict[str, None]] = {}  # in the order of arrival
        self._secret_of: dict[tuple[str, str], str] = {}

    def note(self, event: str, kind: Kind, resource: Resource) -> list[str]:
        """Take in a change; return the names of the Certificates, of its namespace, that it concerns."""
        metadata = resource["metadata"]
        namespace, name = metadata.get("namespace", ""), metadata["name"]
        if kind == CERTIFICATE:
            return [name, *self._note_certificate(event, namespace, name, resource["spec"].get("secretName", ""))]
        owner = controller_of(resource)
        owners = [owner["name"]] if owner.get("kind") == CERTIFICATE.kind else []
        if owners and (kind == CERTIFICATE_REQUEST or NEXT_KEY.items() <= (metadata.get("labels") or {}).items()):
            self._owned[kind].note(event, resource)
        return owners if kind == CERTIFICATE_REQUEST else [*owners, *self._by_secret.get((namespace, name), ())]

    def owned(self, kind: Kind, certificate: Resource) -> list[str]:
        """Return the names of the CertificateRequests, or the Secrets with next keys, that a Certificate controls."""
        return self._owned[kind].names(certificate)

    def sharing(self, certificate: Resource) -> list[str]:
        """Return the names of the Certificates with the same secretName."""
        return self.keeping(certificate["metadata"]["namespace"], certificate["spec"]["secretName"])

    def keeping(self, namespace: str, secret: str) -> list[str]:
        """Return the names of the Certificates that are kept in a Secret."""
        return list(self._by_secret.get((namespace, secret), ()))

    def _note_certificate(self, event: str, namespace: str, name: str, secret: str) -> list[str]:
        """Return who shared the Secret with a Certificate that is gone, or has another now."""
        before = self._secret_of.pop((namespace, name), secret)
        if event != "DELETED":
            self._secret_of[namespace, name] = secret
            self._by_secret.setdefault((namespace, secret), {})[name] = None
            if before == secret:
                return []
        left = self._by_secret.get((namespace, before), {})
        left.pop(name, None)
        return list(left)
