"""The keys of certificate authorities: which kinds there are, how each is made, signs, and is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P384_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973


def private_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """Derive a P-256 key from entropy."""
    return _elliptic(ec.SECP256R1(), _P256_ORDER, 40, entropy)


def _elliptic(curve: ec.EllipticCurve, order: int, size: int, entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """Derive a key; 64 bits more than the order needs make the bias negligible (FIPS 186-5 A.2.1)."""
    return ec.derive_private_key(int.from_bytes(entropy(size), "big") % (order - 1) + 1, curve)


def _edwards(entropy: Entropy) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(entropy(32))


# RSA is not among them: which primes a seed gives is no library's promise.
SEEDED: Mapping[str, Callable[[Entropy], PrivateKey]] = {
    "P-256": private_key,
    "P-384": partial(_elliptic, ec.SECP384R1(), _P384_ORDER, 56),
    "Ed25519": _edwards,
}


def signature_of(key: PrivateKey) -> dict[str, Any]:
    """Return what a builder's `sign` is given: the key and its hash; ECDSA is deterministic (RFC 6979)."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        strength = hashes.SHA256() if key.key_size <= 256 else hashes.SHA384()
        return {"private_key": key, "algorithm": strength, "ecdsa_deterministic": True}
    return {"private_key": key, "algorithm": hashes.SHA256() if isinstance(key, rsa.RSAPrivateKey) else None}


def key_pem(key: PrivateKey) -> str:
    """Return an unencrypted PKCS #8 key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def load_signing_key(text: str) -> PrivateKey:
    """Read a key from PEM; ValueError is a sentence."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError("the CA key is encrypted; give it without a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the CA key is not a private key in PEM") from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1", "secp521r1"):
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey) or (isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048):
        return key
    raise ValueError("the CA key is of a kind that does not sign here; use P-256, P-384, P-521, Ed25519 or RSA")
