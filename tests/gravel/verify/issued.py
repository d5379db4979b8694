"""A hierarchy and leaves for tests of what was issued; keys follow from names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from tests.issuer_bridge.bridge_resources import key_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@attrs.frozen
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: object = attrs.field(repr=False)

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)


def made(
    name,
    issuer=None,
    *,
    ca=False,
    length=None,
    signs=True,
    names=(),
    begin=-DAY,
    end=9 * DAY,
    serial=7,
    key=None,
    lists=(),
):
    """Return a certificate that `issuer` has signed, or its own key."""
    key = key or key_of(name)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(NOW + begin)
        .not_valid_after(NOW + end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=length), critical=True)
    )
    if ca:
        rest = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
        none = dict.fromkeys((*rest, "encipher_only", "decipher_only"), False)
        builder = builder.add_extension(x509.KeyUsage(**none, key_cert_sign=signs, crl_sign=True), critical=True)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
    if lists:
        points = [x509.DistributionPoint([x509.UniformResourceIdentifier(url)], None, None, None) for url in lists]
        builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
    signer = issuer.key if issuer else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, algorithm), key)


ROOT = made("root", ca=True, end=99 * DAY)
MIDDLE = made("middle", ROOT, ca=True, length=0)
LEAF = made("leaf", MIDDLE, names=("www.test",))
