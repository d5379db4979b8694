"""The certificate authority: a root, an intermediate, and the leaves it signs.

Keys come from entropy and ECDSA is deterministic (RFC 6979), so the same
entropy and the same moment give the same certificates, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from acme_server.protocol.driver import Entropy
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import PublicKey

_ROOT_LIFETIME = timedelta(days=20 * 365)
_INTERMEDIATE_LIFETIME = timedelta(days=10 * 365)
_BACKDATE = timedelta(days=1)
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _key_usage(*wanted: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in wanted for usage in _USAGES})


_CA_USAGE = _key_usage("key_cert_sign", "crl_sign")
_LEAF_USAGE = _key_usage("digital_signature")
# TLS 1.2 with RSA key exchange encrypts to the certificate's key.
_RSA_LEAF_USAGE = _key_usage("digital_signature", "key_encipherment")
_LEAF_CONSTRAINTS = x509.BasicConstraints(ca=False, path_length=None)
_SERVER_AUTH = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
_NO_NAME = x509.Name([])


@attrs.frozen
class Signer:
    """A CA certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = attrs.field(repr=False, eq=False)
    key_identifier: x509.SubjectKeyIdentifier

    @property
    def authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        """What a certificate signed by this one carries (RFC 5280 section 4.2.1.1)."""
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.key_identifier)


@attrs.frozen
class CertificateAuthority:
    """A root that signs the intermediate, and the intermediate that signs leaves."""

    root_signer: Signer
    intermediate_signer: Signer

    @property
    def root(self) -> x509.Certificate:
        """What relying parties trust; never part of a chain (RFC 8555 section 7.4.2)."""
        return self.root_signer.certificate

    @property
    def intermediate(self) -> x509.Certificate:
        """The issuer of every leaf."""
        return self.intermediate_signer.certificate

    @property
    def root_pem(self) -> str:
        """The root in PEM."""
        return pem(self.root)

    @property
    def intermediate_pem(self) -> str:
        """The intermediate in PEM."""
        return pem(self.intermediate)


def create(entropy: Entropy, now: datetime, name: str = "gravel") -> CertificateAuthority:
    """Make a hierarchy whose names end in a few random digits, so that two are never mistaken for one."""
    suffix = entropy(3).hex()
    root = create_signer(entropy, now, f"{name} root {suffix}", _ROOT_LIFETIME)
    intermediate = create_signer(entropy, now, f"{name} intermediate {suffix}", _INTERMEDIATE_LIFETIME, issuer=root)
    return CertificateAuthority(root, intermediate)


def rotate(ca: CertificateAuthority, entropy: Entropy, now: datetime) -> CertificateAuthority:
    """Give the same root another intermediate, with a key and a name of its own, which signs from now on."""
    name = str(ca.intermediate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value).rpartition(" ")[0]
    subject = f"{name} {entropy(3).hex()}"
    return attrs.evolve(
        ca, intermediate_signer=create_signer(entropy, now, subject, _INTERMEDIATE_LIFETIME, issuer=ca.root_signer)
    )


def create_signer(
    entropy: Entropy, now: datetime, common_name: str, lifetime: timedelta, issuer: Signer | None = None
) -> Signer:
    """Make a CA: self-signed without an issuer, else an issuer of leaves only."""
    key, serial = private_key(entropy), new_serial(entropy)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    path_length = None if issuer is None else 0
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now - _BACKDATE + lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(key_identifier, critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(issuer.authority_key_identifier, critical=False)
    signing_key = key if issuer is None else issuer.key
    certificate = builder.sign(signing_key, hashes.SHA256(), ecdsa_deterministic=True)
    return Signer(certificate, key, key_identifier)


def issue(
    ca: CertificateAuthority,
    public_key: PublicKey,
    identifiers: Sequence[Identifier],
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    """Sign a leaf with the intermediate; nothing comes from a CSR but the key."""
    return sign_leaf(ca.intermediate_signer, public_key, identifiers, serial, not_before, not_after)


def sign_leaf(
    signer: Signer,
    public_key: PublicKey,
    identifiers: Sequence[Identifier],
    serial: int,
    not_before: datetime,
    not_after: datetime,
) -> x509.Certificate:
    """Sign a TLS server certificate: no subject, all names in a critical SAN (RFC 5280 section 4.2.1.6)."""
    usage = _RSA_LEAF_USAGE if isinstance(public_key, rsa.RSAPublicKey) else _LEAF_USAGE
    names = x509.SubjectAlternativeName([_general_name(identifier) for identifier in identifiers])
    return (
        x509.CertificateBuilder()
        .subject_name(_NO_NAME)
        .issuer_name(signer.certificate.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(usage, critical=True)
        .add_extension(_SERVER_AUTH, critical=False)
        .add_extension(_LEAF_CONSTRAINTS, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(signer.authority_key_identifier, critical=False)
        .add_extension(names, critical=True)
        .sign(signer.key, hashes.SHA256(), ecdsa_deterministic=True)
    )


def _general_name(identifier: Identifier) -> x509.GeneralName:
    if identifier.type == "ip":
        return x509.IPAddress(ip_address(identifier.value))
    return x509.DNSName(identifier.value)


def private_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """Derive a P-256 key from entropy; 64 bits more than the order needs make the bias negligible (FIPS 186-5 A.2.1)."""
    secret = int.from_bytes(entropy(40), "big") % (_P256_ORDER - 1) + 1
    return ec.derive_private_key(secret, ec.SECP256R1())


def new_serial(entropy: Entropy) -> int:
    """Draw a serial number of 16 octets: positive, 126 random bits (RFC 5280 section 4.1.2.2)."""
    return int.from_bytes(entropy(16), "big") >> 2 | 1 << 126


def pem(certificate: x509.Certificate) -> str:
    """Return one strict PEM block (RFC 7468)."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def chain_pem(ca: CertificateAuthority, leaf: x509.Certificate) -> str:
    """Return leaf and intermediate as application/pem-certificate-chain (RFC 8555 section 9.1)."""
    return pem(leaf) + ca.intermediate_pem


def issuers_pem(chain: str) -> str:
    """Return a chain without its leaf."""
    return chain.partition("-----END CERTIFICATE-----\n")[2]
