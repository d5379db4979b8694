"""Certificates and signing requests in one line each, for people."""

from __future__ import annotations

import base64
from collections.abc import Callable

from cryptography import x509

from acme_server.protocol.times import rfc3339


def request_summary(encoded: str) -> str:
    """Say what a base64 PEM signing request asks for."""
    return _summary(encoded, lambda pem: f"CSR for {', '.join(_names(x509.load_pem_x509_csr(pem))) or 'no DNS name'}")


def certificate_summary(encoded: str) -> str:
    """Say what a base64 PEM chain certifies."""
    return _summary(encoded, _chain)


def _summary(encoded: str, read: Callable[[bytes], str]) -> str:
    try:
        return read(base64.b64decode(encoded))
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension) as error:
        return f"{len(encoded)} characters that cannot be read ({error})"


def _chain(pem: bytes) -> str:
    leaf, *others = x509.load_pem_x509_certificates(pem)
    until = rfc3339(leaf.not_valid_after_utc)
    return f"{', '.join(_names(leaf))}; serial {leaf.serial_number:x}; until {until}; chain of {1 + len(others)}"


def _names(of: x509.Certificate | x509.CertificateSigningRequest) -> list[str]:
    try:
        found = of.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.DNSName)
