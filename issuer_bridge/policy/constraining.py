"""`spec.constraints` of a policy: how long, and with which key (approver-policy `approver/constraints`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from issuer_bridge.durations import format_duration, parse_duration
from issuer_bridge.kube_api.statuses import Cause, invalid_value, quoted
from issuer_bridge.pem import load_request
from issuer_bridge.resources import Resource

PATH = "spec.constraints"


def out_of_bounds(constraints: Mapping[str, Any], request: Resource) -> Iterator[Cause]:
    """Yield which bounds a request does not keep; ValueError when its key cannot be read."""
    asked = request["spec"].get("duration")
    duration = None if asked is None else parse_duration(asked)
    for name, sign in (("maxDuration", 1), ("minDuration", -1)):
        if constraints.get(name) is not None:
            bound = parse_duration(constraints[name])
            if duration is None or (bound - duration) * sign < parse_duration("0"):
                shown = "nil" if duration is None else format_duration(duration)
                yield invalid_value(f"{PATH}.{name}", quoted(shown), format_duration(bound))
    if constraints.get("privateKey") is not None:
        yield from _key(constraints["privateKey"], *_algorithm(request))


def _key(wanted: Mapping[str, Any], algorithm: str, size: int) -> Iterator[Cause]:
    path = f"{PATH}.privateKey"
    if (wanted.get("algorithm") or algorithm) != algorithm:
        yield invalid_value(f"{path}.algorithm", quoted(algorithm), wanted["algorithm"])
    for name, sign in (("maxSize", 1), ("minSize", -1)):
        bound = wanted.get(name)
        if bound is not None and (bound - size) * sign < 0:
            yield invalid_value(f"{path}.{name}", quoted(str(size)), str(bound))


def _algorithm(request: Resource) -> tuple[str, int]:
    """Return algorithm and size in bits of the key, -1 where it has but one."""
    match load_request(request["spec"].get("request")).public_key():
        case RSAPublicKey() as key:
            return "RSA", key.key_size
        case EllipticCurvePublicKey() as key:
            return "ECDSA", key.curve.key_size
        case Ed25519PublicKey():
            return "Ed25519", -1
        case key:
            raise ValueError(f"unrecognised public key type {type(key).__name__}")
