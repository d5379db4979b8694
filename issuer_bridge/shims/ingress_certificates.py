"""Which Certificates an Ingress wants, and whether one that is there is still as it should be; no I/O.

Rules and texts are upstream's (`pkg/controller/certificate-shim/sync.go`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from issuer_bridge.durations import parse_duration
from issuer_bridge.references import controller_of, controller_reference, is_controlled_by
from issuer_bridge.resources import CERTIFICATE, INGRESS, Resource
from issuer_bridge.shims.annotations import translate

ISSUER, CLUSTER_ISSUER = "cert-manager.io/issuer", "cert-manager.io/cluster-issuer"
ISSUER_KIND, ISSUER_GROUP = "cert-manager.io/issuer-kind", "cert-manager.io/issuer-group"
TRUE = ("1", "t", "T", "TRUE", "true", "True")
USAGES = ("digital signature", "key encipherment")
APPLYSET = "applyset.kubernetes.io/part-of"
_ACME = "acme.cert-manager.io/http01-"
IN_PLACE = f"{_ACME}edit-in-place"
# Annotations of the Ingress -> of its Certificate.
OVERRIDES: Mapping[str, str] = {
    f"{_ACME}ingress-class": f"{_ACME}override-ingress-class",
    f"{_ACME}ingress-ingressclassname": f"{_ACME}override-ingress-ingressclassname",
}


@attrs.frozen
class ShimOptions:
    """What cert-manager's controller is told about Ingresses.

    The issuer that one gets whose annotations name none; which annotations, when true, ask for a Certificate of
    that; and which are copied to the Certificate.
    """

    default_issuer_name: str = ""
    default_issuer_kind: str = "Issuer"
    default_issuer_group: str = "cert-manager.io"
    auto_annotations: tuple[str, ...] = ("kubernetes.io/tls-acme",)
    extra_annotations: tuple[str, ...] = ()


def asks(ingress: Resource, options: ShimOptions) -> bool:
    """Whether an Ingress asks for Certificates, and is not on its way out."""
    metadata, annotations = ingress["metadata"], annotations_of(ingress)
    if metadata.get("deletionTimestamp") or "foregroundDeletion" in (metadata.get("finalizers") or ()):
        return False
    named = ISSUER in annotations or CLUSTER_ISSUER in annotations
    return named or any(annotations.get(name) in TRUE for name in options.auto_annotations)


def issuer_of(annotations: Mapping[str, str], options: ShimOptions) -> dict[str, str]:
    """Return the issuerRef; ValueError with all that is wrong with the annotations."""
    kinds = {ISSUER: "Issuer", CLUSTER_ISSUER: "ClusterIssuer"}
    name, kind = options.default_issuer_name, options.default_issuer_kind
    for annotation, named in kinds.items():
        if annotation in annotations:
            name, kind = annotations[annotation], named
    wrong = [] if name else ["failed to determine issuer name to be used for ingress resource"]
    for one, other in ((ISSUER, CLUSTER_ISSUER), (CLUSTER_ISSUER, ISSUER_GROUP), (CLUSTER_ISSUER, ISSUER_KIND)):
        if one in annotations and other in annotations:
            wrong.append(f'both "{one}" and "{other}" may not be set')
    if wrong:
        raise ValueError(", ".join(wrong))
    group = annotations.get(ISSUER_GROUP, options.default_issuer_group)
    return {"name": name, "kind": annotations.get(ISSUER_KIND, kind), "group": group}


def check_secret_names(ingress: Resource) -> None:
    """ValueError when two blocks of TLS want one Secret."""
    names = [block.get("secretName") or "" for block in _blocks(ingress)]
    wrong = []
    for name in dict.fromkeys(names):
        first, second = ([place for place, each in enumerate(names) if each == name] + [None])[:2]
        if second is not None:
            text = f"this secret name must only appear in a single TLS entry but is also used in spec.tls[{second}]"
            wrong.append(f'spec.tls[{first}].secretName: Invalid value: "{name}": {text}.secretName')
    if wrong:
        raise ValueError(_aggregate(wrong))


def tls_blocks(ingress: Resource) -> tuple[dict[str, Sequence[str]], list[str]]:
    """Return the hosts by name of their Secret, and what is wrong with the blocks that are left out."""
    found: dict[str, Sequence[str]] = {}
    skipped = []
    for place, block in enumerate(_blocks(ingress)):
        lacking = [field for field in ("hosts", "secretName") if not block.get(field)]
        if lacking:
            skipped.append(_aggregate([f"spec.tls[{place}].{field}: Required value" for field in lacking]))
        else:
            found[block["secretName"]] = block["hosts"]
    return found, skipped


def certificate_for(
    ingress: Resource, secret: str, hosts: Sequence[str], reference: Mapping[str, str], options: ShimOptions
) -> Resource:
    """Return the Certificate of a block; ValueError names the annotation that cannot be read."""
    metadata = ingress["metadata"]
    hosts = list(dict.fromkeys(hosts))
    addresses = [host for host in hosts if _is_address(host)]
    spec = {
        "dnsNames": [host for host in hosts if host not in addresses],
        "ipAddresses": addresses,
        "secretName": secret,
        "issuerRef": dict(reference),
        "usages": list(USAGES),
    }
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name != APPLYSET}
    annotations = {**extra_annotations(ingress, options), **_solver_annotations(ingress)}
    return {
        "apiVersion": CERTIFICATE.api_version,
        "kind": CERTIFICATE.kind,
        "metadata": {
            "name": secret,
            "namespace": metadata["namespace"],
            **({"labels": labels} if labels else {}),
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [controller_reference(ingress, INGRESS)],
        },
        "spec": translate(spec, annotations_of(ingress)),
    }


def updated(existing: Resource, wanted: Resource, ingress: Resource, options: ShimOptions) -> Resource | None:
    """Return the Certificate as it should be; None when it is, or when it is not the Ingress's to change."""
    if not controller_of(existing) or not is_controlled_by(existing, ingress):
        return None
    metadata, labels = existing["metadata"], wanted["metadata"].get("labels") or {}
    if labels == (metadata.get("labels") or {}) and _seen(existing["spec"]) == _seen(wanted["spec"]):
        return None
    annotations = {**(metadata.get("annotations") or {}), **extra_annotations(ingress, options)}
    return {
        **existing,
        "metadata": {**metadata, "labels": labels, **({"annotations": annotations} if annotations else {})},
        "spec": wanted["spec"],
    }


