"""Certificates for tls-alpn-01, right and wrong, made without any code of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY, OTHER_KEY = (ec.derive_private_key(number, ec.SECP256R1()) for number in (7, 8))
ED25519 = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
OID = "1.3.6.1.5.5.7.1.31"


def named(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def challenge_certificate(
    names=("www.gravel.example",),
    value=b"\x04\x20" + bytes(32),
    oid=OID,
    critical=True,
    key=KEY,
    signer=None,
    issuer="a client",
    subject="a client",
    extensions=(),
):
    """Return DER; names: DNS names or GeneralNames, None for no subjectAltName; value: acmeIdentifier's, None for none."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=7))
    )
    if names is not None:
        general = [x509.DNSName(name) if isinstance(name, str) else name for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    if value is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), critical)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    signer = signer or key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(signer, algorithm).public_bytes(Encoding.DER)


def doubled():
    """Return a certificate with two acmeIdentifier extensions; no library makes one."""
    other = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.29"), b"\x04\x20" + bytes(32))
    der = challenge_certificate(extensions=[(other, True)])
    mine, its = (x509.ObjectIdentifier(oid) for oid in (OID, "1.3.6.1.5.5.7.1.29"))
    assert mine != its
    return der.replace(bytes.fromhex("2b0601050507011d"), bytes.fromhex("2b0601050507011f"))
