"""Certificates that a key of ours signs: a template from a CertificateRequest, the signature, and the chain.

Facts from upstream `pkg/util/pki` (certificatetemplate.go, csr.go, parse_certificate_chain.go), whose own facts are
those of Go's `x509.CreateCertificate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID as Access

from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.signing_requests import DEFAULT_USAGES, EXTENDED_USAGES, KEY_USAGES
from issuer_bridge.durations import parse_duration
from issuer_bridge.pem import read_request

DEFAULT_DURATION = timedelta(days=90)
SERIAL_OCTETS = 20
BROKEN = "certificate chain is malformed or broken"
_USAGE_OF: Mapping[str, str] = {name: usage for usage, name in KEY_USAGES.items() if usage != "signing"}
_EXTENDED_OF: Mapping[x509.ObjectIdentifier, str] = {
    oid: usage for usage, oid in EXTENDED_USAGES.items() if usage != "s/mime"
}


@attrs.frozen
class Template:
    """What is signed: a CSR that was checked against its request, and the extensions of the certificate."""

    csr: x509.CertificateSigningRequest
    duration: timedelta
    extensions: tuple[tuple[x509.ExtensionType, bool], ...]

    @property
    def is_ca(self) -> bool:
        """Whether the certificate may sign others."""
        return any(isinstance(extension, x509.BasicConstraints) and extension.ca for extension, _ in self.extensions)


def template_of(request: Mapping[str, Any], urls: Mapping[str, Any]) -> Template:
    """Read `spec` of a CertificateRequest; ValueError says where it is broken, or contradicts its own CSR.

    urls: the fields of an issuer that name where revocation and the issuer's certificate are looked up.
    """
    csr = x509.load_der_x509_csr(read_request(request.get("request")).der)
    duration, is_ca = request.get("duration"), bool(request.get("isCA"))
    usages = request.get("usages") or DEFAULT_USAGES
    unknown = [usage for usage in usages if usage not in KEY_USAGES and usage not in EXTENDED_USAGES]
    if unknown:
        raise ValueError(f"unknown key usages: [{' '.join(unknown)}]")
    on = {KEY_USAGES[usage]: True for usage in usages if usage in KEY_USAGES} | (
        {"key_cert_sign": True} if is_ca else {}
    )
    extended = [EXTENDED_USAGES[usage] for usage in usages if usage in EXTENDED_USAGES]
    _check_csr(csr, is_ca, [name for name in _USAGE_OF if on.get(name)], extended)
    found: list[tuple[x509.ExtensionType, bool]] = [(x509.BasicConstraints(ca=is_ca, path_length=None), True)]
    if on:
        found.append((x509.KeyUsage(**{name: on.get(name, False) for name in _USAGE_OF}), True))
    if extended:
        found.append((x509.ExtendedKeyUsage(extended), False))
    for extension in csr.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            found.append((extension.value, not csr.subject.rdns))
        elif isinstance(extension.value, x509.NameConstraints):
            found.append((extension.value, extension.critical))
    lifetime = parse_duration(duration) if duration else DEFAULT_DURATION
    return Template(csr, lifetime, (*found, *_locations(urls)))


def _check_csr(
    csr: x509.CertificateSigningRequest, is_ca: bool, usages: Sequence[str], extended: Sequence[x509.ObjectIdentifier]
) -> None:
    """ValueError when what the CSR says of CA and usages is not what its request says."""
    values = [extension.value for extension in csr.extensions]
    for value in values:
        if isinstance(value, x509.BasicConstraints) and value.ca != is_ca:
            raise ValueError(
                f"encoded CSR error: IsCA {_go_bool(value.ca)} does not match expected value {_go_bool(is_ca)}"
            )
    if not any(isinstance(value, x509.KeyUsage | x509.ExtendedKeyUsage) for value in values):
        return
    asked = [name for value in values if isinstance(value, x509.KeyUsage) for name in _set_in(value)]
    if asked != list(usages):
        here, there = (_shown(_USAGE_OF[name] for name in names) for names in (asked, usages))
        raise ValueError(f"encoded CSR error: the KeyUsages {here} do not match the expected KeyUsages {there}")
    asked_extended = [oid for value in values if isinstance(value, x509.ExtendedKeyUsage) for oid in value]
    if asked_extended != list(extended):
        here, there = (_shown(_EXTENDED_OF.get(oid, "unknown") for oid in oids) for oids in (asked_extended, extended))
        raise ValueError(f"encoded CSR error: the ExtKeyUsages {here} do not match the expected ExtKeyUsages {there}")


def _set_in(usage: x509.KeyUsage) -> list[str]:
    agreement = ("encipher_only", "decipher_only")  # which have no value without key agreement
    return [name for name in _USAGE_OF if (name not in agreement or usage.key_agreement) and getattr(usage, name)]


def _shown(usages: Iterator[str]) -> str:
    texts = [f" '{usage}'" for usage in usages]
    return f"[{','.join(texts)}{' ' if texts else ''}]"


def _go_bool(value: bool) -> str:
    return "true" if value else "false"


def _locations(urls: Mapping[str, Any]) -> Iterator[tuple[x509.ExtensionType, bool]]:
    lists = urls.get("crlDistributionPoints") or ()
    if lists:
        names = [[x509.UniformResourceIdentifier(url)] for url in lists]
        yield x509.CRLDistributionPoints([x509.DistributionPoint(name, None, None, None) for name in names]), False
    methods = ((Access.OCSP, "ocspServers"), (Access.CA_ISSUERS, "issuingCertificateURLs"))
    found = [
        x509.AccessDescription(method, x509.UniformResourceIdentifier(url))
        for method, field in methods
        for url in urls.get(field) or ()
    ]
    if found:
        yield x509.AuthorityInformationAccess(found), False


def sign(
    template: Template, issuer: x509.Certificate | None, key: PrivateKey, serial: bytes, now: datetime
) -> x509.Certificate:
    """Sign with the key of `issuer`, None for the certificate itself; serial: random octets."""
    csr = template.csr
    builder = (
        x509.CertificateBuilder()
        .subject_name(csr.subject)
        .issuer_name(issuer.subject if issuer else csr.subject)
        .public_key(csr.public_key())
        .serial_number(int.from_bytes(serial) >> 1 or 1)
        .not_valid_before(now.replace(microsecond=0))
        .not_valid_after(now.replace(microsecond=0) + template.duration)
    )
    extensions = list(template.extensions)
    if template.is_ca:
        extensions.append((x509.SubjectKeyIdentifier.from_public_key(csr.public_key()), False))
    identifier = issuer and extension_of(issuer, x509.SubjectKeyIdentifier)
    if issuer and identifier and issuer.subject != csr.subject:
        extensions.append((x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    repeatable = True if isinstance(key, ec.EllipticCurvePrivateKey) else None
    return builder.sign(key, _digest(key), ecdsa_deterministic=repeatable)


def _digest(key: PrivateKey) -> Any:
    """Return the hash that goes with the size of a key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    steps = (384, 521) if isinstance(key, ec.EllipticCurvePrivateKey) else (3072, 4096)
    return (hashes.SHA256(), hashes.SHA384(), hashes.SHA512())[sum(key.key_size >= step for step in steps)]


