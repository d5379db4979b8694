"""PKCS#12 of a key, its certificate and its chain (upstream `pkg/controller/certificates/issuing/internal/keystore.go`).

`cryptography` writes no RC2 and no PBMAC1, so that upstream's LegacyRC2 and Modern2026 are refused; where no profile is
named, upstream's default would be LegacyRC2, and LegacyDES is written, which everything reads that reads the former.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from issuer_bridge.cert_manager.certificates.private_keys import read_key

KEYSTORE, TRUSTSTORE = "keystore.p12", "truststore.p12"
NO_JKS = "spec.keystores.jks: no JKS is written here; use spec.keystores.pkcs12, which Java reads too"
DEFAULT_PROFILE = "LegacyDES"
PROFILES: Mapping[str, tuple[pkcs12.PBES, hashes.HashAlgorithm]] = {
    "LegacyDES": (pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1()),  # noqa: S303 - what old readers read
    "Modern2023": (pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256()),
}


def keystore_entries(
    keystores: Mapping[str, Any], key: bytes, chain: bytes, ca: bytes, password: Callable[[Mapping[str, Any]], bytes]
) -> dict[str, bytes]:
    """Return what spec.keystores adds to a Secret; ValueError says what of it cannot be.

    key, chain, ca: PEM, `ca` empty when there is none; password: reads the one that a passwordSecretRef names.
    """
    if (keystores.get("jks") or {}).get("create"):
        raise ValueError(NO_JKS)
    wanted = keystores.get("pkcs12") or {}
    if not wanted.get("create"):
        return {}
    name = wanted.get("profile") or DEFAULT_PROFILE
    if name not in PROFILES:
        raise ValueError(f"spec.keystores.pkcs12.profile: {name} is not written here; take {' or '.join(PROFILES)}")
    algorithm, mac = PROFILES[name]
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .key_cert_algorithm(algorithm)
        .hmac_hash(mac)
        .build(_password(wanted, password))
    )
    leaf, *others = x509.load_pem_x509_certificates(chain)
    authorities = x509.load_pem_x509_certificates(ca) if ca else []
    entries = {
        KEYSTORE: pkcs12.serialize_key_and_certificates(
            None, read_key(key), leaf, [*others, *authorities] or None, encryption
        )
    }
    if authorities:
        trusted = [pkcs12.PKCS12Certificate(authority, None) for authority in authorities]
        entries[TRUSTSTORE] = pkcs12.serialize_java_truststore(trusted, encryption)
    return entries


def _password(wanted: Mapping[str, Any], read: Callable[[Mapping[str, Any]], bytes]) -> bytes:
    reference = wanted.get("passwordSecretRef") or {}
    if reference.get("name"):
        return read(reference)
    literal: str = wanted.get("password") or ""
    if not literal:
        raise ValueError("spec.keystores.pkcs12 has neither passwordSecretRef nor password; one must be set")
    return literal.encode()
