"""Certificate authorities as text: read from PEM, and written down whole so that one outlives its process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography import x509

from acme_server.ca_keys import key_pem, load_signing_key
from acme_server.certificate_authority import CertificateAuthority, pem
from acme_server.links import Links
from acme_server.signers import Signer, signer_of

_SIGNERS = ("roots", "intermediates", "retired")


def to_pem(ca: CertificateAuthority) -> dict[str, list[str]]:
    """Return the authority as plain text, by field: each signer is its certificate and its key; JSON can hold it."""
    signers = {name: getattr(ca, name) for name in _SIGNERS}
    texts = {name: [signer_pem(each) for each in found] for name, found in signers.items()}
    return {**texts, "crossed": list(map(pem, ca.crossed))}


def from_pem(texts: Mapping[str, Sequence[str]], links: Links | None = None) -> CertificateAuthority:
    """Return the authority that `to_pem` made text of."""
    roots, intermediates, retired = (tuple(load_signer(text, text, links) for text in texts[name]) for name in _SIGNERS)
    crossed = tuple(x509.load_pem_x509_certificate(text.encode()) for text in texts["crossed"])
    return CertificateAuthority(roots, intermediates, crossed, retired)


def signer_pem(signer: Signer) -> str:
    """Return a CA's certificate and its key, one after the other."""
    return pem(signer.certificate) + key_pem(signer.key)


def load_signer(certificate_text: str, key_text: str, links: Links | None = None, *, lists: bool = True) -> Signer:
    """Read a CA from PEM; lists: one that may sign revocation lists. ValueError: a sentence about what does not fit."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_text.encode())
    except ValueError:
        raise ValueError("the CA certificate is not a certificate in PEM") from None
    key = load_signing_key(key_text)
    if certificate.public_key() != key.public_key():
        raise ValueError("the CA key is not the key of the CA certificate")
    found = {type(each.value): each.value for each in certificate.extensions}
    constraints, usage = found.get(x509.BasicConstraints), found.get(x509.KeyUsage)
    if not (isinstance(constraints, x509.BasicConstraints) and constraints.ca):
        raise ValueError("the CA certificate is not one of a CA: its basicConstraints do not say CA:TRUE")
    if isinstance(usage, x509.KeyUsage) and not (usage.key_cert_sign and (usage.crl_sign or not lists)):
        raise ValueError("the CA certificate's keyUsage lacks keyCertSign" + (" or cRLSign" if lists else ""))
    if x509.SubjectKeyIdentifier not in found:
        raise ValueError("the CA certificate has no subjectKeyIdentifier, which RFC 5280 wants of a CA")
    return signer_of(certificate, key, links)
