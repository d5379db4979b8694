"""Flattened JSON Web Signatures, read strictly (RFC 8555 section 6.2, RFC 7515).

Verification goes straight through `cryptography`: it runs on every request.
Signing is here too, for our own client and tests; ECDSA is deterministic
(RFC 6979), so that a seeded run repeats byte for byte.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any

import attrs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from acme_server.protocol.encoding import b64url, b64url_decode, load_json
from acme_server.protocol.jwk import COORDINATE_BYTES, Jwk, PrivateKey, bad_key, jwk_of
from acme_server.protocol.problem import Problem, malformed

# alg -> the kind of key it goes with (RFC 7518 section 3.1, RFC 8037 section 3.1).
ALGORITHMS: Mapping[str, str] = {
    "RS256": "RSA",
    "ES256": "P-256",
    "ES384": "P-384",
    "ES512": "P-521",
    "EdDSA": "Ed25519",
}
# alg -> its hash, of the MACs that bind an external account (RFC 7518 section 3.2, RFC 8555 section 7.3.4).
MACS: Mapping[str, str] = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
_ALG_OF = {kind: alg for alg, kind in ALGORITHMS.items()}
_HASH: Mapping[str, hashes.HashAlgorithm] = {
    "P-256": hashes.SHA256(),
    "P-384": hashes.SHA384(),
    "P-521": hashes.SHA512(),
}
_ECDSA = {kind: ec.ECDSA(algorithm) for kind, algorithm in _HASH.items()}
_SHA256, _PKCS1 = hashes.SHA256(), padding.PKCS1v15()


@attrs.frozen
class Jws:
    """A parsed, not yet verified, signature: header, payload and what was signed."""

    header: Mapping[str, Any]
    payload: bytes
    signing_input: bytes = attrs.field(repr=False)
    signature: bytes = attrs.field(repr=False)


def parse_jws(body: bytes) -> Jws:
    """Read a flattened JWS from a request body; raise malformed otherwise."""
    try:
        document = load_json(body)
    except ValueError as error:
        raise malformed(f"the request body {error}") from None
    return jws_from(document)


def load_object(data: bytes, what: str) -> dict[str, Any]:
    """Read a payload that is a JSON object; raise malformed otherwise."""
    try:
        document = load_json(data)
    except ValueError as error:
        raise malformed(f"the {what} {error}") from None
    if not isinstance(document, dict):
        raise malformed(f"the {what} is not a JSON object")
    return document


def jws_from(document: Any, what: str = "JWS") -> Jws:
    """Read a flattened JWS from JSON: exactly protected, payload and signature."""
    if not isinstance(document, dict):
        raise malformed(f"the {what} is not an object in flattened JSON serialization")
    for name, why in (("signatures", "has several signatures"), ("header", "has an unprotected header")):
        if name in document:
            raise malformed(f"the {what} {why}; RFC 8555 section 6.2 forbids it")
    parts: dict[str, bytes] = {}
    for name in ("protected", "payload", "signature"):
        try:
            parts[name] = b64url_decode(document.get(name))
        except ValueError as error:
            raise malformed(f"the {what}'s {name!r} {error}") from None
    try:
        header = load_json(parts["protected"])
    except ValueError as error:
        raise malformed(f"the {what}'s protected header {error}") from None
    if not isinstance(header, dict):
        raise malformed(f"the {what}'s protected header is not an object")
    _check_header(header, what)
    # A foreign algorithm, such as "none" without a signature, is answered with the algorithms there are.
    if not parts["signature"] and header["alg"] in ALGORITHMS:
        raise malformed(f"the {what}'s signature is empty")
    signing_input = f"{document['protected']}.{document['payload']}".encode("ascii")
    return Jws(header, parts["payload"], signing_input, parts["signature"])


def _check_header(header: Mapping[str, Any], what: str) -> None:
    for name in ("crit", "b64", "zip", "jku", "x5u", "x5c"):
        if name in header:
            raise malformed(f"the {what}'s header parameter {name!r} is not understood here")
    if not isinstance(header.get("alg"), str):
        raise malformed(f"the {what}'s header has no string 'alg'")


def check_algorithm(alg: str, allowed: Mapping[str, str] = ALGORITHMS) -> None:
    """Refuse what is not allowed (`none` among it, and MACs unless told otherwise), naming what is."""
    if alg not in allowed:
        raise Problem(
            "badSignatureAlgorithm",
            f"algorithm {alg[:32]!r} is not supported",
            extra={"algorithms": list(allowed)},
        )


def verify(jws: Jws, jwk: Jwk, what: str = "JWS") -> None:
    """Verify a signature; raise badSignatureAlgorithm, badPublicKey (alg and key do not fit) or malformed."""
    alg = jws.header["alg"]
    check_algorithm(alg)
    if ALGORITHMS[alg] != jwk.kind:
        raise bad_key(f"algorithm {alg} needs a key of kind {ALGORITHMS[alg]}, this one is {jwk.kind}", "algorithm")
    try:
        _verify(jwk, jws.signature, jws.signing_input)
    except (InvalidSignature, ValueError):
        raise malformed(f"the {what} signature does not verify") from None


def mac_fits(jws: Jws, key: bytes) -> bool:
    """Say whether the signature is the MAC of its `alg`, one of MACS, under a key."""
    return hmac.compare_digest(hmac.digest(key, jws.signing_input, MACS[jws.header["alg"]]), jws.signature)


def _verify(jwk: Jwk, signature: bytes, data: bytes) -> None:
    # By its kind: the library's classes are abstract, and asking for them takes longer than the rest of this.
    key: Any = jwk.key
    if jwk.kind in _ECDSA:
        size = COORDINATE_BYTES[jwk.kind]
        if len(signature) != 2 * size:
            raise ValueError("an ECDSA signature is two coordinates long")
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        key.verify(encode_dss_signature(r, s), data, _ECDSA[jwk.kind])
    elif jwk.kind == "RSA":
        key.verify(signature, data, _PKCS1, _SHA256)
    else:
        key.verify(signature, data)


def sign(key: PrivateKey, header: Mapping[str, Any], payload: bytes, kind: str | None = None) -> dict[str, str]:
    """Return a flattened JWS; `alg` follows from the key. kind: that of its JWK, for whoever has it at hand."""
    kind = kind or jwk_of(key.public_key()).kind
    protected = b64url(json.dumps({"alg": _ALG_OF[kind], **header}, separators=(",", ":")).encode())
    body = b64url(payload)
    signature = _sign(key, kind, f"{protected}.{body}".encode("ascii"))
    return {"protected": protected, "payload": body, "signature": b64url(signature)}


def _sign(key: PrivateKey, kind: str, data: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = COORDINATE_BYTES[kind]
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(_HASH[kind], deterministic_signing=True)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, _PKCS1, _SHA256)
    return key.sign(data)
