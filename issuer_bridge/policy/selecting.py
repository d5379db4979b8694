"""`spec.selector` of a policy: which requests it is about (approver-policy `approver/manager/predicate`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from issuer_bridge.policy.wildcards import contains, matches
from issuer_bridge.references import GROUP
from issuer_bridge.resources import ISSUER, Resource

Labels: TypeAlias = Callable[[], Mapping[str, str]]
"""The labels of a request's namespace; LookupError when there is no such namespace."""


def unselected(policy: Resource, request: Resource, labels: Labels) -> str | None:
    """Say why a policy is not about a request, or None; no selector selects everything."""
    selector = policy["spec"].get("selector") or {}
    issuer, namespace = selector.get("issuerRef"), selector.get("namespace")
    if issuer is not None and not _names(issuer, request["spec"]["issuerRef"]):
        return "its issuerRef selects other issuers"
    if namespace is not None and not _holds(namespace, request["metadata"]["namespace"], labels):
        return "its namespace selector selects other namespaces"
    return None


def _names(wanted: Mapping[str, str], reference: Mapping[str, str]) -> bool:
    """What is left out of the selector is any; what the request leaves out is cert-manager's default."""
    meant = {
        "name": reference["name"],
        "kind": reference.get("kind") or ISSUER.kind,
        "group": reference.get("group") or GROUP,
    }
    return all(wanted.get(part) is None or matches(wanted[part], value) for part, value in meant.items())


def _holds(wanted: Mapping[str, Any], namespace: str, labels: Labels) -> bool:
    names = wanted.get("matchNames") or ()
    if names and not contains(names, namespace):
        return False
    return wanted.get("matchLabels") is None or wanted["matchLabels"].items() <= labels().items()
