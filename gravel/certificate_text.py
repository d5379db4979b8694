"""Certificates and signing requests in a few words, for people."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TypeVar

from cryptography import x509

from acme_server.protocol.times import rfc3339

T = TypeVar("T")


def request_summary(encoded: str) -> str:
    """Say what a base64 PEM signing request asks for."""
    return _read(encoded, _request) or f"{len(encoded)} characters that are no CSR"


def certificate_summary(encoded: str) -> Mapping[str, str] | str:
    """Say what the leaf of a base64 PEM chain certifies."""
    return _read(encoded, _leaf) or f"{len(encoded)} characters that are no certificate"


def _read(encoded: str, read: Callable[[bytes], T]) -> T | None:
    try:
        return read(base64.b64decode(encoded))
    except (ValueError, x509.InvalidVersion, x509.DuplicateExtension):
        return None


def _request(pem: bytes) -> str:
    names = _names(x509.load_pem_x509_csr(pem))
    return f"CSR for {', '.join(names)}" if names else "CSR without DNS names"


def _leaf(pem: bytes) -> Mapping[str, str]:
    leaf, *others = x509.load_pem_x509_certificates(pem)
    return {
        "names": ", ".join(_names(leaf)),
        "serial": f"{leaf.serial_number:x}",
        "notAfter": rfc3339(leaf.not_valid_after_utc),
        "chainLength": str(1 + len(others)),
    }


def _names(of: x509.Certificate | x509.CertificateSigningRequest) -> list[str]:
    try:
        found = of.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return found.get_values_for_type(x509.DNSName)
