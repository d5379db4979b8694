"""Whether a request or a certificate is what a Certificate's spec asks for; what is not is named by its field.

Facts from upstream `pkg/util/pki/match.go`, the spelling of `spec.subject.postCodes` among them.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from issuer_bridge.cert_manager.certificates.signing_requests import (
    DEFAULT_USAGES,
    SUBJECT,
    Spec,
    other_name_value,
    subject_of,
)
from issuer_bridge.durations import parse_duration
from issuer_bridge.references import GROUP

_SUBJECT_FIELDS: Mapping[str, str] = {
    "organizations": "spec.subject.organizations",
    "countries": "spec.subject.countries",
    "localities": "spec.subject.localities",
    "organizationalUnits": "spec.subject.organizationalUnits",
    "postalCodes": "spec.subject.postCodes",
    "provinces": "spec.subject.provinces",
    "streetAddresses": "spec.subject.streetAddresses",
}


@attrs.frozen
class Names:
    """What a CSR or a certificate is for; names in their order, `key` as SubjectPublicKeyInfo."""

    subject: x509.Name
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    other_names: tuple[tuple[str, bytes], ...] = ()
    key: bytes = b""

    def of_subject(self, oid: x509.ObjectIdentifier) -> list[str]:
        """Return the values of an attribute of the subject."""
        return [str(attribute.value) for attribute in self.subject.get_attributes_for_oid(oid)]

    @property
    def common_name(self) -> str:
        """The subject's common name, or ""."""
        return next(iter(self.of_subject(NameOID.COMMON_NAME)), "")


def names_of(holder: x509.CertificateSigningRequest | x509.Certificate) -> Names:
    """Read the names; ValueError when an extension is broken."""
    key = holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        san = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return Names(holder.subject, key=key)
    return Names(
        holder.subject,
        tuple(san.get_values_for_type(x509.DNSName)),
        tuple(str(address) for address in san.get_values_for_type(x509.IPAddress)),
        tuple(san.get_values_for_type(x509.UniformResourceIdentifier)),
        tuple(san.get_values_for_type(x509.RFC822Name)),
        tuple((name.type_id.dotted_string, name.value) for name in san if isinstance(name, x509.OtherName)),
        key,
    )


@lru_cache(maxsize=1024)
def names_in_request(field: str) -> Names:
    """Read `spec.request`, base64 of a PEM CSR; it is looked at again and again, hence the cache. ValueError."""
    return names_of(x509.load_pem_x509_csr(base64.b64decode(field)))


def request_violations(request: Mapping[str, Any], spec: Spec) -> list[str]:
    """Name the fields of a Certificate's spec that its CertificateRequest lacks; ValueError when it has no CSR."""
    asked = names_in_request(request["request"])
    pairs: list[tuple[str, bool]] = [
        ("spec.ipAddresses", _same(asked.ip_addresses, _addresses(spec))),
        ("spec.uris", _same(asked.uris, spec.get("uris"))),
        ("spec.emailAddresses", _same(asked.emails, spec.get("emailAddresses"))),
        ("spec.dnsNames", _same(asked.dns_names, spec.get("dnsNames"))),
        ("spec.otherNames", not spec.get("otherNames") or _same(asked.other_names, _other_names(spec))),
        *_subject_pairs(asked, spec),
        ("spec.isCA", bool(request.get("isCA")) == bool(spec.get("isCA"))),
        ("spec.usages", _same(request.get("usages") or DEFAULT_USAGES, spec.get("usages") or DEFAULT_USAGES)),
        ("spec.duration", _same_duration(request.get("duration"), spec.get("duration"))),
        ("spec.issuerRef", issuer_of(request["issuerRef"]) == issuer_of(spec["issuerRef"])),
    ]
    return [field for field, equal in pairs if not equal]


def certificate_violations(certificate: Names, spec: Spec) -> list[str]:
    """Name the fields that a certificate, whose request is gone, surely lacks; a CA may move names to and from the CN."""
    names, common_name = spec.get("dnsNames") or [], spec.get("commonName") or ""
    expected = {*names, *([common_name] if common_name else [])}
    found = {*certificate.dns_names, *([certificate.common_name] if certificate.common_name else [])}
    pairs = (
        (
            "spec.commonName",
            (not common_name or common_name in found)
            and (not certificate.common_name or certificate.common_name in expected),
        ),
        ("spec.dnsNames", found.issuperset(names) and expected.issuperset(certificate.dns_names)),
        ("spec.ipAddresses", _same(certificate.ip_addresses, _addresses(spec))),
        ("spec.uris", _same(certificate.uris, spec.get("uris"))),
        ("spec.emailAddresses", _same(certificate.emails, spec.get("emailAddresses"))),
    )
    return [field for field, equal in pairs if not equal]


def issuer_of(reference: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return name, kind and group of an issuerRef, with the defaults in their places."""
    return reference.get("name", ""), reference.get("kind") or "Issuer", reference.get("group") or GROUP


def _subject_pairs(asked: Names, spec: Spec) -> list[tuple[str, bool]]:
    if spec.get("literalSubject"):
        return [("spec.literalSubject", asked.subject == subject_of(spec))]
    subject = spec.get("subject") or {}
    serial = next(iter(asked.of_subject(NameOID.SERIAL_NUMBER)), "")
    return [
        ("spec.commonName", asked.common_name == (spec.get("commonName") or "")),
        ("spec.subject.serialNumber", serial == (subject.get("serialNumber") or "")),
        *((told, _same(asked.of_subject(SUBJECT[name]), subject.get(name))) for name, told in _SUBJECT_FIELDS.items()),
    ]


def _same(found: Iterable[Any], wanted: Iterable[Any] | None) -> bool:
    return sorted(found) == sorted(wanted or ())


def _addresses(spec: Spec) -> list[str]:
    return [str(ipaddress.ip_address(address)) for address in spec.get("ipAddresses") or ()]


def _other_names(spec: Spec) -> list[tuple[str, bytes]]:
    return [(other.get("oid", ""), other_name_value(other)) for other in spec["otherNames"]]


def _same_duration(found: str | None, wanted: str | None) -> bool:
    return not found or not wanted or parse_duration(found) == parse_duration(wanted)
