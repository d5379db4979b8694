"""The certificate of tls-alpn-01: what must be in it, and what is in one that was shown (RFC 8737 section 3)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from ipaddress import ip_address

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from acme_server.protocol.identifier import Identifier

ACME_TLS = "acme-tls/1"
# id-pe-acmeIdentifier (section 6.1).
ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion)


@attrs.frozen
class Contents:
    """What a validation looks at: two are the same when one is as good as the other.

    names: of the subjectAltName extension, a dns name's value in lower case;
    authorization: the DER value of acmeIdentifier, None without one.
    """

    self_signed: bool
    names: tuple[Identifier, ...]
    authorization: bytes | None
    critical: bool


def server_name(identifier: Identifier) -> str:
    """Return what SNI says of an identifier: for an address the name of its reverse mapping (RFC 8738 section 6)."""
    return ip_address(identifier.value).reverse_pointer if identifier.type == "ip" else identifier.value


def authorization_value(digest: bytes) -> bytes:
    """Return the value of acmeIdentifier: the SHA-256 of the key authorization as a DER OCTET STRING."""
    return bytes((0x04, len(digest))) + digest


def expected(identifier: Identifier, digest: bytes) -> Contents:
    """Return what the certificate for a challenge contains."""
    return Contents(True, (identifier,), authorization_value(digest), critical=True)


def read(der: bytes) -> Contents:
    """Read a certificate; ValueError when it cannot be read, or has an extension twice."""
    try:
        with warnings.catch_warnings():
            # Serial numbers and the like that are only warned about are no matter here.
            warnings.simplefilter("ignore")
            certificate = x509.load_der_x509_certificate(der)
            extensions = certificate.extensions
            names = tuple(_names(extensions))
    except _UNREADABLE:
        raise ValueError("cannot be read") from None
    found = next((extension for extension in extensions if extension.oid == ACME_IDENTIFIER), None)
    value = found.value.value if found is not None and isinstance(found.value, x509.UnrecognizedExtension) else None
    return Contents(_is_self_signed(certificate), names, value, critical=found is not None and found.critical)


def _names(extensions: x509.Extensions) -> Iterator[Identifier]:
    for extension in extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            yield from (_identifier(name) for name in extension.value)


def _identifier(name: x509.GeneralName) -> Identifier:
    if isinstance(name, x509.DNSName):
        return Identifier("dns", name.value.lower())
    return Identifier("ip" if isinstance(name, x509.IPAddress) else type(name).__name__, str(name.value))


def _is_self_signed(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (*_UNREADABLE, InvalidSignature):
        return False
    return True
