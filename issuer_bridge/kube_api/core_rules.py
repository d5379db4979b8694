"""Rules of Kubernetes' own kinds that no schema says (pkg/apis/core/validation): Secrets, ConfigMaps, Events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from issuer_bridge.kube_api.statuses import Cause, forbidden, invalid_value, quoted, required
from issuer_bridge.resources import CONFIG_MAP, EVENT, SECRET, Kind, Resource

Rule: TypeAlias = Callable[[Resource], Iterator[Cause]]
UpdateRule: TypeAlias = Callable[[Resource, Resource], Iterator[Cause]]

_SECRET_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _secret_keys(resource: Resource) -> Iterator[Cause]:
    data = resource.get("data") or {}
    for key in _SECRET_KEYS.get(resource.get("type", ""), ()):
        if key not in data:
            yield required(f"data[{key}]")


def _type_stays(stored: Resource, resource: Resource) -> Iterator[Cause]:
    if resource.get("type") != stored.get("type"):
        yield invalid_value("type", quoted(str(resource.get("type", ""))), "field is immutable")


def _immutable_stays(stored: Resource, resource: Resource) -> Iterator[Cause]:
    if stored.get("immutable"):
        for field in ("immutable", "data", "binaryData"):
            if (resource.get(field) or None) != (stored.get(field) or None):
                yield forbidden(field, "field is immutable when `immutable` is set")


def _event_namespace(resource: Resource) -> Iterator[Cause]:
    theirs = (resource.get("involvedObject") or {}).get("namespace")
    # Events on cluster-wide objects are kept in the default namespace.
    if (theirs or "default") != resource["metadata"].get("namespace", "default"):
        yield invalid_value("involvedObject.namespace", quoted(theirs or ""), "does not match event.namespace")


CORE_RULES: Mapping[Kind, tuple[Rule, ...]] = {SECRET: (_secret_keys,), EVENT: (_event_namespace,)}
CORE_UPDATE_RULES: Mapping[Kind, tuple[UpdateRule, ...]] = {
    SECRET: (_immutable_stays, _type_stays),
    CONFIG_MAP: (_immutable_stays,),
}
