"""Live certificates of a CA: in Secrets, in requests that no Secret has taken over yet, and in those that nobody will."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

import attrs
from cryptography import x509

from issuer_bridge.cert_manager.certificates.policies import CERTIFICATE_NAME, data_of, read_leaf
from issuer_bridge.cert_manager.certificates.steps import revision_of
from issuer_bridge.cert_manager.local_signing import is_signed_by
from issuer_bridge.references import controller_of, refers_to
from issuer_bridge.resources import CERTIFICATE, CERTIFICATE_REQUEST, Resource, Resources
from issuer_bridge.rotation.phases import Authority
from issuer_bridge.rotation.trust_stores import issued_secrets


@attrs.frozen
class Leaf:
    """A live certificate; certificate: the Certificate that can renew it, None where there is none."""

    holder: str
    not_after: datetime
    certificate: Resource | None = None


def live_leaves(issuer: Resource, resources: Resources, old: Authority, new: Authority, now: datetime) -> list[Leaf]:
    """Return what the old CA has signed, the new one has not, and is valid still."""
    return [
        Leaf(holder, leaf_end, certificate)
        for holder, pem, certificate in _held(issuer, resources)
        if (leaf_end := _end(pem)) is not None
        and leaf_end > now
        and _signed(pem, old.signer)
        and not _signed(pem, new.signer)
    ]


def untaken(issuer: Resource, resources: Resources) -> Iterator[tuple[str, Resource]]:
    """Yield the signed requests, with their names, of which the Secret of a Certificate is still to be written."""
    for request in _signed_requests(issuer, resources):
        owner, namespace = controller_of(request), request["metadata"]["namespace"]
        certificate = (
            resources.get(CERTIFICATE, namespace, owner["name"]) if owner.get("kind") == "Certificate" else None
        )
        revision = revision_of(request)
        if certificate and revision and revision > int((certificate.get("status") or {}).get("revision") or 0):
            yield _name(request), request


def _held(issuer: Resource, resources: Resources) -> Iterator[tuple[str, bytes, Resource | None]]:
    """Yield who holds a certificate, its PEM, and the Certificate that it is of."""
    for secret in issued_secrets(issuer, resources):
        name = (secret["metadata"].get("annotations") or {}).get(CERTIFICATE_NAME, "")
        certificate = resources.get(CERTIFICATE, secret["metadata"]["namespace"], name)
        yield _name(secret), data_of(secret, "tls.crt"), certificate
    for name, request in untaken(issuer, resources):
        yield name, _issued(request), None
    for request in _signed_requests(issuer, resources):
        if controller_of(request).get("kind") != CERTIFICATE.kind:
            yield _name(request), _issued(request), None


def _signed_requests(issuer: Resource, resources: Resources) -> Iterator[Resource]:
    for request in resources.list(CERTIFICATE_REQUEST, issuer["metadata"].get("namespace")):
        if (request.get("status") or {}).get("certificate") and refers_to(request, issuer):
            yield request


def _issued(request: Resource) -> bytes:
    return base64.b64decode(request["status"]["certificate"])


def _name(resource: Resource) -> str:
    return f"{resource['kind']} {resource['metadata']['namespace']}/{resource['metadata']['name']}"


def _end(pem: bytes) -> datetime | None:
    try:
        return read_leaf(pem).not_after
    except ValueError:
        return None


@lru_cache(maxsize=16384)
def _signed(pem: bytes, signer: str) -> bool:
    return is_signed_by(x509.load_pem_x509_certificate(pem), _parsed(signer))


@lru_cache(maxsize=64)
def _parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode("ascii"))
