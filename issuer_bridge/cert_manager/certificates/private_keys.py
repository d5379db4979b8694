"""Private keys of Certificates: made as `spec.privateKey` wants them, written, read, and compared with it.

Facts from upstream `pkg/util/pki/generate.go` and `match.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from acme_server.protocol.driver import Entropy
from acme_server.protocol.jwk import PrivateKey

RsaKeys: TypeAlias = Callable[[int], rsa.RSAPrivateKey]
"""Makes an RSA key of so many bits; its randomness is its own, as no seed can be given to it."""

RSA, MIN_RSA, MAX_RSA = "RSA", 2048, 8192
# By size: the curve and its order.
CURVES: Mapping[int, tuple[ec.EllipticCurve, int]] = {
    256: (ec.SECP256R1(), 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    384: (ec.SECP384R1(), 2**384 - 0x389CB27E0BC8D220A7E5F24DB74F58851313E695333AD68D),
    521: (ec.SECP521R1(), 2**521 - 0x5AE79787C40D069948033FEB708F65A2FC44A36477663B851449048E16EC79BF7),
}
DEFAULT_SIZES: Mapping[str, int] = {RSA: MIN_RSA, "ECDSA": 256}
_KINDS: Mapping[str, type] = {
    RSA: rsa.RSAPrivateKey,
    "ECDSA": ec.EllipticCurvePrivateKey,
    "Ed25519": ed25519.Ed25519PrivateKey,
}


def wanted(spec: Mapping[str, Any]) -> tuple[str, int]:
    """Return algorithm and size of the key that a Certificate's spec wants; 0 where the algorithm has one size."""
    private_key = spec.get("privateKey") or {}
    algorithm = private_key.get("algorithm") or RSA
    return algorithm, private_key.get("size") or DEFAULT_SIZES.get(algorithm, 0)


def new_key(spec: Mapping[str, Any], entropy: Entropy, rsa_key: RsaKeys | None) -> PrivateKey:
    """Make a key; EC and Ed25519 follow from the entropy. ValueError when the spec wants what there is not."""
    algorithm, size = wanted(spec)
    if algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(entropy(32))
    if algorithm == "ECDSA":
        if size not in CURVES:
            raise ValueError(f"spec.privateKey.size: {size} is no size of an ECDSA key; take 256, 384 or 521")
        curve, order = CURVES[size]
        secret = int.from_bytes(entropy(size // 8 + 16)) % (order - 1) + 1
        return ec.derive_private_key(secret, curve)
    if not MIN_RSA <= size <= MAX_RSA:
        raise ValueError(f"spec.privateKey.size: an RSA key has {MIN_RSA} to {MAX_RSA} bits, not {size}")
    if rsa_key is None:
        raise ValueError("spec.privateKey.algorithm: RSA keys are not made here; take ECDSA or Ed25519")
    return rsa_key(size)


def write_key(key: PrivateKey, encoding: str = "PKCS1") -> str:
    """Return the PEM; PKCS1 is RSA's and SEC 1's own form, which Ed25519 has not."""
    own = encoding != "PKCS8" and not isinstance(key, ed25519.Ed25519PrivateKey)
    form = PrivateFormat.TraditionalOpenSSL if own else PrivateFormat.PKCS8
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode("ascii")


def read_key(pem: bytes) -> PrivateKey:
    """Read a key; ValueError when it is none that a Certificate may have."""
    try:
        # To check an RSA key's primes takes 100 ms and more, again and again; a wrong one makes but a wrong CSR here.
        key = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("it is not an unencrypted private key in PEM") from None
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise ValueError("it is not an RSA, ECDSA or Ed25519 key")
    return key


def key_violations(key: PrivateKey, spec: Mapping[str, Any]) -> list[str]:
    """Name the fields of the spec that the key is not made for."""
    algorithm, size = wanted(spec)
    if not isinstance(key, _KINDS.get(algorithm, ())):
        return ["spec.privateKey.algorithm"]
    if isinstance(key, ed25519.Ed25519PrivateKey) or key.key_size == size:
        return []
    return ["spec.privateKey.size"]


def public_key_of(key: PrivateKey) -> bytes:
    """Return the SubjectPublicKeyInfo, to compare it with a certificate's or a request's."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
