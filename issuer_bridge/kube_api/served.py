"""Which kinds a store serves: those that it was built with, and those that its CRDs define."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from issuer_bridge.conditions import is_true
from issuer_bridge.kube_api.definitions import ESTABLISHED, kinds_of
from issuer_bridge.kube_api.deletion import is_deleting
from issuer_bridge.kube_api.paths import BUILT_IN, Place
from issuer_bridge.resources import ApiError, Kind, Resource


class Served:
    """The kinds by their place in a path; `documents` is room for what is computed from all of them."""

    def __init__(self) -> None:
        self._defined: dict[str, tuple[Kind, ...]] = {}
        self._terminating: dict[Kind, str] = {}
        self._gather()

    def _gather(self) -> None:
        self.documents: dict[str, Any] = {}
        defined = [kind for kinds in self._defined.values() for kind in kinds]
        self.places: Mapping[Place, Kind] = BUILT_IN | {
            (kind.group, kind.version, kind.plural): kind for kind in defined
        }
        self.kinds = tuple(self.places.values())
        # Of several versions the preferred one stands for all.
        self._preferred = {kind: kind for kind in reversed(defined)}

    def define(self, crd: Resource) -> None:
        """Serve what a CRD defines, as soon as it has its names."""
        name = crd["metadata"]["name"]
        self._defined[name] = tuple(kinds_of(crd)) if is_true(crd, ESTABLISHED) else ()
        if is_deleting(crd):
            self._terminating |= dict.fromkeys(self._defined[name], crd["metadata"]["uid"])
        self._gather()

    def forget(self, crd: Resource) -> None:
        """Serve no longer what a CRD defined."""
        for kind in self._defined.pop(crd["metadata"]["name"], ()):
            self._terminating.pop(kind, None)
        self._gather()

    def defined_by(self, crd: Resource) -> tuple[Kind, ...]:
        """Return what is served because of a CRD, a kind for each version."""
        return self._defined.get(crd["metadata"]["name"], ())

    def known(self, kind: Kind) -> Kind:
        """Return the kind with its definition, where a CRD has one."""
        return kind if kind.definition else self._preferred.get(kind, kind)

    def serves(self, api_version: Any, name: Any) -> bool:
        """Whether objects of an apiVersion and kind could be here."""
        return any((kind.api_version, kind.kind) == (api_version, name) for kind in self.kinds)

    def waiting(self, kind: Kind) -> str | None:
        """Return the uid of the CRD that is being deleted until no object of the kind is left."""
        return self._terminating.get(kind)

    def check_open(self, kind: Kind) -> None:
        """Raise 405 when the kind's CRD is being deleted."""
        if kind in self._terminating:
            text = "create not allowed while custom resource definition is terminating"
            raise ApiError(405, "MethodNotAllowed", text)
