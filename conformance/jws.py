"""Flattened JWS (RFC 7515 section 7.2.2): the right one, and any wrong one that a check asks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from conformance.keys import Key, b64url

ABSENT: Final = object()
Payload: TypeAlias = Mapping[str, Any] | bytes | None
Envelope: TypeAlias = dict[str, Any]
# What a check does to a signed envelope; bytes are sent as they are, anything else as JSON.
Bend: TypeAlias = Callable[[Envelope], Any]


def octets(payload: Payload) -> bytes:
    """Return what is signed: None is the empty payload of a POST-as-GET, a mapping is JSON."""
    if payload is None:
        return b""
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def sign(
    header: Mapping[str, Any],
    payload: Payload,
    key: Key,
    signer: Callable[[bytes], bytes] | None = None,
    encode: Callable[[bytes], str] = b64url,
) -> Envelope:
    """Return an envelope; a header parameter that is ABSENT is left out.

    signer: what signs instead of the key; encode: what encodes header and payload instead of base64url.
    """
    members = {name: value for name, value in {"alg": key.alg, **header}.items() if value is not ABSENT}
    protected, body = encode(json.dumps(members).encode()), encode(octets(payload))
    signature = (signer or key.sign)(f"{protected}.{body}".encode())
    return {"protected": protected, "payload": body, "signature": b64url(signature)}
