"""The CA of the issuer's cluster: a Secret with a root, or an intermediate below one, that signs intermediates.

It signs what names the hosts of the IssuedCertificate, identities (`spiffe://`) among them; facts from upstream
`pkg/certificates/issuer/utils/cert_gen.go`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.certificates.private_keys import new_key, read_key, write_key
from issuer_bridge.pem import encode
from issuer_bridge.references import key_of
from issuer_bridge.resources import SECRET, Resource

LIFETIME = timedelta(days=365)
# Where a Secret keeps certificate, key and what leads to the root: an intermediate as Istio has it, or a root.
_FORMS = (("ca-cert.pem", "ca-key.pem"), ("root-cert.pem", "key.pem"))
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


@attrs.frozen
class Authority:
    """A CA certificate with its key, and the chain from it (first) to the root (last)."""

    key: PrivateKey = attrs.field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that signs."""
        return self.chain[0]


@attrs.frozen
class Signed:
    """PEM: what was signed with the intermediates above it, and the root."""

    chain: str
    root: str


def pem_of(certificates: Sequence[x509.Certificate]) -> str:
    """Return certificates one after the other."""
    return "".join(certificate.public_bytes(Encoding.PEM).decode("ascii") for certificate in certificates)


def read_authority(secret: Resource) -> Authority:
    """Read the CA of a Secret; ValueError says what is wrong with it."""
    data = secret.get("data") or {}
    form = next((form for form in _FORMS if data.get(form[1])), None)
    if form is None:
        raise ValueError(f"the Secret {key_of(secret)} is no CA: it needs root-cert.pem and key.pem")
    try:
        certificate, key, *further = (
            base64.b64decode(data.get(name) or "", validate=True) for name in (*form, "cert-chain.pem", "root-cert.pem")
        )
        first = x509.load_pem_x509_certificate(certificate)
        return _checked(Authority(read_key(key), (first, *_above(first, b"\n".join(further)))))
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"the Secret {key_of(secret)} is no CA: {error}") from None


def sign(
    authority: Authority, request: x509.CertificateSigningRequest, days: int, now: datetime, entropy: Entropy
) -> Signed:
    """Sign an intermediate CA for so many days (0: a year), never beyond the CA's own end."""
    above = authority.certificate
    if above.not_valid_after_utc <= now:
        raise ValueError(f"the signing certificate has expired at {above.not_valid_after_utc:%Y-%m-%d %H:%M}")
    lifetime = timedelta(days=days) if days > 0 else LIFETIME
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    end = min(now.replace(microsecond=0) + lifetime, above.not_valid_after_utc)
    builder = _ca_builder(request.subject, above.subject, request.public_key(), now, end, entropy)
    builder = builder.add_extension(names.value, critical=names.critical)
    signed = _signed(builder.add_extension(_authority_key(above), critical=False), authority.key)
    return Signed(pem_of((signed, *authority.chain[:-1])), pem_of(authority.chain[-1:]))


def make_root(namespace: str, name: str, org: str, now: datetime, entropy: Entropy) -> Resource:
    """Return a Secret with a new root, as upstream makes one for a mesh that brings none: P-256, for ten years."""
    key = new_key({"privateKey": {"algorithm": "ECDSA"}}, entropy, None)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, org)])
    root = _signed(_ca_builder(subject, subject, key.public_key(), now, now + 10 * LIFETIME, entropy), key)
    data = {"root-cert.pem": encode(pem_of([root])), "key.pem": encode(write_key(key))}
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": SECRET.api_version, "kind": SECRET.kind, "metadata": metadata, "data": data}


def _ca_builder(
    subject: x509.Name, issuer: x509.Name, key: Any, now: datetime, end: datetime, entropy: Entropy
) -> x509.CertificateBuilder:
    """Return what every CA certificate has; its serial number is of 19 octets, the first of them 1."""
    usage = dict.fromkeys(_USAGES, False) | {"digital_signature": True, "key_cert_sign": True, "crl_sign": True}
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int.from_bytes(b"\x01" + entropy(18)))
        .not_valid_before(now.replace(microsecond=0))
        .not_valid_after(end.replace(microsecond=0))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed(builder: x509.CertificateBuilder, key: PrivateKey) -> x509.Certificate:
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest, ecdsa_deterministic=True if isinstance(key, ec.EllipticCurvePrivateKey) else None)


def _above(certificate: x509.Certificate, pem: bytes) -> list[x509.Certificate]:
    """Return what leads from a certificate to its root, found among others in whatever order."""
    known = {found.subject: found for found in x509.load_pem_x509_certificates(pem)}
    result: list[x509.Certificate] = []
    while certificate.issuer != certificate.subject:
        above = known.pop(certificate.issuer, None)
        if above is None:
            raise ValueError(f"the certificate of {certificate.issuer.rfc4514_string()} is missing in root-cert.pem")
        result.append(above)
        certificate = above
    return result


def _checked(authority: Authority) -> Authority:
    above = authority.certificate
    try:
        constraints = above.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        constraints = x509.BasicConstraints(ca=False, path_length=None)
    if not constraints.ca:
        raise ValueError("its certificate is not that of a CA")
    if constraints.path_length == 0:
        raise ValueError("its certificate may sign no other CA (its path length is 0)")
    if authority.key.public_key() != above.public_key():
        raise ValueError("its key is not that of its certificate")
    return authority


def _authority_key(above: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        own = above.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key())  # type: ignore[arg-type]
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
