"""Kubernetes' resource paths: `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/status` and shorter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from urllib.parse import unquote

import attrs

from issuer_bridge.resources import CERTIFICATE_SIGNING_REQUEST, EVENT, EVENT_VIEW, KINDS, Kind

Place: TypeAlias = tuple[str, str, str]
BUILT_IN: dict[Place, Kind] = {(kind.group, kind.version, kind.plural): kind for kind in (*KINDS, EVENT_VIEW)}


@attrs.frozen
class Target:
    """What a path names: a collection (no name), an object, or a part of it.

    namespace: None for the collection of all namespaces, "" for cluster-wide kinds; view: the kind that the objects
    are shown as, if it is another one.
    """

    kind: Kind
    namespace: str | None
    name: str = ""
    subresource: str = ""
    view: Kind | None = None

    @property
    def asked(self) -> Kind:
        """The kind that the path names."""
        return self.view or self.kind


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
    if kind is None or not _fits(kind, namespace, name) or subresource not in ("", *subresources(kind)):
        return None
    stored, view = (EVENT, kind) if kind == EVENT_VIEW else (kind, None)
    return Target(stored, namespace if kind.namespaced else "", name, subresource, view)


def subresources(kind: Kind) -> tuple[str, ...]:
    """Return the parts of an object that have a path of their own."""
    return _SUBRESOURCES.get(kind, ("status",) if kind.status else ())


_SUBRESOURCES: Mapping[Kind, tuple[str, ...]] = {CERTIFICATE_SIGNING_REQUEST: ("approval", "status")}


def _fits(kind: Kind, namespace: str | None, name: str) -> bool:
    """An object of a namespaced kind is named with its namespace; a cluster-wide one has none."""
    return (namespace is not None or not name) if kind.namespaced else namespace is None
