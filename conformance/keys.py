"""Keys and what they sign: base64url, JWK, thumbprints, signatures; from `cryptography` alone."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def b64url(data: bytes) -> str:
    """Encode without padding (RFC 8555 section 6.1)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64url(text: str) -> bytes:
    """Decode what a server sent; raise ValueError when it is not base64url without padding."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(data) != text:
        raise ValueError(f"{text[:64]!r} is not base64url without padding")
    return data


@attrs.frozen
class Key:
    """A private key with its `alg` (RFC 7518, RFC 8037) and its public JWK."""

    alg: str
    jwk: Mapping[str, str]
    private: PrivateKey = attrs.field(eq=False, repr=False)

    @property
    def thumbprint(self) -> str:
        """RFC 7638."""
        text = json.dumps(dict(self.jwk), sort_keys=True, separators=(",", ":"))
        return b64url(hashlib.sha256(text.encode()).digest())

    def sign(self, data: bytes) -> bytes:
        """Return a JWS signature."""
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(data)


def key_of(private: PrivateKey) -> Key:
    """Return a private key (P-256, RSA or Ed25519) with its algorithm and JWK."""
    public = private.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        x, y = (b64url(value.to_bytes(32, "big")) for value in (point.x, point.y))
        return Key("ES256", {"kty": "EC", "crv": "P-256", "x": x, "y": y}, private)
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        n, e = (b64url(value.to_bytes((value.bit_length() + 7) // 8, "big")) for value in (numbers.n, numbers.e))
        return Key("RS256", {"kty": "RSA", "n": n, "e": e}, private)
    return Key("EdDSA", {"kty": "OKP", "crv": "Ed25519", "x": b64url(public.public_bytes_raw())}, private)


MAKERS: Mapping[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def new_key(alg: str = "ES256") -> Key:
    """Make a key of one of MAKERS."""
    return key_of(MAKERS[alg]())
