"""Signers: a CA certificate with its key, how one is made, and what it signs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from acme_server.ca_keys import private_key, signature_of
from acme_server.links import Links
from acme_server.profiles import DEFAULT, Profile
from acme_server.protocol.driver import Entropy
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.jwk import PrivateKey, PublicKey

_BACKDATE = timedelta(days=1)
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


def _extension(value: x509.ExtensionType, *, critical: bool = False) -> x509.Extension[Any]:
    return x509.Extension(value.oid, critical, value)


def _encoded(value: x509.ExtensionType, *, critical: bool = False) -> x509.Extension[Any]:
    """Make an extension of many certificates, which is encoded here and not for each of them."""
    return _extension(x509.UnrecognizedExtension(value.oid, value.public_bytes()), critical=critical)


_CA_USAGE = _key_usage("key_cert_sign", "crl_sign")
_LEAF_USAGE = _encoded(_key_usage("digital_signature"), critical=True)
# TLS 1.2 with RSA key exchange encrypts to the certificate's key.
_RSA_LEAF_USAGE = _encoded(_key_usage("digital_signature", "key_encipherment"), critical=True)
_LEAF_CONSTRAINTS = _encoded(x509.BasicConstraints(ca=False, path_length=None), critical=True)
_SERVER_AUTH = _encoded(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]))
_BOTH_AUTH = _encoded(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]))
_MUST_STAPLE = _encoded(x509.TLSFeature([x509.TLSFeatureType.status_request]))
_NO_NAME = x509.Name([])
_MAX_COMMON_NAME = 64


@attrs.frozen
class Signer:
    """A CA certificate with its private key.

    pointers: the extensions that what it signs points back with (RFC 5280
    sections 4.2.1.1, 4.2.1.13 and 4.2.2.1), encoded once.
    """

    certificate: x509.Certificate
    key: PrivateKey = attrs.field(repr=False, eq=False)
    key_identifier: x509.SubjectKeyIdentifier
    pointers: tuple[x509.Extension[Any], ...] = attrs.field(repr=False)

    # Read once: the library takes them out of the certificate whenever it is asked, and every leaf asks.
    @cached_property
    def public_key(self) -> PublicKey:
        """Its own key."""
        return self.key.public_key()

    @cached_property
    def is_pair(self) -> bool:
        """Whether the key is that of the certificate: what another one signs, nobody can verify."""
        return self.public_key == self.certificate.public_key()

    @cached_property
    def not_before(self) -> datetime:
        """Since when it is valid."""
        return self.certificate.not_valid_before_utc

    @cached_property
    def not_after(self) -> datetime:
        """Until when it is valid."""
        return self.certificate.not_valid_after_utc

    @property
    def id(self) -> str:
        """What its URLs name it by: the key identifier, hexadecimal."""
        return self.key_identifier.digest.hex()

    @property
    def path_length(self) -> int | None:
        """How many intermediates may be below it, None for any."""
        return self.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length


def create_signer(
    entropy: Entropy,
    now: datetime,
    common_name: str,
    lifetime: timedelta,
    issuer: Signer | None = None,
    below: int | None = None,
    new_key: Callable[[Entropy], PrivateKey] = private_key,
    links: Links | None = None,
) -> Signer:
    """Make a CA: self-signed without an issuer; below: how many intermediates it may have below it, None for any."""
    key, serial = new_key(entropy), new_serial(entropy)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    signing_key = key if issuer is None else issuer.key
    certificate = _ca_certificate(subject, key.public_key(), serial, now, lifetime, signing_key, issuer, below)
    return signer_of(certificate, key, links)


def cross_sign(
    entropy: Entropy, now: datetime, signer: Signer, issuer: Signer, lifetime: timedelta, below: int | None
) -> x509.Certificate:
    """Have another issuer sign a CA's name and key too."""
    subject, public_key = signer.certificate.subject, signer.key.public_key()
    return _ca_certificate(subject, public_key, new_serial(entropy), now, lifetime, issuer.key, issuer, below)


