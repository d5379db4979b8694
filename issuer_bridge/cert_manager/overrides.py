"""What annotations of an Order change in its http01 solvers (upstream `pkg/controller/acmeorders/util.go`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from issuer_bridge.resources import Resource

PREFIX = "acme.cert-manager.io/http01-"
# The field of an Ingress solver that each annotation sets, in place of all three.
INGRESS: Mapping[str, str] = {
    f"{PREFIX}override-ingress-name": "name",
    f"{PREFIX}override-ingress-class": "class",
    f"{PREFIX}override-ingress-ingressclassname": "ingressClassName",
}
PARENT = f"{PREFIX}parentref"


def overridden(solver: Mapping[str, Any], order: Resource) -> dict[str, Any]:
    """Return the solver as the Order's annotations want it; ValueError when they contradict each other."""
    annotations = order["metadata"].get("annotations") or {}
    http01 = dict(solver.get("http01") or {})
    if isinstance(http01.get("ingress"), Mapping):
        http01["ingress"] = _ingress(http01["ingress"], annotations)
    if isinstance(http01.get("gatewayHTTPRoute"), Mapping):
        http01["gatewayHTTPRoute"] = _route(http01["gatewayHTTPRoute"], annotations, order["metadata"]["namespace"])
    return {**solver, "http01": http01} if http01 else dict(solver)


def _ingress(ingress: Mapping[str, Any], annotations: Mapping[str, str]) -> dict[str, Any]:
    found = {field: annotations[name] for name, field in INGRESS.items() if name in annotations}
    if len(found) > 1:
        raise ValueError("may not specify more than one of: name, class, ingressClassName override annotations")
    kept = {field: value for field, value in ingress.items() if field not in INGRESS.values()}
    return {**kept, **found} if found else dict(ingress)


def _route(route: Mapping[str, Any], annotations: Mapping[str, str], namespace: str) -> dict[str, Any]:
    name, kind = annotations.get(f"{PARENT}name"), annotations.get(f"{PARENT}kind")
    if (name is None) != (kind is None):
        raise ValueError("cannot specify only one of parentRefName, parentRefKind override annotations")
    parents = list(route.get("parentRefs") or ())
    if name is not None:
        namespace = annotations.get(f"{PARENT}namespace") or namespace
        wanted = {"kind": kind, "namespace": namespace, "name": name}
        # A parent without a kind counts as one of any kind.
        others = [parent for parent in parents if {key: {"kind": kind, **parent}.get(key) for key in wanted} != wanted]
        parents = [*others, wanted]
    if not parents:
        raise ValueError("must specify parentRefs either through annotations or solver config")
    return {**route, "parentRefs": parents}
