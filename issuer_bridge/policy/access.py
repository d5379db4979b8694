"""Who may use a policy: one question, answered by the roles in the embedded store or by a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from acme_server.protocol.vantage import Inquiry
from issuer_bridge.cluster import calls
from issuer_bridge.kube_api.rbac import Attributes, allowed
from issuer_bridge.kube_api.reviews import SUBJECT_ACCESS
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import User
from issuer_bridge.resources import Resource, Resources

Access: TypeAlias = Callable[[User, Attributes], Inquiry[bool]]
"""Whether a user may do something; ApiError when nobody can tell."""


def access_of(resources: Resources) -> Access:
    """Return who answers for these resources."""
    return by_roles(resources) if isinstance(resources, EmbeddedStore) else by_review


def by_roles(store: EmbeddedStore) -> Access:
    """Ask the roles and bindings of a store."""

    def ask(user: User, asked: Attributes) -> Inquiry[bool]:
        yield from ()
        return allowed(store, user, asked) is not None

    return ask


def by_review(user: User, asked: Attributes) -> Inquiry[bool]:
    """Ask the cluster, with a SubjectAccessReview."""
    attributes = {
        name: getattr(asked, name)
        for name in ("verb", "group", "resource", "namespace", "name")
        if getattr(asked, name)
    }
    spec: dict[str, Any] = {
        "user": user.name,
        "groups": list(user.groups),
        "uid": user.uid,
        "extra": {name: list(values) for name, values in user.extra.items()},
        "resourceAttributes": attributes,
    }
    answer = yield from calls.create(
        SUBJECT_ACCESS, {"metadata": {}, "spec": {name: value for name, value in spec.items() if value}}
    )
    return bool((answer.get("status") or {}).get("allowed"))


def requester(request: Resource) -> User:
    """Return the user that the API recorded when a request was created; usually cert-manager's own service account."""
    spec = request["spec"]
    extra = {name: tuple(values) for name, values in (spec.get("extra") or {}).items()}
    return User(spec.get("username") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)
