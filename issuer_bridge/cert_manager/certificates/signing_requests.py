"""The CSR of a Certificate: subject, names, usages and constraints as its spec has them.

Facts from upstream `pkg/util/pki/csr.go` and `pkg/api/util/usages.go`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.der import UTF8_STRING, der
from issuer_bridge.cert_manager.certificates.private_keys import wanted
from issuer_bridge.pem import encode

Spec: TypeAlias = Mapping[str, Any]

# The lists of spec.subject in the order of Go's pkix.Name, before the common name and the serial number.
SUBJECT: Mapping[str, x509.ObjectIdentifier] = {
    "countries": NameOID.COUNTRY_NAME,
    "organizations": NameOID.ORGANIZATION_NAME,
    "organizationalUnits": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "localities": NameOID.LOCALITY_NAME,
    "provinces": NameOID.STATE_OR_PROVINCE_NAME,
    "streetAddresses": NameOID.STREET_ADDRESS,
    "postalCodes": NameOID.POSTAL_CODE,
}
DEFAULT_USAGES = ("digital signature", "key encipherment")
KEY_USAGES: Mapping[str, str] = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
EXTENDED_USAGES: Mapping[str, x509.ObjectIdentifier] = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
_DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
_CONSTRAINTS: Mapping[str, Any] = {
    "dnsDomains": x509.DNSName,
    "ipRanges": lambda text: x509.IPAddress(ipaddress.ip_network(text)),
    "emailAddresses": x509.RFC822Name,
    "uriDomains": x509.UniformResourceIdentifier,
}


def signing_request(spec: Spec, key: PrivateKey) -> str:
    """Return what `spec.request` of a CertificateRequest holds; ValueError says what of the spec makes no CSR."""
    subject, names = subject_of(spec), list(_names(spec))
    if not names and not subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        raise ValueError(
            "at least one of commonName (from the commonName field or from a literalSubject), dnsNames, "
            "emailSANs, ipAddresses, otherNames, or uriSANs must be set"
        )
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not subject.rdns)
    for extension, critical in (*_usages(spec), *_constraints(spec)):
        builder = builder.add_extension(extension, critical=critical)
    repeatable = True if isinstance(key, ec.EllipticCurvePrivateKey) else None
    signed = builder.sign(key, _digest(spec, key), ecdsa_deterministic=repeatable)
    return encode(signed.public_bytes(Encoding.PEM).decode("ascii"))


def subject_of(spec: Spec) -> x509.Name:
    """Return the subject; several values of one attribute are one RDN, as Go writes them."""
    literal = spec.get("literalSubject")
    if literal:
        try:
            return x509.Name.from_rfc4514_string(literal)
        except ValueError:
            raise ValueError(f"spec.literalSubject: {literal[:64]!r} is not an RFC 4514 name") from None
    subject = spec.get("subject") or {}
    parts = [(oid, subject.get(field) or ()) for field, oid in SUBJECT.items()]
    parts += [
        (NameOID.COMMON_NAME, [spec["commonName"]] if spec.get("commonName") else ()),
        (NameOID.SERIAL_NUMBER, [subject["serialNumber"]] if subject.get("serialNumber") else ()),
    ]
    return x509.Name(
        [
            x509.RelativeDistinguishedName([x509.NameAttribute(oid, text) for text in texts])
            for oid, texts in parts
            if texts
        ]
    )


def _names(spec: Spec) -> Iterator[x509.GeneralName]:
    yield from map(x509.DNSName, spec.get("dnsNames") or ())
    yield from map(x509.RFC822Name, spec.get("emailAddresses") or ())
    yield from (x509.IPAddress(ipaddress.ip_address(address)) for address in spec.get("ipAddresses") or ())
    yield from map(x509.UniformResourceIdentifier, spec.get("uris") or ())
    for other in spec.get("otherNames") or ():
        yield x509.OtherName(x509.ObjectIdentifier(other.get("oid", "")), other_name_value(other))


def other_name_value(other: Mapping[str, str]) -> bytes:
    """Return the DER of an otherName's value."""
    return der(UTF8_STRING, other.get("utf8Value", "").encode())


def _usages(spec: Spec) -> Iterator[tuple[x509.ExtensionType, bool]]:
    if spec.get("encodeUsagesInRequest") is False:
        return
    asked: Iterable[str] = spec.get("usages") or DEFAULT_USAGES
    on = {KEY_USAGES[usage]: True for usage in asked if usage in KEY_USAGES}
    if spec.get("isCA"):
        on["key_cert_sign"] = True
    if on:
        yield x509.KeyUsage(**{name: on.get(name, False) for name in KEY_USAGES.values()}), True
    extended = [EXTENDED_USAGES[usage] for usage in asked if usage in EXTENDED_USAGES]
    if extended:
        yield x509.ExtendedKeyUsage(extended), False


def _constraints(spec: Spec) -> Iterator[tuple[x509.ExtensionType, bool]]:
    constraints = spec.get("nameConstraints") or {}
    permitted, excluded = (
        [make(text) for field, make in _CONSTRAINTS.items() for text in (constraints.get(part) or {}).get(field) or ()]
        for part in ("permitted", "excluded")
    )
    if permitted or excluded:
        yield x509.NameConstraints(permitted or None, excluded or None), bool(constraints.get("critical"))


def _digest(spec: Spec, key: PrivateKey) -> Any:
    """Return the hash that spec.signatureAlgorithm names, or else the one that goes with the key's size."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    named = spec.get("signatureAlgorithm") or ""
    for name, digest in _DIGESTS.items():
        if name in named:
            return digest
    algorithm, size = wanted(spec)
    steps = (384, 521) if algorithm == "ECDSA" else (3072, 4096)
    return _DIGESTS[("SHA256", "SHA384", "SHA512")[sum(size >= step for step in steps)]]
