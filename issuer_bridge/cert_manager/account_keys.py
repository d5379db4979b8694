"""Account keys in Secrets: made when missing, read whatever their kind."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey
from issuer_bridge.cert_manager.rsa_keys import new_rsa_key
from issuer_bridge.resources import SECRET, Resource

DEFAULT_KEY = "tls.key"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CURVES = ("secp256r1", "secp384r1", "secp521r1")


def new_key(entropy: Entropy, *, rsa_key: bool = False) -> PrivateKey:
    """Make a P-256 key, or one of RSA; the same entropy makes the same key."""
    if rsa_key:
        return new_rsa_key(entropy)
    secret = int.from_bytes(entropy(48)) % (P256_ORDER - 1) + 1
    return ec.derive_private_key(secret, ec.SECP256R1())


def secret_with(key: PrivateKey, reference: Mapping[str, Any], namespace: str, *, upstream: bool = False) -> Resource:
    """Return the Secret that keeps a new account key; upstream: as cert-manager writes it, PKCS #1 and its label."""
    form = PrivateFormat.TraditionalOpenSSL if upstream else PrivateFormat.PKCS8
    pem = key.private_bytes(Encoding.PEM, form, NoEncryption())
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": {
            "name": reference["name"],
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "cert-manager" if upstream else "gravel"},
        },
        "type": "Opaque",
        "data": {reference.get("key") or DEFAULT_KEY: base64.b64encode(pem).decode("ascii")},
    }


def read_key(secret: Resource, reference: Mapping[str, Any]) -> PrivateKey:
    """Return the account key that a Secret holds; ValueError when it holds none that ACME can use."""
    name = reference.get("key") or DEFAULT_KEY
    data = (secret.get("data") or {}).get(name)
    if not isinstance(data, str):
        raise ValueError(f"it has no {name!r}")
    try:
        key = load_pem_private_key(base64.b64decode(data, validate=True), password=None)
    except (ValueError, TypeError):
        raise ValueError(f"its {name!r} is not an unencrypted private key in PEM") from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return key
    if isinstance(key, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        return key
    raise ValueError(f"its {name!r} is not an RSA, P-256, P-384, P-521 or Ed25519 key")


def hash_of(key: PrivateKey) -> str:
    """Return what `status.acme.lastPrivateKeyHash` remembers a key by: base64 SHA-256 of its DER, of RSA in PKCS #1."""
    form = PrivateFormat.TraditionalOpenSSL if isinstance(key, rsa.RSAPrivateKey) else PrivateFormat.PKCS8
    der = key.private_bytes(Encoding.DER, form, NoEncryption())
    return base64.b64encode(hashlib.sha256(der).digest()).decode("ascii")
