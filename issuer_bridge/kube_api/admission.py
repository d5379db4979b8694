"""Validating admission webhooks: which are asked about a write, what they are asked, and what their answers mean.

Source: apiserver/pkg/admission/plugin/webhook. What the bridge writes through the port is not asked about, and nothing
is behind a Service here, so that a webhook has a URL, on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from acme_server.protocol.driver import Entropy
from issuer_bridge.kube_api.object_meta import new_uid
from issuer_bridge.kube_api.paths import Target, parse_target
from issuer_bridge.kube_api.rest import Answer, Call, in_version
from issuer_bridge.kube_api.selectors import matches_labels
from issuer_bridge.kube_api.serving import rehearse
from issuer_bridge.kube_api.statuses import bad_request, quoted
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import Access, User
from issuer_bridge.resources import NAMESPACE, VALIDATING_WEBHOOKS, ApiError, Kind, Resource

REVIEW = "admission.k8s.io/v1"
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_SAFE_EFFECTS = ("None", "NoneOnDryRun")


@attrs.frozen
class Question:
    """One call of a webhook; ca: PEM to trust, "" for the system's; ignored: a failure of the call is none."""

    webhook: str
    url: str
    ca: str
    seconds: int
    ignored: bool
    review: Resource = attrs.field(repr=False)


@attrs.frozen
class _Write:
    """What is about to happen to one object, and to what it was."""

    target: Target
    user: User
    operation: str
    resource: Resource | None
    stored: Resource | None
    dry: bool

    @property
    def known(self) -> Resource:
        found = self.resource if self.resource is not None else self.stored
        return found or {"metadata": {}}


def questions(store: EmbeddedStore, call: Call, access: Access, entropy: Entropy) -> list[Question]:
    """Return what is to be asked before a request is answered; usually nothing."""
    if call.method not in _WRITES or not store.shared(VALIDATING_WEBHOOKS):
        return []
    target = parse_target(call.path, store.served.places)
    if target is None or target.kind == VALIDATING_WEBHOOKS:
        return []
    webhooks = [webhook for item in store.shared(VALIDATING_WEBHOOKS) for webhook in item.get("webhooks") or ()]
    return [
        _question(webhook, write, entropy)
        for write in _writes(store, target, call, access)
        for webhook in webhooks
        if _concerns(store, webhook, write)
    ]


def _writes(store: EmbeddedStore, target: Target, call: Call, access: Access) -> list[_Write]:
    """Return what the request would write; nothing when it is refused anyway."""
    user, answer = rehearse(store, call, access)
    if answer.code >= 300 or isinstance(answer.document, str):
        return []
    dry = "dryRun" in call.query
    document = answer.document
    if call.method == "DELETE":
        items = document["items"] if "items" in document else [_stored(store, target)]
        return [_Write(target, user, "DELETE", None, item, dry) for item in items]
    stored = _stored(store, target)
    return [_Write(target, user, "UPDATE" if stored else "CREATE", document, stored, dry)]


def _stored(store: EmbeddedStore, target: Target) -> Resource | None:
    found = store.get(target.kind, target.namespace or "", target.name) if target.name else None
    return in_version(target.asked, found) if found else None


def _concerns(store: EmbeddedStore, webhook: Mapping[str, Any], write: _Write) -> bool:
    if not any(_rules(store, webhook, rule, write) for rule in webhook.get("rules") or ()):
        return False
    chosen, kind = webhook.get("namespaceSelector") or {}, write.target.kind
    if kind.namespaced or kind == NAMESPACE:
        namespace = write.known if kind == NAMESPACE else store.get(NAMESPACE, "", write.target.namespace or "")
        if not matches_labels(chosen, (namespace or {"metadata": {}})["metadata"].get("labels") or {}):
            return False
    candidates = [item for item in (write.resource, write.stored) if item is not None]
    return any(
        matches_labels(webhook.get("objectSelector") or {}, item["metadata"].get("labels") or {}) for item in candidates
    )


def _rules(store: EmbeddedStore, webhook: Mapping[str, Any], rule: Mapping[str, Any], write: _Write) -> bool:
    kind = write.target.asked
    versions = [kind.version]
    if webhook.get("matchPolicy") != "Exact":
        versions += [each.version for each in store.served.kinds if each == kind]
    return (
        _any(rule["operations"], write.operation)
        and _any(rule["apiGroups"], kind.group)
        and any(_any(rule["apiVersions"], version) for version in versions)
        and rule.get("scope", "*") in ("*", "Namespaced" if kind.namespaced else "Cluster")
        and any(_is_resource(pattern, kind, write.target.subresource) for pattern in rule["resources"])
    )


