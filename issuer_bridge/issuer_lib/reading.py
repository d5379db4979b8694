"""Resources as the values that authors see; and which Secrets a spec names, by cert-manager's conventions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from acme_server.protocol.times import parse_rfc3339
from issuer_bridge.conditions import READY, is_true
from issuer_bridge.durations import parse_duration
from issuer_bridge.issuer_lib.outcomes import Permanent
from issuer_bridge.issuer_lib.values import Issuer, Request, Secret
from issuer_bridge.resources import Resource

DEFAULT_DURATION = timedelta(days=90)
DEFAULT_USAGES = ("digital signature", "key encipherment")
# What a CertificateSigningRequest has no field for: pkg/apis/experimental/v1alpha1.
_EXPERIMENTAL = "experimental.cert-manager.io/request-"


def request_of(resource: Resource) -> Request:
    """Read a request of either form; Permanent when it says what cannot be."""
    metadata, spec = resource["metadata"], resource["spec"]
    annotations = metadata.get("annotations") or {}
    try:
        csr = base64.b64decode(spec["request"], validate=True)
        duration = _duration(spec, annotations)
    except (binascii.Error, ValueError) as error:
        raise Permanent(f"the request cannot be read: {error}", invalid_request=True) from None
    return Request(
        kind=resource["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        csr=csr,
        duration=duration,
        is_ca=bool(spec.get("isCA")) or annotations.get(f"{_EXPERIMENTAL}is-ca") == "true",
        usages=tuple(spec.get("usages") or DEFAULT_USAGES),
        annotations=annotations,
        created=parse_rfc3339(metadata["creationTimestamp"]),
        username=spec.get("username", ""),
    )


def _duration(spec: Mapping[str, Any], annotations: Mapping[str, str]) -> timedelta:
    text = spec.get("duration") or annotations.get(f"{_EXPERIMENTAL}duration")
    if text:
        return parse_duration(text)
    seconds = spec.get("expirationSeconds")
    return timedelta(seconds=seconds) if seconds else DEFAULT_DURATION


def issuer_of(resource: Resource, found: Mapping[str, Resource]) -> Issuer:
    """Read an issuer; found: the Secrets that it names and that are there."""
    metadata = resource["metadata"]
    return Issuer(
        kind=resource["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        spec=resource.get("spec") or {},
        annotations=metadata.get("annotations") or {},
        ready=is_true(resource, READY),
        secrets={name: _secret(secret) for name, secret in found.items()},
    )


def _secret(resource: Resource) -> Secret:
    data = {key: base64.b64decode(value) for key, value in (resource.get("data") or {}).items()}
    return Secret(resource["metadata"]["resourceVersion"], data)


def secret_names(spec: Any) -> Iterator[str]:
    """Yield the Secrets that a spec names: `...SecretRef: {name: NAME}`, `secretName: NAME`, `...SecretName: NAME`."""
    if isinstance(spec, list):
        for item in spec:
            yield from secret_names(item)
    elif isinstance(spec, Mapping):
        for key, value in spec.items():
            if key.endswith("ecretRef") and isinstance(value, Mapping) and value.get("name"):
                yield str(value["name"])
            elif key.endswith("ecretName") and isinstance(value, str) and value:
                yield value
            else:
                yield from secret_names(value)


def secret_places(issuer: Resource, cluster_namespace: str) -> tuple[tuple[str, str], ...]:
    """Return namespace and name of each Secret that an issuer names; they are its own namespace's."""
    namespace = issuer["metadata"].get("namespace") or cluster_namespace
    return tuple((namespace, name) for name in dict.fromkeys(secret_names(issuer.get("spec"))))
