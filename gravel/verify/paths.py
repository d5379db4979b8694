"""Certification paths (RFC 5280 section 6): from a leaf by way of the certificates beside it to one that is trusted.

Signatures, validity, CA flag, key usage and length are looked at; policies and name constraints are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from acme_server.protocol.times import rfc3339
from issuer_bridge.cert_manager.local_signing import extension_of

Path: TypeAlias = tuple[x509.Certificate, ...]
LONGEST = 8


def path_of(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime) -> Path:
    """Return a path from the first of a chain to a root, both included; ValueError says why there is none."""
    reasons: list[str] = []
    path = _extended((chain[0],), chain[1:], roots, now, reasons)
    if path is None:
        raise ValueError("; ".join(dict.fromkeys(reasons)))
    return path


def title(certificate: x509.Certificate) -> str:
    """Return a certificate's subject, or its serial number where it has none."""
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"


def has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether the names fit and the signature verifies."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _extended(
    path: Path,
    others: Sequence[x509.Certificate],
    roots: Sequence[x509.Certificate],
    now: datetime,
    reasons: list[str],
) -> Path | None:
    last = path[-1]
    if last in roots:
        return path
    issuers = [each for each in (*roots, *others) if each.subject == last.issuer and each not in path]
    if not issuers:
        reasons.append(
            f"{title(last)} was issued by {last.issuer.rfc4514_string()}, which is neither there nor trusted"
        )
    for issuer in issuers:
        complaint = _in_the_way(issuer, last, len(path) - 1, now)
        if complaint or len(path) == LONGEST:
            reasons.append(complaint or f"the path is longer than {LONGEST} certificates")
            continue
        found = _extended((*path, issuer), others, roots, now, reasons)
        if found is not None:
            return found
    return None


def _in_the_way(issuer: x509.Certificate, issued: x509.Certificate, below: int, now: datetime) -> str:
    """Say why a certificate cannot have issued another; below: how many CAs are between it and the leaf."""
    name = title(issuer)
    if not has_issued(issuer, issued):
        return f"the signature of {title(issued)} is not that of {name}"
    if not issuer.not_valid_before_utc <= now <= issuer.not_valid_after_utc:
        begin, end = rfc3339(issuer.not_valid_before_utc), rfc3339(issuer.not_valid_after_utc)
        return f"{name} is valid from {begin} to {end} only"
    basic, usage = (extension_of(issuer, each) for each in (x509.BasicConstraints, x509.KeyUsage))
    if basic is None or not basic.ca:
        return f"{name} is no CA"
    if basic.path_length is not None and below > basic.path_length:
        return f"{name} may have {basic.path_length} CAs below itself and has {below}"
    return "" if usage is None or usage.key_cert_sign else f"{name} may not sign certificates by its key usage"
