"""Kubernetes' resource paths: `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/status` and shorter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import unquote

import attrs

from issuer_bridge.resources import KINDS, Kind

Place: TypeAlias = tuple[str, str, str]
BUILT_IN: dict[Place, Kind] = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}


@attrs.frozen
class Target:
    """What a path names: a collection (no name), an object, or its status.

    namespace: None for the collection of all namespaces, "" for cluster-wide kinds.
    """

    kind: Kind
    namespace: str | None
    name: str = ""
    subresource: str = ""


def segments(path: str) -> list[str]:
    """Split a raw path and decode its parts."""
    return [unquote(part) for part in path.split("/") if part]


def parse_target(path: str, kinds: Mapping[Place, Kind] = BUILT_IN) -> Target | None:
    """Read the path of a resource; None when there is no such resource. kinds: by group, version and plural."""
    match segments(path):
        case ["api", version, *rest]:
            return _target(kinds, "", version, rest)
        case ["apis", group, version, *rest]:
            return _target(kinds, group, version, rest)
    return None


def _target(kinds: Mapping[Place, Kind], group: str, version: str, rest: Sequence[str]) -> Target | None:
    namespace = None
    if len(rest) > 2 and rest[0] == "namespaces" and (group or rest[2] != "status"):
        namespace, rest = rest[1], rest[2:]
    if not 1 <= len(rest) <= 3:
        return None
    plural, name, subresource = [*rest, "", ""][:3]
    kind = kinds.get((group, version, plural))
    if kind is None or not _fits(kind, namespace, name) or subresource not in ("", "status"):
        return None
    if subresource and not kind.status:
        return None
    return Target(kind, namespace if kind.namespaced else "", name, subresource)


def _fits(kind: Kind, namespace: str | None, name: str) -> bool:
    """An object of a namespaced kind is named with its namespace; a cluster-wide one has none."""
    return (namespace is not None or not name) if kind.namespaced else namespace is None