def _ca_certificate(
    subject: x509.Name,
    public_key: PublicKey,
    serial: int,
    now: datetime,
    lifetime: timedelta,
    signing_key: PrivateKey,
    issuer: Signer | None,
    below: int | None,
) -> x509.Certificate:
    """Sign a CA certificate, within its issuer's validity."""
    not_before, not_after = now - _BACKDATE, now - _BACKDATE + lifetime
    if issuer is not None:
        not_before = max(not_before, issuer.certificate.not_valid_before_utc)
        not_after = min(not_after, issuer.certificate.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_CA_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    for pointer in () if issuer is None else issuer.pointers:
        builder = builder.add_extension(pointer.value, critical=False)
    return builder.sign(**signature_of(signing_key))


def signer_of(certificate: x509.Certificate, key: PrivateKey, links: Links | None = None) -> Signer:
    """Make a signer of a CA certificate and its key."""
    key_identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    pointers: list[x509.ExtensionType] = [
        x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(_key_identifier_of(certificate))
    ]
    if links is not None:
        signer_id = key_identifier.digest.hex()
        access = {
            AuthorityInformationAccessOID.OCSP: links.ocsp,
            AuthorityInformationAccessOID.CA_ISSUERS: links.issuer(signer_id),
        }
        accesses = [
            x509.AccessDescription(way, x509.UniformResourceIdentifier(url)) for way, url in access.items() if url
        ]
        list_url = x509.UniformResourceIdentifier(links.revocation_list(signer_id))
        point = x509.DistributionPoint([list_url], relative_name=None, reasons=None, crl_issuer=None)
        pointers += [x509.AuthorityInformationAccess(accesses), x509.CRLDistributionPoints([point])]
    return Signer(certificate, key, key_identifier, tuple(map(_encoded, pointers)))


def _key_identifier_of(certificate: x509.Certificate) -> x509.SubjectKeyIdentifier:
    """Return what a CA's certificate calls its key: foreign ones need not hash it as we do."""
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value


def sign_leaf(
    signer: Signer,
    public_key: PublicKey,
    identifiers: Sequence[Identifier],
    serial: int,
    not_before: datetime,
    not_after: datetime,
    profile: Profile = DEFAULT,
    must_staple: bool = False,
) -> x509.Certificate:
    """Sign a TLS certificate: all names in the SAN, critical where there is no subject (RFC 5280 section 4.2.1.6)."""
    usage = _RSA_LEAF_USAGE if isinstance(public_key, rsa.RSAPublicKey) else _LEAF_USAGE
    names = x509.SubjectAlternativeName([_general_name(identifier) for identifier in identifiers])
    subject = _common_name(identifiers) if profile.common_name else _NO_NAME
    extensions = [
        usage,
        _BOTH_AUTH if profile.client_auth else _SERVER_AUTH,
        _LEAF_CONSTRAINTS,
        _extension(x509.SubjectKeyIdentifier.from_public_key(public_key)),
        *signer.pointers,
        *([_MUST_STAPLE] if must_staple else []),
        _extension(names, critical=not subject.rdns),
    ]
    # All at once, as each step would copy all before it; moments as the builder itself hands them on.
    start, end = (moment.astimezone(UTC).replace(tzinfo=None) for moment in (not_before, not_after))
    builder = x509.CertificateBuilder(signer.certificate.subject, subject, public_key, serial, start, end, extensions)
    return builder.sign(**signature_of(signer.key))


def _common_name(identifiers: Sequence[Identifier]) -> x509.Name:
    """Name the first DNS name that X.520 has room for; an address is never one."""
    for identifier in identifiers:
        if identifier.type == "dns" and len(identifier.value) <= _MAX_COMMON_NAME:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identifier.value)])
    return _NO_NAME


def _general_name(identifier: Identifier) -> x509.GeneralName:
    if identifier.type == "ip":
        return x509.IPAddress(ip_address(identifier.value))
    return x509.DNSName(identifier.value)


def new_serial(entropy: Entropy) -> int:
    """Draw a serial number of 16 octets: positive, 126 random bits (RFC 5280 section 4.1.2.2)."""
    return int.from_bytes(entropy(16), "big") >> 2 | 1 << 126
