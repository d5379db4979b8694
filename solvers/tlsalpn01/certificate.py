"""Challenge certificates: self-signed, for one name or address, with the key authorization's digest (RFC 8737 section 3)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from ipaddress import ip_address

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from acme_server.protocol.challenge_certificate import ACME_IDENTIFIER, authorization_value
from acme_server.protocol.driver import Entropy
from acme_server.protocol.identifier import Identifier, identifier_of

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SUBJECT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gravel tls-alpn-01 challenge")])
_BACKDATE = timedelta(days=1)
_LIFETIME = timedelta(days=8)


@attrs.frozen
class ChallengeCertificate:
    """A certificate in DER, and its key in PEM."""

    der: bytes
    key_pem: str = attrs.field(repr=False)


def digest_of(key: str) -> bytes:
    """Return the SHA-256 of a key authorization."""
    return hashlib.sha256(key.encode()).digest()


def create(entropy: Entropy, now: datetime, name: str, key: str) -> ChallengeCertificate:
    """Make the certificate that shows a key authorization for a name or an address; the same entropy and moment make the same one.

    ValueError when the name is not made of ASCII characters.
    """
    # 64 bits more than the order needs make the bias negligible (FIPS 186-5 A.2.1).
    secret = int.from_bytes(entropy(40), "big") % (_P256_ORDER - 1) + 1
    private_key = ec.derive_private_key(secret, ec.SECP256R1())
    names = x509.SubjectAlternativeName([_general_name(identifier_of(name))])
    shown = x509.UnrecognizedExtension(ACME_IDENTIFIER, authorization_value(digest_of(key)))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_SUBJECT)
        .issuer_name(_SUBJECT)
        .public_key(private_key.public_key())
        .serial_number(int.from_bytes(entropy(16), "big") >> 2 | 1 << 126)
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now - _BACKDATE + _LIFETIME)
        .add_extension(names, critical=False)
        .add_extension(shown, critical=True)
        .sign(private_key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    pem = private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return ChallengeCertificate(certificate.public_bytes(Encoding.DER), pem.decode("ascii"))


def _general_name(identifier: Identifier) -> x509.GeneralName:
    if identifier.type == "ip":
        return x509.IPAddress(ip_address(identifier.value))
    return x509.DNSName(identifier.value)
