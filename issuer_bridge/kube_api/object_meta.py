"""Kubernetes' object metadata: who gives an object its name, uid, versions and times.

Pure functions from what a client sent, and what is stored, to what will be
stored. What the client sent is copied; what is stored is shared, since it is
never changed in place.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Container, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from acme_server.protocol.driver import Entropy
from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.core_schemas import WEBHOOKS
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.schema_check import fill_defaults
from issuer_bridge.resources import (
    CERTIFICATE_SIGNING_REQUEST,
    CUSTOM_RESOURCE_DEFINITION,
    EVENT,
    NAMESPACE,
    SECRET,
    VALIDATING_WEBHOOKS,
    Kind,
    Resource,
)

# Without vowels and look-alikes: staging/src/k8s.io/apimachinery/pkg/util/rand/rand.go.
NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
NAME_SUFFIX = 5
# A generated name is at most a DNS label: apiserver/pkg/storage/names/generate.go.
MAX_GENERATED = 63
# So often is another generated name tried: apiserver/pkg/registry/generic/registry/store.go.
_NAME_ATTEMPTS = 8

# What only the server sets; what a client sends of it is dropped.
SYSTEM_FIELDS = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "managedFields",
)
# What identifies an object and therefore never changes; what only a deletion or a tracked write changes.
IDENTITY_FIELDS = ("name", "namespace", "generateName", "uid", "creationTimestamp", "generation", "resourceVersion")
_KEPT_FIELDS = frozenset((*IDENTITY_FIELDS, "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"))


def new_uid(entropy: Entropy) -> str:
    """Return a UUID of version 4 (RFC 9562 section 5.4)."""
    octets = bytearray(entropy(16))
    octets[6] = octets[6] & 0x0F | 0x40
    octets[8] = octets[8] & 0x3F | 0x80
    text = octets.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def generated_name(prefix: str, entropy: Entropy) -> str:
    """Return the prefix with five random characters."""
    suffix = "".join(NAME_ALPHABET[octet % len(NAME_ALPHABET)] for octet in entropy(NAME_SUFFIX))
    return prefix[: MAX_GENERATED - NAME_SUFFIX] + suffix


def name_for(kind: Kind, resource: Resource, taken: Container[tuple[str, str]], entropy: Entropy) -> str:
    """Return the name that a new object has, or one that is made from generateName, and free if chance allows."""
    metadata = resource["metadata"]
    name: str = metadata.get("name") or ""
    prefix = metadata.get("generateName")
    if name or not prefix or not isinstance(prefix, str):
        return name
    namespace = object_key(kind, resource)[0]
    for _ in range(_NAME_ATTEMPTS):
        name = generated_name(prefix, entropy)
        if (namespace, name) not in taken:
            break
    return name


def has_generation(kind: Kind) -> bool:
    """Whether the server counts the changes of the spec: for what is custom or has a status, with old exceptions."""
    return (kind.status or kind.custom) and bool(kind.group) and kind != CERTIFICATE_SIGNING_REQUEST


def object_key(kind: Kind, resource: Mapping[str, Any]) -> tuple[str, str]:
    """Return (namespace, name); the namespace of a cluster-wide kind is ""."""
    metadata = resource["metadata"]
    return (metadata.get("namespace") or "default") if kind.namespaced else "", metadata.get("name") or ""


def created(kind: Kind, sent: Resource, name: str, uid: str, now: datetime) -> Resource:
    """Return what a POST stores, but for its resourceVersion: no status, the server's metadata."""
    resource = _with_type(kind, sent)
    if kind.status:
        resource.pop("status", None)
    metadata = _client_metadata(sent, SYSTEM_FIELDS)
    metadata["name"] = name
    metadata.pop("namespace", None)
    if kind.namespaced:
        metadata["namespace"] = object_key(kind, sent)[0]
    metadata["uid"] = uid
    metadata["creationTimestamp"] = rfc3339(now)
    if has_generation(kind):
        metadata["generation"] = 1
    resource["metadata"] = metadata
    _fill(kind, resource)
    return resource


def updated(kind: Kind, stored: Resource, sent: Resource) -> Resource:
    """Return what a PUT stores: the client's labels, annotations, owners and spec; the stored status and identity."""
    resource = _with_type(kind, sent)
    metadata = _client_metadata(sent, (*SYSTEM_FIELDS, *IDENTITY_FIELDS))
    metadata.update({key: value for key, value in stored["metadata"].items() if key in _KEPT_FIELDS})
    resource["metadata"] = metadata
    _fill(kind, resource)
    if kind in (NAMESPACE, CERTIFICATE_SIGNING_REQUEST):
        resource["spec"] = stored["spec"]
    if kind.status:
        resource.pop("status", None)
        if "status" in stored:
            resource["status"] = stored["status"]
    if has_generation(kind) and _content(kind, resource) != _content(kind, stored):
        metadata["generation"] = stored["metadata"].get("generation", 0) + 1
    return resource


