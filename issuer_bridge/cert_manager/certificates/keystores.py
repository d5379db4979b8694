"""PKCS#12 and JKS of a key, its certificate and its chain (upstream `.../certificates/issuing/internal/keystore.go`).

`cryptography` writes no RC2 and no PBMAC1, so that upstream's LegacyRC2 and Modern2026 are refused; where no profile is
named, upstream's default would be LegacyRC2, and LegacyDES is written, which everything reads that reads the former.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from issuer_bridge.cert_manager.certificates.jks import SALT, KeyEntry, TrustedEntry, write_jks
from issuer_bridge.cert_manager.certificates.private_keys import read_key

Password: TypeAlias = Callable[[Mapping[str, Any]], bytes]
"""Reads the password that a passwordSecretRef names; ValueError when it is not there."""

# By the field of spec.keystores: what it puts into the Secret, the truststore only where there is a CA.
ENTRIES: Mapping[str, tuple[str, str]] = {
    "pkcs12": ("keystore.p12", "truststore.p12"),
    "jks": ("keystore.jks", "truststore.jks"),
}
DEFAULT_PROFILE, DEFAULT_ALIAS = "LegacyDES", "certificate"
PROFILES: Mapping[str, tuple[pkcs12.PBES, hashes.HashAlgorithm]] = {
    "LegacyDES": (pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1()),  # noqa: S303 - what old readers read
    "Modern2023": (pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256()),
}


@attrs.frozen
class Contents:
    """What goes into a keystore."""

    key: Any = attrs.field(repr=False)
    chain: Sequence[x509.Certificate]
    authorities: Sequence[x509.Certificate]


def keystore_entries(
    keystores: Mapping[str, Any], key: bytes, chain: bytes, ca: bytes, password: Password
) -> dict[str, bytes]:
    """Return what spec.keystores adds to a Secret; ValueError says what of it cannot be.

    key, chain, ca: PEM, `ca` empty when there is none.
    """
    wanted = {name: keystores[name] for name in ENTRIES if (keystores.get(name) or {}).get("create")}
    if not wanted:
        return {}
    authorities = x509.load_pem_x509_certificates(ca) if ca else []
    contents = Contents(read_key(key), x509.load_pem_x509_certificates(chain), authorities)
    found: dict[str, bytes] = {}
    for name, options in wanted.items():
        stores = _WRITERS[name](options, contents, _password(name, options, password))
        found |= {entry: store for entry, store in zip(ENTRIES[name], stores, strict=True) if store}
    return found


def _pkcs12(options: Mapping[str, Any], contents: Contents, password: bytes) -> tuple[bytes, bytes]:
    name = options.get("profile") or DEFAULT_PROFILE
    if name not in PROFILES:
        raise ValueError(f"spec.keystores.pkcs12.profile: {name} is not written here; take {' or '.join(PROFILES)}")
    algorithm, mac = PROFILES[name]
    builder = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(algorithm).hmac_hash(mac)
    encryption, (leaf, *others) = builder.build(password), contents.chain
    others += contents.authorities
    keystore = pkcs12.serialize_key_and_certificates(None, contents.key, leaf, others or None, encryption)
    trusted = [pkcs12.PKCS12Certificate(authority, None) for authority in contents.authorities]
    return keystore, pkcs12.serialize_java_truststore(trusted, encryption) if trusted else b""


def _jks(options: Mapping[str, Any], contents: Contents, password: bytes) -> tuple[bytes, bytes]:
    """Write JKS; what elsewhere is drawn and read from the clock follows from key and certificate, so that it repeats."""
    key = contents.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    chain, authorities = (
        [certificate.public_bytes(Encoding.DER) for certificate in certificates]
        for certificates in (contents.chain, contents.authorities)
    )
    salt, now = hashlib.sha256(key + chain[0]).digest()[:SALT], contents.chain[0].not_valid_before_utc
    trusted = [TrustedEntry(f"ca-{number}" if number else "ca", each) for number, each in enumerate(authorities)]
    own = KeyEntry(options.get("alias") or DEFAULT_ALIAS, key, chain, salt)
    text = password.decode("utf-8", "replace")
    return write_jks([own, *trusted], text, now), write_jks(trusted, text, now) if trusted else b""


_WRITERS: Mapping[str, Callable[[Mapping[str, Any], Contents, bytes], tuple[bytes, bytes]]] = {
    "pkcs12": _pkcs12,
    "jks": _jks,
}


def _password(name: str, options: Mapping[str, Any], read: Password) -> bytes:
    reference = options.get("passwordSecretRef") or {}
    if reference.get("name"):
        return read(reference)
    literal: str = options.get("password") or ""
    if not literal:
        raise ValueError(f"spec.keystores.{name} has neither passwordSecretRef nor password; one must be set")
    return literal.encode()
