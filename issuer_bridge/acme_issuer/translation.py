"""An AcmeIssuer as the cert-manager issuer that asks the same, so that one client, one setup and one solver serve both.

What cert-manager has no word for (`parameters`, the gate) is read from the AcmeIssuer itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from issuer_bridge.resources import ACME_CLUSTER_ISSUER, ACME_ISSUER, GRAVEL, Kind, Resource

KINDS: Mapping[str, Kind] = {kind.kind: kind for kind in (ACME_ISSUER, ACME_CLUSTER_ISSUER)}
# Fields of our spec, and of `spec.acme` of cert-manager's issuers.
FIELDS: Mapping[str, str] = {
    "directory": "server",
    "caBundle": "caBundle",
    "skipTLSVerify": "skipTLSVerify",
    "email": "email",
    "accountKeySecretRef": "privateKeySecretRef",
    "disableAccountKeyGeneration": "disableAccountKeyGeneration",
    "preferredChain": "preferredChain",
    "profile": "profile",
    "solvers": "solvers",
    "enableDuration": "enableDurationFeature",
}
_STATUS: Mapping[str, str] = {
    "accountURL": "uri",
    "lastRegisteredEmail": "lastRegisteredEmail",
    "lastKeyHash": "lastPrivateKeyHash",
}


def kind_of(reference: Mapping[str, Any]) -> Kind | None:
    """Return the kind of AcmeIssuers that an issuerRef names, None for others'; the namespaced one when it names none."""
    if reference.get("group") != GRAVEL:
        return None
    return KINDS.get(reference.get("kind") or ACME_ISSUER.kind)


def as_cert_managers(issuer: Resource) -> Resource:
    """Return the issuer with `spec.acme` and `status.acme`; its kind, name and conditions are its own."""
    spec, status = issuer["spec"], issuer.get("status") or {}
    acme = _renamed(spec, FIELDS)
    if spec.get("eab"):
        acme["externalAccountBinding"] = _renamed(spec["eab"], {"keyID": "keyID", "secretRef": "keySecretRef"})
    known = _renamed(status, _STATUS)
    return {**issuer, "spec": {"acme": acme}, "status": {**status, **({"acme": known} if known else {})}}


def registered(url: str, email: str, key_hash: str) -> dict[str, str]:
    """Return what the status remembers of an account."""
    return dict(zip(_STATUS, (url, email, key_hash), strict=True))


def in_our_words(text: str) -> str:
    """Return what is said of a field of `spec.acme` in the words of our spec."""
    for ours, theirs in FIELDS.items():
        text = text.replace(f"spec.acme.{theirs}", f"spec.{ours}")
    return text


def _renamed(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: value[ours] for ours, theirs in names.items() if value.get(ours) is not None}