def with_status(stored: Resource, sent: Resource) -> Resource:
    """Return what a PUT of /status stores: the stored object with the client's status."""
    resource = {key: value for key, value in stored.items() if key != "status"}
    resource["metadata"] = dict(stored["metadata"])
    if sent.get("status") is not None:
        resource["status"] = copy_json(sent["status"])
    return resource


def with_version(resource: Resource, version: int) -> Resource:
    """Stamp the resourceVersion onto an object that is not shared yet."""
    resource["metadata"]["resourceVersion"] = str(version)
    return resource


def owner_uids(resource: Resource) -> list[str]:
    """Return the uids that the owner references name."""
    return [str(owner["uid"]) for owner in resource["metadata"].get("ownerReferences") or () if "uid" in owner]


def _with_type(kind: Kind, sent: Resource) -> Resource:
    version = kind.definition.stored_as if kind.definition else kind.api_version
    return {"apiVersion": version, "kind": kind.kind} | {
        key: copy_json(value) for key, value in sent.items() if key not in ("apiVersion", "kind", "metadata")
    }


def _fill(kind: Kind, resource: Resource) -> None:
    """Add what the server adds to every object of a kind."""
    if kind.definition:
        fill_defaults(kind.definition.schema, resource)
    elif kind in _FILLED:
        _FILLED[kind](resource)


def _fill_secret(resource: Resource) -> None:
    """Move stringData, which is only ever written, into data; what is no text stays, for validation to refuse."""
    resource.setdefault("type", "Opaque")
    plain, data = resource.get("stringData") or {}, resource.get("data") or {}
    if isinstance(data, dict) and isinstance(plain, dict) and all(isinstance(text, str) for text in plain.values()):
        resource.pop("stringData", None)
        encoded = {key: base64.b64encode(text.encode()).decode("ascii") for key, text in plain.items()}
        if encoded:
            resource["data"] = data | encoded


def _fill_namespace(resource: Resource) -> None:
    """Label it with its name, and let it wait for its contents when it is deleted; validation refuses what is odd."""
    metadata = resource["metadata"]
    if isinstance(labels := metadata.get("labels", {}), dict):
        metadata["labels"] = labels | {"kubernetes.io/metadata.name": metadata["name"]}
    resource.setdefault("status", {"phase": "Active"})
    resource["spec"] = {"finalizers": ["kubernetes"]}


def _fill_event(resource: Resource) -> None:
    """Show what a typed client always writes (pkg/apis/core/v1: no omitempty)."""
    for name in ("eventTime", "firstTimestamp", "lastTimestamp"):
        resource.setdefault(name, None)
    for name in ("reportingComponent", "reportingInstance"):
        resource.setdefault(name, "")


def _fill_definition(resource: Resource) -> None:
    """Name what a CRD leaves to its kind (apiextensions/v1/defaults.go)."""
    spec = resource.get("spec")
    names = spec.get("names") if isinstance(spec, dict) else None
    if isinstance(spec, dict) and isinstance(names, dict) and isinstance(kind := names.get("kind"), str):
        spec["names"] = {"singular": kind.lower(), "listKind": f"{kind}List"} | names
        spec.setdefault("conversion", {"strategy": "None"})


_FILLED: Mapping[Kind, Callable[[Resource], None]] = {
    SECRET: _fill_secret,
    NAMESPACE: _fill_namespace,
    EVENT: _fill_event,
    CUSTOM_RESOURCE_DEFINITION: _fill_definition,
    VALIDATING_WEBHOOKS: partial(fill_defaults, WEBHOOKS),
}


def _client_metadata(sent: Resource, dropped: Iterable[str]) -> dict[str, Any]:
    """Return what the client says of metadata; empty maps and lists are as good as absent."""
    without = frozenset(dropped)
    return {
        key: copy_json(value)
        for key, value in (sent.get("metadata") or {}).items()
        if key not in without and value not in (None, "", {}, [])
    }


def _content(kind: Kind, resource: Resource) -> dict[str, Any]:
    """Return what makes a new generation when it changes."""
    without = ("metadata", "status") if kind.status else ("metadata",)
    return {key: value for key, value in resource.items() if key not in without}
