"""`spec.selector` of a policy: which requests it is about (approver-policy `approver/manager/predicate`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from issuer_bridge.policy.wildcards import contains, matches
from issuer_bridge.references import GROUP
from issuer_bridge.resources import ISSUER, Resource

Labels: TypeAlias = Callable[[], Mapping[str, str]]
"""The labels of a request's namespace; LookupError when there is no such namespace."""


def unselected(policy: Resource, request: Resource, labels: Labels) -> str | None:
    """Say why a policy is not about a request, or None; no selector selects everything."""
    selector = policy["spec"].get("selector") or {}
    issuer = selector.get("issuerRef")
    if issuer is not None and not _names(issuer, request["spec"]["issuerRef"]):
        return "its issuerRef selects other issuers"
    if not selects_namespace(policy, request["metadata"]["namespace"], labels):
        return "its namespace selector selects other namespaces"
    return None


def selects_namespace(policy: Resource, name: str, labels: Labels) -> bool:
    """Whether a policy is about a namespace: one of its names and all of its labels."""
    wanted = (policy["spec"].get("selector") or {}).get("namespace") or {}
    names = wanted.get("matchNames") or ()
    if names and not contains(names, name):
        return False
    return wanted.get("matchLabels") is None or bool(wanted["matchLabels"].items() <= labels().items())


def _names(wanted: Mapping[str, str], reference: Mapping[str, str]) -> bool:
    """What is left out of the selector is any; what the request leaves out is cert-manager's default."""
    meant = {
        "name": reference["name"],
        "kind": reference.get("kind") or ISSUER.kind,
        "group": reference.get("group") or GROUP,
    }
    return all(wanted.get(part) is None or matches(wanted[part], value) for part, value in meant.items())
