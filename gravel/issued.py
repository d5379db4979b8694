"""What was issued, read from the certificates themselves."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import attrs
from cryptography import x509
from cryptography.x509.oid import NameOID

from acme_server.protocol.times import rfc3339
from issuer_bridge.resources import Resource


@attrs.frozen
class Issued:
    """A certificate; request: `NAMESPACE/NAME`; serial: hexadecimal; issuer: its common name; not_after: RFC 3339."""

    request: str
    names: tuple[str, ...]
    serial: str
    issuer: str
    not_after: str

    def to_json(self) -> dict[str, Any]:
        """Return it as one JSON object."""
        return {"event": "issued", **attrs.asdict(self)}


def issued(requests: Iterable[Resource]) -> list[Issued]:
    """Return the leaf certificates of those CertificateRequests that have one."""
    return [_read(request) for request in requests if (request.get("status") or {}).get("certificate")]


def _read(request: Resource) -> Issued:
    metadata = request["metadata"]
    leaf = x509.load_pem_x509_certificates(base64.b64decode(request["status"]["certificate"]))[0]
    alternative = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Issued(
        request=f"{metadata['namespace']}/{metadata['name']}",
        names=tuple(alternative.get_values_for_type(x509.DNSName)),
        serial=f"{leaf.serial_number:x}",
        issuer=str(leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value),
        not_after=rfc3339(leaf.not_valid_after_utc),
    )
