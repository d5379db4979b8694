"""Who belongs to whom: owner references, and the issuer that a request names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from issuer_bridge.acme_issuer import translation
from issuer_bridge.resources import CLUSTER_ISSUER, ISSUER, Kind, Resource, Resources

GROUP = "cert-manager.io"


def key_of(resource: Resource) -> str:
    """Return `NAMESPACE/NAME`, or the bare name of a cluster-wide resource."""
    metadata = resource["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def controller_reference(owner: Resource, kind: Kind) -> dict[str, Any]:
    """Return the owner reference that ties a resource to its controller."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(resource: Resource) -> Mapping[str, Any]:
    """Return the reference to a resource's controller, empty when it has none."""
    references = resource["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), {})


def is_controlled_by(resource: Resource, owner: Resource) -> bool:
    """Whether the resource was made for exactly this owner, not for an earlier one of its name."""
    return bool(controller_of(resource).get("uid") == owner["metadata"]["uid"])


def is_of_our_group(reference: Mapping[str, Any]) -> bool:
    """Whether an issuerRef means one of cert-manager's issuers."""
    return reference.get("group", "") in ("", GROUP)


def issuer_words(reference: Mapping[str, Any]) -> tuple[str, str]:
    """Return kind and group that an issuerRef names, or stands for where it names none."""
    return reference.get("kind") or ISSUER.kind, reference.get("group") or GROUP


def issuer_kind(reference: Mapping[str, Any]) -> Kind | None:
    """Return the kind that an issuerRef names; Issuer when it names none."""
    return {"": ISSUER, ISSUER.kind: ISSUER, CLUSTER_ISSUER.kind: CLUSTER_ISSUER}.get(reference.get("kind") or "")


def _kind_of(reference: Mapping[str, Any]) -> Kind | None:
    return issuer_kind(reference) if is_of_our_group(reference) else translation.kind_of(reference)


def issuer_for(resources: Resources, resource: Resource) -> Resource | None:
    """Return the issuer that a request, order or challenge names; an AcmeIssuer as cert-manager would write it."""
    reference = resource["spec"]["issuerRef"]
    kind = _kind_of(reference)
    if kind is None:
        return None
    namespace = resource["metadata"]["namespace"] if kind.namespaced else ""
    issuer = resources.get(kind, namespace, reference["name"])
    return issuer if issuer is None or is_of_our_group(reference) else translation.as_cert_managers(issuer)


def refers_to(resource: Resource, issuer: Resource) -> bool:
    """Whether a request, order or challenge names this issuer."""
    reference = resource["spec"]["issuerRef"]
    kind = _kind_of(reference)
    return (
        kind is not None
        and (kind.kind, reference["name"]) == (issuer["kind"], issuer["metadata"]["name"])
        and (not kind.namespaced or resource["metadata"]["namespace"] == issuer["metadata"]["namespace"])
    )