def _any(values: Sequence[str], value: str) -> bool:
    return "*" in values or value in values


def _is_resource(pattern: str, kind: Kind, subresource: str) -> bool:
    """`pods`, `pods/status`, `*`, `*/*`, `pods/*` and `*/status`; what names no part means the object itself."""
    resource, _, part = pattern.partition("/")
    return resource in ("*", kind.plural) and (part == subresource or part == "*")


def _question(webhook: Mapping[str, Any], write: _Write, entropy: Entropy) -> Question:
    if write.dry and webhook["sideEffects"] not in _SAFE_EFFECTS:
        raise bad_request(f"admission webhook {quoted(webhook['name'])} does not support dry run")
    config, seconds = webhook["clientConfig"], webhook["timeoutSeconds"]
    url = config["url"]
    return Question(
        webhook["name"],
        f"{url}{'&' if '?' in url else '?'}timeout={seconds}s",
        config.get("caBundle", ""),
        seconds,
        webhook["failurePolicy"] == "Ignore",
        {"kind": "AdmissionReview", "apiVersion": REVIEW, "request": _request(write, new_uid(entropy))},
    )


def _request(write: _Write, uid: str) -> Resource:
    target, metadata = write.target, write.known["metadata"]
    kind, user = target.asked, write.user
    about = {"group": kind.group, "version": kind.version}
    named, placed = about | {"kind": kind.kind}, about | {"resource": kind.plural}
    part = {"subResource": target.subresource} if target.subresource else {}
    info = {"username": user.name, "uid": user.uid, "groups": list(user.groups)}
    return {
        "uid": uid,
        "kind": named,
        "resource": placed,
        **part,
        "requestKind": named,
        "requestResource": placed,
        **({"requestSubResource": target.subresource} if part else {}),
        "name": metadata.get("name", ""),
        **({"namespace": metadata["namespace"]} if "namespace" in metadata else {}),
        "operation": write.operation,
        "userInfo": {name: value for name, value in info.items() if value},
        "object": write.resource,
        "oldObject": write.stored,
        "dryRun": write.dry,
        "options": {"kind": f"{write.operation.capitalize()}Options", "apiVersion": "meta.k8s.io/v1"},
    }


def verdict(question: Question, answer: bytes | str) -> tuple[str, ...]:
    """Return a webhook's warnings when it allows; ApiError when it denies, or fails. answer: a text is a failure."""
    response = _response(question, answer)
    if isinstance(response, str):
        if question.ignored:
            return ()
        text = f"failed calling webhook {quoted(question.webhook)}: {response}"
        raise ApiError(500, "InternalError", f"Internal error occurred: {text}", {"causes": [{"message": text}]})
    if response["allowed"]:
        warnings = response.get("warnings")
        return tuple(map(str, warnings)) if isinstance(warnings, list) else ()
    given = response.get("status")
    status: Mapping[str, Any] = given if isinstance(given, dict) else {}
    said, code = status.get("message") or status.get("reason"), status.get("code")
    denied = f"admission webhook {quoted(question.webhook)} denied the request"
    raise ApiError(
        code if isinstance(code, int) and 400 <= code < 600 else 400,
        str(status.get("reason") or ""),
        f"{denied}: {said}" if said else f"{denied} without explanation",
    )


def _response(question: Question, answer: bytes | str) -> Mapping[str, Any] | str:
    """Return what a webhook answered, or why that is no answer."""
    if isinstance(answer, str):
        return f"failed to call webhook: {answer}"
    try:
        document = json.loads(answer)
    except ValueError:
        return "its answer is no JSON"
    if not isinstance(document, dict) or (document.get("apiVersion"), document.get("kind")) != (
        REVIEW,
        "AdmissionReview",
    ):
        return f"expected webhook response of {REVIEW}, Kind=AdmissionReview"
    response, wanted = document.get("response"), question.review["request"]["uid"]
    if not isinstance(response, dict) or not isinstance(response.get("allowed"), bool):
        return "webhook response was absent"
    if response.get("uid") != wanted:
        return f"expected response.uid={quoted(wanted)}, got {quoted(str(response.get('uid', ''))[:64])}"
    return response


def warned(answer: Answer, warnings: Sequence[str]) -> Answer:
    """Return an answer with the warnings of webhooks."""
    return attrs.evolve(answer, warnings=(*answer.warnings, *warnings)) if warnings else answer
