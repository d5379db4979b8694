"""What a client brought home, looked at: the names, the key, and each signature of the chain."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_private_key


def mistake(chain: Sequence[x509.Certificate], key: bytes, name: str, roots: Sequence[x509.Certificate]) -> str | None:
    """Return what is wrong with a chain, leaf first, or None; roots: one must have signed its end, if any is given."""
    leaf = chain[0]
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "the certificate has no subjectAltName"
    if [name] != (found := [str(one.value) for one in names]):
        return f"the certificate is for {', '.join(found)}, not for {name}"
    if load_pem_private_key(key, None).public_key() != leaf.public_key():
        return "the certificate is not of the client's key"
    for certificate, issuer in pairwise(chain):
        if not _signed(certificate, [issuer]):
            return f"{_subject(issuer)} did not sign {_subject(certificate)}, which the chain has before it"
    if roots and not (chain[-1] in roots or _signed(chain[-1], roots)):
        return f"no root of the server's signed {_subject(chain[-1])}, where the chain ends"
    return None


def read_chain(path: Path) -> list[x509.Certificate]:
    """Read a chain; ValueError where there is no certificate."""
    return x509.load_pem_x509_certificates(path.read_bytes())


def _signed(certificate: x509.Certificate, issuers: Sequence[x509.Certificate]) -> bool:
    for issuer in issuers:
        try:
            certificate.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _subject(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"serial {certificate.serial_number:x}"
