"""The names of CertificateRequests, Orders and Challenges: deterministic, and equal to cert-manager's.

A name is a prefix and the FNV-1 hash of the object's Go JSON (upstream
`pkg/api/util/names.go`). So a crash between a creation and the status that
tells of it finds the same object again, and people find the names they know.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeAlias

Fields: TypeAlias = Mapping[str, "Fields | None"]
"""The fields of a Go struct in the order in which Go writes them; None means no struct of its own."""

PREFIX_LENGTH, MAX_REQUEST_PREFIX = 52, 233
_GO_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_NEEDS_ESCAPE = re.compile("[<>&\u2028\u2029]")

_SECRET_KEY: Fields = {"name": None, "key": None}
_ISSUER_REF: Fields = {"name": None, "kind": None, "group": None}
_POD_TEMPLATE: Fields = {"metadata": None, "spec": None}
_SOLVER: Fields = {
    "selector": {"matchLabels": None, "dnsNames": None, "dnsZones": None},
    "http01": {
        "ingress": {
            "serviceType": None,
            "ingressClassName": None,
            "class": None,
            "name": None,
            "podTemplate": _POD_TEMPLATE,
            "ingressTemplate": None,
        },
        "gatewayHTTPRoute": {"serviceType": None, "labels": None, "parentRefs": None, "podTemplate": _POD_TEMPLATE},
    },
    "dns01": {
        "cnameStrategy": None,
        "nameservers": None,
        "akamai": None,
        "cloudDNS": {"serviceAccountSecretRef": _SECRET_KEY, "project": None, "hostedZoneName": None},
        "cloudflare": {"email": None, "apiKeySecretRef": _SECRET_KEY, "apiTokenSecretRef": _SECRET_KEY},
        "route53": None,
        "azureDNS": None,
        "digitalocean": {"tokenSecretRef": _SECRET_KEY},
        "acmeDNS": {"host": None, "accountSecretRef": _SECRET_KEY},
        "rfc2136": {
            "nameserver": None,
            "tsigSecretSecretRef": _SECRET_KEY,
            "tsigKeyName": None,
            "tsigAlgorithm": None,
            "protocol": None,
        },
        "webhook": {"groupName": None, "solverName": None, "config": None},
    },
    "waitInsteadOfSelfCheck": None,
}
_ORDER_SPEC: Fields = {
    "request": None,
    "issuerRef": _ISSUER_REF,
    "commonName": None,
    "dnsNames": None,
    "ipAddresses": None,
    "duration": None,
    "profile": None,
    "replaces": None,
}
_CHALLENGE_SPEC: Fields = {
    "url": None,
    "authorizationURL": None,
    "dnsName": None,
    "wildcard": None,
    "type": None,
    "token": None,
    "key": None,
    "solver": _SOLVER,
    "issuerRef": _ISSUER_REF,
}


@lru_cache(maxsize=4096)
def fnv1_32(data: bytes) -> int:
    """Return the 32-bit FNV-1 hash (multiply, then xor; not FNV-1a); each name is asked for again and again."""
    value = 2166136261
    for byte in data:
        value = (value * 16777619 & 0xFFFFFFFF) ^ byte
    return value


def go_json(value: Any) -> bytes:
    """Return the JSON that Go's encoding/json writes: compact, UTF-8, `<`, `>` and `&` escaped."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _NEEDS_ESCAPE.sub(lambda match: _GO_ESCAPES[match.group()], text).encode()


def compute_name(prefix: str, value: Any) -> str:
    """Return the prefix, cut to fit a label, and the decimal hash of the value."""
    return f"{_cut(prefix)}-{fnv1_32(go_json(value))}"


def order_name(request_name: str, spec: Mapping[str, Any]) -> str:
    """Name the Order of a CertificateRequest: the CSR does not count, a long request name does."""
    value: Any = _in_order({**spec, "request": None}, _ORDER_SPEC, keep=("request",))
    if len(request_name) >= PREFIX_LENGTH:
        value = {"certificateRequestName": request_name, "spec": value}
    return compute_name(request_name, value)


def request_name(certificate: str, revision: int) -> str:
    """Name the CertificateRequest of a Certificate's revision; a very long name is cut, and its SHA-256 appended."""
    if len(certificate) > MAX_REQUEST_PREFIX:
        cut = re.sub(r"[^a-zA-Z0-9]+$", "", certificate[: MAX_REQUEST_PREFIX - 65])
        certificate = f"{cut}-{hashlib.sha256(certificate.encode()).hexdigest()}"
    return f"{certificate}-{revision}"


def challenge_name(order: str, spec: Mapping[str, Any]) -> str:
    """Name a Challenge of an Order: its key does not count."""
    return compute_name(order, _in_order({**spec, "key": ""}, _CHALLENGE_SPEC, keep=("key", "token", "url")))


def _cut(prefix: str) -> str:
    """Cut to 52 characters and back to the last letter or digit."""
    if len(prefix) < PREFIX_LENGTH:
        return prefix
    return re.sub(r"[^a-zA-Z0-9]+$", "", prefix[:PREFIX_LENGTH])


def _in_order(value: Mapping[str, Any], fields: Fields, keep: tuple[str, ...] = ()) -> dict[str, Any]:
    """Put fields in Go's order and leave out empty ones; those that the table lacks follow by name."""
    order = [*fields, *sorted(value.keys() - fields.keys())]
    return {
        name: _field(value[name], fields.get(name))
        for name in order
        if name in value and (name in keep or value[name] not in (None, "", []))
    }


def _field(value: Any, fields: Fields | None) -> Any:
    if isinstance(value, Mapping):
        return _in_order(value, fields or {}, keep=("name",))
    if isinstance(value, list):
        return [_field(item, None) for item in value]
    return value
