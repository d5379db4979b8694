"""Reviews: objects that are never stored, whose creation answers who somebody is and what they may do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from acme_server.protocol.times import rfc3339
from issuer_bridge.kube_api.account_tokens import account_with
from issuer_bridge.kube_api.bodies import check_type, read_object
from issuer_bridge.kube_api.paths import segments
from issuer_bridge.kube_api.rbac import Attributes, allowed, rules
from issuer_bridge.kube_api.rest import Answer, Call
from issuer_bridge.kube_api.statuses import bad_request, invalid, invalid_value, quoted
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import Access, User
from issuer_bridge.resources import Kind, Resource

AUTHORIZATION, AUTHENTICATION = "authorization.k8s.io", "authentication.k8s.io"


def _kind(group: str, kind: str, *, namespaced: bool = False) -> Kind:
    return Kind(group, "v1", kind, f"{kind.lower()}s", namespaced)


SUBJECT_ACCESS = _kind(AUTHORIZATION, "SubjectAccessReview")
LOCAL_ACCESS = _kind(AUTHORIZATION, "LocalSubjectAccessReview", namespaced=True)
SELF_ACCESS = _kind(AUTHORIZATION, "SelfSubjectAccessReview")
SELF_RULES = _kind(AUTHORIZATION, "SelfSubjectRulesReview")
SELF = _kind(AUTHENTICATION, "SelfSubjectReview")
TOKEN = _kind(AUTHENTICATION, "TokenReview")


@attrs.frozen
class Asked:
    """A review: its spec, who asks, and the namespace of the path."""

    store: EmbeddedStore
    access: Access
    user: User
    spec: Mapping[str, Any]
    namespace: str


def review_kind(call: Call) -> tuple[Kind, str] | None:
    """Return the kind of review that a path is of, and its namespace ("" for none)."""
    match segments(call.path):
        case ["apis", group, "v1", plural]:
            namespace = ""
        case ["apis", group, "v1", "namespaces", namespace, plural]:
            pass
        case _:
            return None
    found = (kind for kind in REVIEWS if (kind.group, kind.plural, kind.namespaced) == (group, plural, bool(namespace)))
    kind = next(found, None)
    return None if kind is None else (kind, namespace)


def review(store: EmbeddedStore, access: Access, user: User, call: Call, kind: Kind, namespace: str) -> Answer:
    """Answer the creation of a review."""
    sent = read_object(call.content_type, call.body, kind)
    check_type(kind, sent)
    spec = sent.get("spec") or {}
    if not isinstance(spec, dict):
        raise bad_request(f"the spec of a {kind.kind} is an object")
    status = REVIEWS[kind](Asked(store, access, user, spec, namespace))
    metadata = {"creationTimestamp": rfc3339(store.clock())} if kind == SELF else {}
    about = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
    return Answer(201, about | ({"spec": spec} if spec else {}) | {"status": status})


def _subject_access(asked: Asked) -> Resource:
    spec = asked.spec
    name, groups = spec.get("user") or "", spec.get("groups") or []
    if not name and not groups:
        raise invalid(AUTHORIZATION, "SubjectAccessReview", "", [invalid_value(*_NOBODY)])
    if not isinstance(name, str) or not isinstance(groups, list):
        raise bad_request("user is a text, and groups are a list of texts")
    return _access(asked, User(name, tuple(map(str, groups))))


_NOBODY = ("spec.user", '""', "at least one of user or group must be specified")


def _self_access(asked: Asked) -> Resource:
    return _access(asked, asked.user)


def _access(asked: Asked, user: User) -> Resource:
    attributes = _attributes(asked)
    if asked.namespace and attributes.namespace != asked.namespace:
        raise bad_request(f"spec.resourceAttributes.namespace must be {quoted(asked.namespace)}")
    reason = allowed(asked.store, user, attributes)
    return {"allowed": reason is not None} | ({"reason": reason} if reason else {})


def _attributes(asked: Asked) -> Attributes:
    resource, other = asked.spec.get("resourceAttributes"), asked.spec.get("nonResourceAttributes")
    given = resource if isinstance(resource, dict) else other
    if not isinstance(given, dict) or (resource and other):
        raise bad_request("exactly one of resourceAttributes and nonResourceAttributes must be specified")
    names = ("path",) if given is other else ("group", "resource", "subresource", "namespace", "name")
    values = {name: given.get(name) or "" for name in ("verb", *names)}
    if not all(isinstance(value, str) for value in values.values()):
        raise bad_request("the attributes of a review are texts")
    return Attributes(**values)


def _self_rules(asked: Asked) -> Resource:
    namespace = asked.spec.get("namespace")
    if not namespace or not isinstance(namespace, str):
        raise bad_request("no namespace on request")
    found = [rule for _, rule in rules(asked.store, asked.user, namespace)]
    return {
        "resourceRules": [rule for rule in found if "nonResourceURLs" not in rule],
        "nonResourceRules": [rule for rule in found if "nonResourceURLs" in rule],
        "incomplete": False,
    }


def _self(asked: Asked) -> Resource:
    return {"userInfo": _info(asked.user)}


def _token(asked: Asked) -> Resource:
    return token_status(asked.store, asked.access, asked.spec.get("token"))


def token_status(store: EmbeddedStore, access: Access, token: Any) -> Resource:
    """Return the status of a TokenReview."""
    user = None
    if isinstance(token, str):
        user = access.known(token) or account_with(store, access, token)
    return {"authenticated": True, "user": _info(user)} if user else {"user": {}, "error": "invalid bearer token"}


def _info(user: User) -> Resource:
    told = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    return {name: value for name, value in told.items() if value}


REVIEWS: Mapping[Kind, Callable[[Asked], Resource]] = {
    SUBJECT_ACCESS: _subject_access,
    LOCAL_ACCESS: _subject_access,
    SELF_ACCESS: _self_access,
    SELF_RULES: _self_rules,
    SELF: _self,
    TOKEN: _token,
}
