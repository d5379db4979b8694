"""What is looked at without the server: whether ACME can sign a request at all, and whether a chain is what was asked for."""

from __future__ import annotations

import base64
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from issuer_bridge.issuer_lib.outcomes import Bundle, Permanent
from issuer_bridge.issuer_lib.values import Request
from issuer_bridge.pem import SigningRequest, public_key_of, read_request

# What the certificates of ACME servers may be used for; "signing" is cert-manager's other word for the first.
USAGES = ("digital signature", "signing", "key encipherment", "key agreement", "server auth", "client auth")


def preflight(request: Request) -> SigningRequest:
    """Return what is asked for; Permanent when no ACME server could give it."""
    try:
        csr = read_request(base64.b64encode(request.csr).decode("ascii"))
        strange, basic = _strangers(csr.der)
    except ValueError as error:
        raise _never(f"spec.request: {error}") from None
    if request.is_ca or basic:
        raise _never("ACME does not issue CA certificates")
    if strange:
        raise _never(f"ACME issues for DNS names and IP addresses only, and the CSR names {', '.join(strange)}")
    names = (*csr.dns_names, *csr.ip_addresses)
    if not names:
        raise _never("the CSR names no DNS name and no IP address; put them into its subjectAltName extension")
    if csr.common_name and csr.common_name not in names:
        raise _never(f"the common name {csr.common_name!r} of the CSR is none of its DNS names and IP addresses")
    unfit = [usage for usage in request.usages if usage not in USAGES]
    if unfit:
        raise _never(f"ACME does not issue certificates for {', '.join(unfit)}")
    return csr


def _never(message: str) -> Permanent:
    return Permanent(message, invalid_request=True)


def _strangers(der: bytes) -> tuple[list[str], bool]:
    """Return the names that no ACME identifier is for, and whether the CSR asks for a CA certificate."""
    extensions = x509.load_der_x509_csr(der).extensions
    strange: list[str] = []
    ca = False
    for extension in extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            strange = [
                f"{type(name).__name__} {name.value}"
                for name in extension.value
                if not isinstance(name, x509.DNSName | x509.IPAddress)
            ]
        elif isinstance(extension.value, x509.BasicConstraints):
            ca = extension.value.ca
    return strange, ca


def verified(chain: str, csr: SigningRequest, now: datetime) -> Bundle:
    """Return a PEM chain without its root, and the root where it has one; ValueError when it is not what was asked for."""
    certificates = x509.load_pem_x509_certificates(chain.encode("ascii"))
    leaf = certificates[0]
    if public_key_of(leaf) != csr.key:
        raise ValueError("the certificate is for another key")
    if _names(leaf) != sorted({name.lower() for name in (*csr.dns_names, *csr.ip_addresses)}):
        raise ValueError("the certificate has other names than the request")
    if leaf.not_valid_after_utc <= now:
        raise ValueError("the certificate has expired")
    for lower, upper in pairwise(certificates):
        _check_signature(lower, upper)
    root = certificates[-1] if len(certificates) > 1 and _is_root(certificates[-1]) else None
    rest = certificates[:-1] if root else certificates
    return Bundle(b"".join(_pem(one) for one in rest), _pem(root) if root else None)


def _names(leaf: x509.Certificate) -> list[str]:
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return sorted({*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))})


def _check_signature(lower: x509.Certificate, upper: x509.Certificate) -> None:
    try:
        lower.verify_directly_issued_by(upper)
    except (InvalidSignature, TypeError, ValueError):
        said = upper.subject.rfc4514_string()
        raise ValueError(f"the chain is broken: {said!r} has not issued the certificate before it") from None


def _is_root(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