def bundle(leaf: x509.Certificate, authorities: Sequence[x509.Certificate]) -> tuple[str, str]:
    """Return the chain of a leaf, without a root, and the CA at its top, as PEM; ValueError when they are no chain."""
    rest = [each for each in dict.fromkeys(authorities) if each != leaf]
    chain = [leaf]
    while rest:
        above = next((each for each in rest if is_signed_by(chain[-1], each)), None)
        if above is None:
            raise ValueError(BROKEN)
        rest.remove(above)
        chain.append(above)
    top = chain[-1]
    shown = chain[:-1] if len(chain) > 1 and is_self_signed(top) else chain
    known = top if len(chain) > 1 or is_self_signed(top) else None
    return "".join(map(_pem, shown)), _pem(known) if known else ""


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate is a root."""
    return _verifies(certificate, certificate)


def is_signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether a CA, which may sign certificates, has signed this one."""
    usage = extension_of(issuer, x509.KeyUsage)
    return is_ca(issuer) and (usage is None or usage.key_cert_sign) and _verifies(certificate, issuer)


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether its basic constraints say CA."""
    constraints = extension_of(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _verifies(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def extension_of(certificate: x509.Certificate | x509.CertificateSigningRequest, cls: type[Any]) -> Any:
    """Return an extension's value, or None."""
    try:
        return certificate.extensions.get_extension_for_class(cls).value
    except x509.ExtensionNotFound:
        return None


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode("ascii")
