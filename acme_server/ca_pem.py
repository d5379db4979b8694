"""A certificate authority as text and back: PEM, with its private keys."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from acme_server.certificate_authority import CertificateAuthority, Signer, pem


def to_pem(ca: CertificateAuthority) -> dict[str, str]:
    """Return its signers, each a PKCS #8 key and a certificate."""
    return {"root": signer_pem(ca.root_signer), "intermediate": signer_pem(ca.intermediate_signer)}


def from_pem(texts: Mapping[str, str]) -> CertificateAuthority:
    """Return the authority that `to_pem` made text of; ValueError or KeyError when it is none."""
    return CertificateAuthority(load_signer(texts["root"]), load_signer(texts["intermediate"]))


def signer_pem(signer: Signer) -> str:
    """Return key and certificate."""
    key = signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return key + pem(signer.certificate)


def load_signer(text: str) -> Signer:
    """Return the signer that `signer_pem` made text of; ValueError when it is none."""
    key = load_pem_private_key(text.encode("ascii"), password=None)
    certificate = x509.load_pem_x509_certificate(text.encode("ascii"))
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise ValueError("the key is not the certificate's")
    return Signer(certificate, key, x509.SubjectKeyIdentifier.from_public_key(key.public_key()))
