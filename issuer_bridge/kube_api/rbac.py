"""What a user may do, by the roles and bindings in the store (plugin/pkg/auth/authorizer/rbac)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from issuer_bridge.kube_api.statuses import quoted
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import AUTHENTICATED, MASTERS, UNAUTHENTICATED, User, account_of
from issuer_bridge.resources import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    ApiError,
    Resource,
)

_PUBLIC = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_PROBES = ("/healthz/*", "/livez/*", "/readyz/*")
_DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*")
_EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
_EVERY_PATH = {"verbs": ["*"], "nonResourceURLs": ["*"]}
_SELF = {
    "authorization.k8s.io": ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    "authentication.k8s.io": ("selfsubjectreviews",),
}


def _paths(*paths: str) -> dict[str, Any]:
    return {"verbs": ["get"], "nonResourceURLs": list(paths)}


# What a cluster's own bindings give to everybody: system:public-info-viewer, -discovery, -basic-user, cluster-admin.
_BUILT_IN: Mapping[str, tuple[dict[str, Any], ...]] = {
    MASTERS: (_EVERYTHING, _EVERY_PATH),
    UNAUTHENTICATED: (_paths(*_PUBLIC),),
    AUTHENTICATED: (
        _paths(*_PUBLIC, *_PROBES, *_DISCOVERY),
        *({"verbs": ["create"], "apiGroups": [group], "resources": list(names)} for group, names in _SELF.items()),
    ),
}


@attrs.frozen
class Attributes:
    """What is to be done: to a resource, or (`path`) to what is none. namespace "": in all of them."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


def allowed(store: EmbeddedStore, user: User, asked: Attributes) -> str | None:
    """Return why the user may ("" where Kubernetes gives no reason), or None."""
    for reason, rule in rules(store, user, asked.namespace):
        if _permits(rule, asked):
            return reason
    return None


def check(store: EmbeddedStore, user: User, asked: Attributes) -> None:
    """Raise 403 when the user may not."""
    if MASTERS in user.groups or allowed(store, user, asked) is not None:
        return
    if asked.path:
        text = f"forbidden: User {quoted(user.name)} cannot {asked.verb} path {quoted(asked.path)}"
        raise ApiError(403, "Forbidden", text)
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    subject = f"{qualified} {quoted(asked.name)}" if asked.name else qualified
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f"in the namespace {quoted(asked.namespace)}" if asked.namespace else "at the cluster scope"
    text = (
        f"{subject} is forbidden: User {quoted(user.name)} cannot {asked.verb} resource {quoted(resource)} "
        f"in API group {quoted(asked.group)} {where}"
    )
    details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
    raise ApiError(403, "Forbidden", text, {key: value for key, value in details.items() if value})


def rules(store: EmbeddedStore, user: User, namespace: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every rule that holds for the user in a namespace, with the binding that gives it."""
    for group in user.groups:
        for rule in _BUILT_IN.get(group, ()):
            yield "", rule
    bindings = store.list(CLUSTER_ROLE_BINDING)
    for binding in bindings + (store.list(ROLE_BINDING, namespace) if namespace else []):
        subject = next((item for item in binding.get("subjects") or () if _is(item, user, namespace)), None)
        if subject is not None:
            reason = _reason(binding, subject, namespace)
            for rule in _role(store, binding).get("rules") or ():
                yield reason, rule


def _is(subject: Mapping[str, Any], user: User, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case "ServiceAccount":
            return account_of(user.name) == (subject.get("namespace") or namespace, subject["name"])
    return False


def _role(store: EmbeddedStore, binding: Resource) -> Resource:
    reference, namespace = binding["roleRef"], binding["metadata"].get("namespace", "")
    if reference["kind"] == ROLE.kind:
        return (store.get(ROLE, namespace, reference["name"]) if namespace else None) or {}
    return store.get(CLUSTER_ROLE, "", reference["name"]) or {}


def _reason(binding: Resource, subject: Mapping[str, Any], namespace: str) -> str:
    name, reference, who = binding["metadata"]["name"], binding["roleRef"], subject["name"]
    if binding["metadata"].get("namespace"):
        name = f"{name}/{binding['metadata']['namespace']}"
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or namespace}"
    role = f"{reference['kind']} {quoted(reference['name'])}"
    return f"RBAC: allowed by {binding['kind']} {quoted(name)} of {role} to {subject['kind']} {quoted(who)}"


def _permits(rule: Mapping[str, Any], asked: Attributes) -> bool:
    if not _has(rule, "verbs", asked.verb):
        return False
    if asked.path:
        return any(_covers(path, asked.path) for path in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames") or ()
    full = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    wild = asked.subresource and f"*/{asked.subresource}" in (rule.get("resources") or ())
    return (
        _has(rule, "apiGroups", asked.group)
        and bool(wild or _has(rule, "resources", full))
        and (not names or asked.name in names)
    )


def _has(rule: Mapping[str, Any], field: str, value: str) -> bool:
    values = rule.get(field) or ()
    return "*" in values or value in values


def _covers(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern[:-1]))
