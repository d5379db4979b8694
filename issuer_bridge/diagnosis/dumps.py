"""Reads what `kubectl get ... -o yaml` or `-o json` wrote, so that people can send what their cluster holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from issuer_bridge.cert_manager.conduct import Conduct
from issuer_bridge.diagnosis.cluster import READ, SLOTS, THEIRS, Cluster
from issuer_bridge.kube_api.schema_check import causes
from issuer_bridge.kube_api.shapes import BOOLEAN, INTEGER, OPEN, STRING, STRING_MAP, STRINGS, Schema, array, fields
from issuer_bridge.resources import (
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CHALLENGE,
    CLUSTER_ISSUER,
    EVENT,
    ISSUER,
    ORDER,
    VALIDATING_WEBHOOKS,
    Kind,
    Resource,
)
from issuer_bridge.yaml_documents import documents

# A list of 10,000 objects has some ten million values.
_VALUES = 20_000_000
_OWNER = fields("kind name uid", kind=STRING, name=STRING, uid=STRING, controller=BOOLEAN)
_METADATA = {
    "name": STRING,
    "namespace": STRING,
    "uid": STRING,
    "creationTimestamp": STRING,
    "deletionTimestamp": STRING,
    "labels": STRING_MAP,
    "annotations": STRING_MAP,
    "finalizers": STRINGS,
    "ownerReferences": array(_OWNER),
    "managedFields": array(fields(time=STRING)),
}
_REFERENCE = fields("name", name=STRING, kind=STRING, group=STRING)
_SOLVER = fields(dns01=OPEN, http01=OPEN, waitInsteadOfSelfCheck=STRING)
_ISSUED = fields(
    "issuerRef", issuerRef=_REFERENCE, request=STRING, secretName=STRING, dnsNames=STRINGS, ipAddresses=STRINGS
)
_CHALLENGE = fields(
    "dnsName type solver issuerRef", dnsName=STRING, type=STRING, solver=_SOLVER, issuerRef=_REFERENCE, key=STRING
)
_WEBHOOKS = array(fields(name=STRING, clientConfig=OPEN))
_SPECS: Mapping[Kind, Schema] = {
    CERTIFICATE: _ISSUED,
    CERTIFICATE_REQUEST: _ISSUED,
    ORDER: _ISSUED,
    CHALLENGE: _CHALLENGE,
    ISSUER: OPEN,
    CLUSTER_ISSUER: OPEN,
}
_STATUS = fields(
    conditions=array(
        fields("type status", type=STRING, status=STRING, reason=STRING, message=STRING, lastTransitionTime=STRING)
    ),
    authorizations=array(fields("url", url=STRING, identifier=STRING, initialState=STRING)),
    revision=INTEGER,
    failedIssuanceAttempts=INTEGER,
    **dict.fromkeys(("state", "reason", "url", "failureTime", "lastFailureTime", "notAfter", "renewalTime"), STRING),
)


def _shape(kind: Kind) -> Schema:
    required = "name namespace" if kind.namespaced else "name"
    parts: dict[str, Schema] = {"metadata": fields(required, **_METADATA), "status": _STATUS}
    if kind in _SPECS:
        parts["spec"] = _SPECS[kind]
    if kind == EVENT:
        parts["involvedObject"] = fields(kind=STRING, name=STRING, namespace=STRING, uid=STRING)
    if kind == VALIDATING_WEBHOOKS:
        parts["webhooks"] = _WEBHOOKS
    return fields("metadata spec" if kind in _SPECS else "metadata", **parts)


_SHAPES: Mapping[tuple[str, str], tuple[Kind, Schema]] = {
    (kind.group, kind.kind): (kind, _shape(kind)) for kind in READ
}


def read_dump(text: str, source: str, maximum: int = SLOTS, conduct: Conduct = THEIRS) -> Cluster:
    """Return what a text holds, several documents or lists; ValueError says in one sentence what cannot be read.

    Kinds that a diagnosis does not look at are passed over.
    """
    objects: dict[Kind, list[Resource]] = {}
    for document in documents(text, _VALUES):
        place = f"{source}, document {document.number}"
        if document.error:
            raise ValueError(f"{place}, line {document.line}: {document.error}")
        for number, item in enumerate(_items(_full(document.value), place), 1):
            kind = _checked(item, f"{place}, object {number}")
            if kind is not None:
                objects.setdefault(kind, []).append(item)
    if not objects:
        raise ValueError(f"{source} holds no object of cert-manager's; write it with: {COMMAND}")
    return Cluster(objects, maximum=maximum, conduct=conduct)


COMMAND = "kubectl get certificates,certificaterequests,orders,challenges,issuers,clusterissuers,events,namespaces -A --show-managed-fields -o json"


def _items(value: Any, place: str) -> Iterator[Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is no object; {COMMAND} writes them")
    items = value.get("items")
    if str(value.get("kind", "")).endswith("List") and isinstance(items, list):
        of = str(value["kind"]).removesuffix("List")
        typed = {"apiVersion": value.get("apiVersion"), "kind": of} if of else {}
        yield from ({**typed, **item} if isinstance(item, dict) else item for item in items)
    else:
        yield value


def _full(value: Any) -> Any:
    """Leave out what is null, as an API server does."""
    if isinstance(value, dict):
        return {name: _full(item) for name, item in value.items() if item is not None}
    return [_full(item) for item in value] if isinstance(value, list) else value


def _checked(item: Any, place: str) -> Kind | None:
    """Return the kind of an object that is read; what rules rely on must be there."""
    if not isinstance(item, dict):
        raise ValueError(f"{place} is no object; {COMMAND} writes them")
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    kind, shape = _SHAPES.get((group, str(item.get("kind"))), (None, None))
    if kind is None or shape is None:
        return None
    wrong = next(causes(shape, item), None)
    if wrong is not None:
        raise ValueError(f"{place} is no {kind.kind} of Kubernetes': {wrong.field}: {wrong.message}")
    return kind