def unrequired(certificates: Sequence[Resource], ingress: Resource) -> list[Resource]:
    """Return those Certificates of the Ingress whose Secret it names no more."""
    names = [block.get("secretName") for block in _blocks(ingress)]
    return [
        each for each in certificates if is_controlled_by(each, ingress) and each["spec"]["secretName"] not in names
    ]


def extra_annotations(ingress: Resource, options: ShimOptions) -> dict[str, str]:
    """Return those annotations that are copied as they are."""
    annotations = annotations_of(ingress)
    return {name: annotations[name] for name in options.extra_annotations if name in annotations}


def annotations_of(ingress: Resource) -> Mapping[str, str]:
    """Return the annotations of an object."""
    annotations: Mapping[str, str] = ingress["metadata"].get("annotations") or {}
    return annotations


def _solver_annotations(ingress: Resource) -> dict[str, str]:
    """Return what tells the http01 solver whose Ingress to edit, or the class of its own."""
    annotations = annotations_of(ingress)
    found = {there: annotations[here] for here, there in OVERRIDES.items() if annotations.get(here)}
    if annotations.get(IN_PLACE) == "true":
        found |= {f"{_ACME}override-ingress-name": ingress["metadata"]["name"]}
        found |= {"cert-manager.io/issue-temporary-certificate": "true"}
    return found


def _seen(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what two specs are compared by: upstream's choice, which leaves out addresses, usages and the group."""
    key, reference = spec.get("privateKey") or {}, spec["issuerRef"]
    size = None if key.get("algorithm") == "Ed25519" else key.get("size") or 0
    return (
        spec.get("commonName") or "",
        spec.get("dnsNames") or [],
        spec["secretName"],
        (reference["name"], reference.get("kind") or ""),
        spec.get("revisionHistoryLimit"),
        [key.get(field) or "" for field in ("algorithm", "encoding", "rotationPolicy")],
        size,
        [parse_duration(spec[field]) if spec.get(field) else None for field in ("duration", "renewBefore")],
    )


def _blocks(ingress: Resource) -> Sequence[Mapping[str, Any]]:
    blocks: Sequence[Mapping[str, Any]] = (ingress.get("spec") or {}).get("tls") or ()
    return blocks


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _aggregate(errors: Sequence[str]) -> str:
    return errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]"
