"""Account keys as JWK (RFC 7517, 7518, 8037): strict reading, key policy, thumbprints.

josepy turns EC and RSA members into keys and computes thumbprints; what a test
server must refuse (private members, absurd sizes, foreign uses) is decided
here, before any arithmetic is done with the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from josepy.errors import DeserializationError
from josepy.jwk import JWKEC, JWKRSA

from acme_server.protocol.encoding import b64url, b64url_decode
from acme_server.protocol.problem import Problem

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

# The members that name a key, by type, in the order of its thumbprint (RFC 7638 section 3.2).
MEMBERS: Mapping[str, tuple[str, ...]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
COORDINATE_BYTES: Mapping[str, int] = {"P-256": 32, "P-384": 48, "P-521": 66, "Ed25519": 32}
_CURVE_OF_SIZE = {size: curve for curve, size in COORDINATE_BYTES.items() if curve.startswith("P-")}
PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
RSA_BITS = range(2048, 8193)


@attrs.frozen
class Jwk:
    """A public key with its canonical members and RFC 7638 thumbprint."""

    members: Mapping[str, str] = attrs.field(repr=False)
    key: PublicKey = attrs.field(eq=False, repr=False)
    thumbprint: str

    @property
    def kind(self) -> str:
        """The curve, or "RSA"."""
        return self.members.get("crv", "RSA")


def parse_jwk(value: Any) -> Jwk:
    """Read a public JWK; raise badPublicKey with what is wrong with it."""
    if not isinstance(value, Mapping):
        raise bad_key("a JWK is a JSON object")
    kty = value.get("kty")
    if not isinstance(kty, str) or kty not in MEMBERS:
        raise bad_key(f"keys of type {str(kty)[:32]!r} are not supported; use EC, RSA or OKP")
    private = sorted(PRIVATE_MEMBERS & value.keys())
    if private:
        raise Problem("malformed", f"the JWK holds the private member {private[0]!r}; never send a private key")
    _check_use(value)
    members = {name: value.get(name) for name in MEMBERS[kty]}
    if not all(isinstance(member, str) for member in members.values()):
        raise bad_key(f"an {kty} key needs the strings {', '.join(MEMBERS[kty])}")
    strings = {name: str(member) for name, member in members.items()}
    try:
        _check_size(strings)
        key = _load(strings)
    except (ValueError, DeserializationError) as error:
        raise bad_key(f"the {kty} key cannot be used: {error or 'its coordinates have the wrong length'}") from None
    return Jwk(strings, key, thumbprint(strings))


def thumbprint(members: Mapping[str, str]) -> str:
    """Return the RFC 7638 thumbprint of canonical members."""
    # By hand, for every CSR and every key: the members are in order, and base64url has nothing to escape.
    text = ",".join(f'"{name}":"{members[name]}"' for name in MEMBERS[members["kty"]])
    return b64url(hashlib.sha256(f"{{{text}}}".encode()).digest())


def jwk_of(key: PublicKey) -> Jwk:
    """Return the JWK of a key that we hold ourselves."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        members = {"kty": "OKP", "crv": "Ed25519", "x": b64url(key.public_bytes_raw())}
    elif isinstance(key, ec.EllipticCurvePublicKey):
        # Straight from the point: it runs for every CSR, and josepy takes 10 times as long.
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
        size = len(point) // 2
        members = {"kty": "EC", "crv": _CURVE_OF_SIZE[size], "x": b64url(point[:size]), "y": b64url(point[size:])}
    else:
        members = JWKRSA(key=key).to_json()
    return Jwk(members, key, thumbprint(members))


def bad_key(detail: str, case: str = "") -> Problem:
    """RFC 8555 section 6.2: a key that the server does not take."""
    return Problem("badPublicKey", detail, case=case)


def _check_use(value: Mapping[str, Any]) -> None:
    """RFC 7517 sections 4.2 and 4.3: a key that says it is not for verifying is not used to verify."""
    if value.get("use", "sig") != "sig":
        raise bad_key(f"the JWK says it is for {str(value['use'])[:32]!r}, not for signatures")
    operations = value.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise bad_key("the JWK's key_ops do not allow 'verify'")


def _check_size(members: Mapping[str, str]) -> None:
    if members["kty"] == "RSA":
        modulus, exponent = b64url_decode(members["n"]), b64url_decode(members["e"])
        bits = int.from_bytes(modulus[:1025], "big").bit_length()
        if len(modulus) > 1024 or bits not in RSA_BITS or bits % 8:
            raise ValueError(f"its modulus must have 2048 to 8192 bits, in whole bytes; it has {len(modulus) * 8}")
        if exponent != b"\x01\x00\x01":
            raise ValueError("its exponent must be 65537 (AQAB)")
        if modulus[-1] % 2 == 0:
            raise ValueError("its modulus is even")
        return
    length = COORDINATE_BYTES.get(members["crv"])
    if length is None or (members["crv"] == "Ed25519") != (members["kty"] == "OKP"):
        raise ValueError(f"curve {members['crv'][:32]!r} is not supported")
    for name in ("x", "y") if members["kty"] == "EC" else ("x",):
        if len(b64url_decode(members[name])) != length:
            raise ValueError(f"member {name!r} must have {length} octets")


def _load(members: Mapping[str, str]) -> PublicKey:
    if members["kty"] == "OKP":
        return ed25519.Ed25519PublicKey.from_public_bytes(b64url_decode(members["x"]))
    loader = JWKEC if members["kty"] == "EC" else JWKRSA
    loaded: Any = loader.from_json(members)
    key: PublicKey = loaded.key.public_numbers().public_key()
    return key
