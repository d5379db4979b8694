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
    """A certificate; request: `NAMESPACE/NAME`; serial: hexadecimal; issuer: its name; not_after: RFC 3339."""

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
    common_names = leaf.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Issued(
        request=f"{metadata['namespace']}/{metadata['name']}",
        names=tuple(str(name.value) for name in alternative),
        serial=f"{leaf.serial_number:x}",
        issuer=str(common_names[0].value) if common_names else leaf.issuer.rfc4514_string(),
        not_after=rfc3339(leaf.not_valid_after_utc),
    )
