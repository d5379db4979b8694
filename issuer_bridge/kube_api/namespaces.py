"""Namespaces: those that every cluster has, and what may be created in one.

Sources: pkg/registry/core/namespace, plugin/pkg/admission/namespace/lifecycle.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from issuer_bridge.kube_api.deletion import is_deleting
from issuer_bridge.kube_api.object_meta import created, new_uid
from issuer_bridge.kube_api.statuses import forbidden_request, not_found
from issuer_bridge.resources import NAMESPACE, Kind, Resource

FIRST = ("default", "kube-system", "kube-public", "kube-node-lease")
_IMMORTAL = FIRST[:3]


def first(name: str, now: datetime) -> Resource:
    """Return a namespace of the beginning: its uid is made from its name, so that no randomness is spent on it."""
    uid = new_uid(lambda size: hashlib.sha256(f"namespace/{name}".encode()).digest()[:size])
    return created(NAMESPACE, {}, name, uid, now)


def check_open(kind: Kind, name: str, namespace: str, found: Resource | None) -> None:
    """Raise 404 when the namespace does not exist, 403 when it is being deleted."""
    if found is None:
        raise not_found(NAMESPACE, namespace)
    if is_deleting(found):
        text = f"unable to create new content in namespace {namespace} because it is being terminated"
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise forbidden_request(kind, name, text, [cause])


def check_mortal(kind: Kind, name: str) -> None:
    """Raise 403 when the object must not be deleted."""
    if kind == NAMESPACE and name in _IMMORTAL:
        raise forbidden_request(kind, name, "this namespace may not be deleted")


def emptied(namespace: Resource) -> Resource:
    """Return the namespace without the finalizer that stands for its contents."""
    return {**namespace, "spec": {key: value for key, value in namespace["spec"].items() if key != "finalizers"}}
