"""Objects as a Table (meta.k8s.io/v1): the columns of every kind, for `kubectl get` and `gravel get` alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from issuer_bridge.kube_api.columns import AGE, CUSTOM_AGE, NAME, Column, condition, custom
from issuer_bridge.kube_api.core_tables import CORE_COLUMNS
from issuer_bridge.resources import (
    ACME_CLUSTER_ISSUER,
    ACME_ISSUER,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CERTIFICATE_REQUEST_POLICY,
    CHALLENGE,
    CLUSTER_ISSUER,
    GLOO_REQUEST,
    ISSUED_CERTIFICATE,
    ISSUER,
    ORDER,
    Kind,
    Resource,
)

META = "meta.k8s.io/v1"
_READY = condition("Ready")
_STATUS = custom("Status", '.status.conditions[?(@.type=="Ready")].message', 1)
_STATE, _REASON = custom("State", ".status.state"), custom("Reason", ".status.reason", 1)
_ISSUER = ".spec.issuerRef.name"
_GLOO = (NAME, _STATE, custom("Error", ".status.error", 1), CUSTOM_AGE)

# The printer columns of cert-manager's CRDs (deploy/crds), and kubectl's own for the built-in kinds.
COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    ISSUER: (NAME, _READY, _STATUS, CUSTOM_AGE),
    CLUSTER_ISSUER: (NAME, _READY, _STATUS, CUSTOM_AGE),
    **dict.fromkeys((ACME_ISSUER, ACME_CLUSTER_ISSUER), (NAME, _READY, _STATUS, CUSTOM_AGE)),
    CERTIFICATE: (
        NAME,
        _READY,
        custom("Secret", ".spec.secretName"),
        custom("Issuer", _ISSUER, 1),
        _STATUS,
        CUSTOM_AGE,
    ),
    CERTIFICATE_REQUEST: (
        NAME,
        condition("Approved"),
        condition("Denied"),
        _READY,
        custom("Issuer", _ISSUER),
        custom("Requester", ".spec.username"),
        _STATUS,
        CUSTOM_AGE,
    ),
    CERTIFICATE_REQUEST_POLICY: (NAME, _READY, CUSTOM_AGE),
    ORDER: (NAME, _STATE, custom("Issuer", _ISSUER, 1), _REASON, CUSTOM_AGE),
    CHALLENGE: (NAME, _STATE, custom("Domain", ".spec.dnsName"), _REASON, CUSTOM_AGE),
    ISSUED_CERTIFICATE: _GLOO,
    GLOO_REQUEST: _GLOO,
    **CORE_COLUMNS,
}


def columns(kind: Kind) -> tuple[Column, ...]:
    """Return all columns of a kind; name and age where no more is known."""
    if kind.definition:
        found: tuple[Column, ...] = kind.definition.columns
        return found
    return COLUMNS.get(kind, (NAME, AGE))


def table(
    kind: Kind,
    items: Sequence[Resource],
    metadata: Mapping[str, Any],
    now: datetime,
    *,
    include: str = "Metadata",
    definitions: bool = True,
) -> Resource:
    """Return a Table of objects.

    include: what a row has of its object: None, Metadata or Object; definitions: a watch tells its columns once.
    """
    shown = columns(kind)
    rows = [{"cells": [column.cell(item, now) for column in shown], **_object(item, include)} for item in items]
    defined = {"columnDefinitions": [column.definition() for column in shown] if definitions else None}
    return {"kind": "Table", "apiVersion": META, "metadata": dict(metadata), **defined, "rows": rows}


def partial(resource: Resource) -> Resource:
    """Return an object's metadata alone."""
    return {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": resource["metadata"]}


def _object(item: Resource, include: str) -> dict[str, Resource]:
    if include == "None":
        return {}
    return {"object": item if include == "Object" else partial(item)}
