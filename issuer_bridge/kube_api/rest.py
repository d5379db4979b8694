"""The verbs of the Kubernetes API on a store, as a function from a call to an answer; streaming is elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import yaml

from issuer_bridge.kube_api.bodies import known, read_object
from issuer_bridge.kube_api.core_schemas import EVENT_NAMES
from issuer_bridge.kube_api.deletion import is_deleting
from issuer_bridge.kube_api.field_ownership import tracker
from issuer_bridge.kube_api.forms import JSON, YAML
from issuer_bridge.kube_api.listing import listed
from issuer_bridge.kube_api.options import (
    MAX_MANAGER,
    DeleteOptions,
    WriteOptions,
    check_patch_options,
    delete_options,
    write_options,
)
from issuer_bridge.kube_api.patches import APPLY, applied, check_format, patched
from issuer_bridge.kube_api.paths import Target, parse_target
from issuer_bridge.kube_api.requesters import permit, requested_by
from issuer_bridge.kube_api.statuses import deleted, failure, not_found, precondition_failed
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import ADMIN, User
from issuer_bridge.kube_api.writing import Writing
from issuer_bridge.resources import EVENT_VIEW, NAMESPACE, ApiError, Kind, Resource

MAX_BODY = 3 * 1024 * 1024
NO_PAGE = "404 page not found\n"
_MAX_WARNINGS, _MAX_WARNING = 20, 400


@attrs.frozen
class Call:
    """A request: the raw path, the query, the media type without parameters ("" when there is none), and who asks."""

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    content_type: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    user: User = ADMIN


@attrs.frozen
class Answer:
    """A reply: a JSON document or a plain text, and warnings that go into headers."""

    code: int
    document: Resource | str
    warnings: tuple[str, ...] = ()
    media: str = JSON

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Everything but what HTTP itself needs; texts are quoted so that nothing in them breaks a header."""
        plain = isinstance(self.document, str)
        warnings = [("Warning", f"299 - {json.dumps(text[:_MAX_WARNING])}") for text in self.warnings[:_MAX_WARNINGS]]
        return (
            ("Content-Type", "text/plain; charset=utf-8" if plain else self.media),
            ("Cache-Control", "no-cache, private"),
            *warnings,
            *self._retry_after(),
        )

    def _retry_after(self) -> list[tuple[str, str]]:
        details = {} if isinstance(self.document, str) else self.document.get("details") or {}
        return [("Retry-After", str(details["retryAfterSeconds"]))] if "retryAfterSeconds" in details else []

    @property
    def body(self) -> bytes:
        """The document on the wire."""
        if isinstance(self.document, str):
            return self.document.encode()
        return yaml.safe_dump(self.document).encode() if self.media == YAML else encoded(self.document)


def encoded(document: Resource) -> bytes:
    """Write JSON in its shortest form."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def refusal(error: ApiError) -> Answer:
    """Return the answer that an error is."""
    return Answer(error.code, failure(error))


def handle(store: EmbeddedStore, call: Call) -> Answer:
    """Answer anything but a watch."""
    try:
        return _handle(store, call)
    except ApiError as error:
        return refusal(error)


def _handle(store: EmbeddedStore, call: Call) -> Answer:
    target = parse_target(call.path, store.served.places)
    if target is None:
        return Answer(404, NO_PAGE)
    return _answer(store, target, call)


def in_version(kind: Kind, document: Resource) -> Resource:
    """Return an object, or a list of them, as the kind that was asked for: in its version, with its names of fields."""
    if document["kind"] == kind.list_kind:
        return document | {
            "apiVersion": kind.api_version,
            "items": [in_version(kind, item) for item in document["items"]],
        }
    if document["kind"] != kind.kind:
        return document
    names: Mapping[str, str] = EVENT_NAMES if kind == EVENT_VIEW else {}
    return {names.get(name, name): value for name, value in document.items()} | {"apiVersion": kind.api_version}


def _answer(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    match (call.method, bool(target.name)):
        case ("GET" | "HEAD", False):
            return Answer(200, listed(store, target, call.query))
        case ("GET" | "HEAD", True):
            return Answer(200, _get(store, target))
        case ("POST", False) if target.namespace is not None:
            return _create(store, target, call)
        case ("PUT", True):
            return _replace(store, target, call)
        case ("PATCH", True):
            return _patch(store, target, call)
        case ("DELETE", True) if not target.subresource:
            return _delete(store, target, call)
        case ("DELETE", False) if target.namespace is not None and target.kind != NAMESPACE:
            return _delete_collection(store, target, call)
    raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def _get(store: EmbeddedStore, target: Target) -> Resource:
    found = store.get(target.kind, target.namespace or "", target.name)
    if found is None:
        raise not_found(target.kind, target.name)
    return found


def _create(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    options = write_options("CreateOptions", call.query)
    sent = read_object(call.content_type, call.body, target.kind)
    resource, warnings = known(target, sent, options.validation)
    resource = requested_by(call.user, target.kind, resource)
    return Answer(201, store.insert(target.kind, resource, _writing(store, target, call, options)), warnings)


def _replace(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    options = write_options("UpdateOptions", call.query)
    sent = read_object(call.content_type, call.body, target.kind)
    resource, warnings = known(target, sent, options.validation)
    return Answer(200, _write(store, target, resource, _writing(store, target, call, options)), warnings)


def _patch(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    check_format(target.kind, call.content_type)
    options = write_options("PatchOptions", call.query)
    check_patch_options(options, call.query, apply=call.content_type == APPLY)
    if call.content_type == APPLY:
        return _apply(store, target, call, options)
    sent = patched(target.kind, _get(store, target), call.content_type, call.body)
    resource, warnings = known(target, sent, options.validation)
    return Answer(200, _write(store, target, resource, _writing(store, target, call, options)), warnings)


def _apply(store: EmbeddedStore, target: Target, call: Call, options: WriteOptions) -> Answer:
    stored = store.get(target.kind, target.namespace or "", target.name)
    resource, warnings = applied(target, stored, call.body, options, store.clock())
    managed = resource["metadata"]["managedFields"]
    writing = Writing(options.dry, lambda *_: managed, permit(store, call.user, target.kind, target.subresource))
    if stored is None:
        resource = requested_by(call.user, target.kind, resource)
        return Answer(201, store.insert(target.kind, resource, writing), warnings)
    return Answer(200, _write(store, target, resource, writing), warnings)


def _writing(store: EmbeddedStore, target: Target, call: Call, options: WriteOptions) -> Writing:
    manager = options.manager or call.headers.get("User-Agent", "").split("/")[0][:MAX_MANAGER]
    kind, part = target.kind, target.subresource
    return Writing(options.dry, tracker(kind, manager, store.clock(), part), permit(store, call.user, kind, part))


def _write(store: EmbeddedStore, target: Target, resource: Resource, writing: Writing) -> Resource:
    if target.subresource:
        return store.replace_status(target.kind, resource, writing, target.subresource)
    return store.replace(target.kind, resource, writing)


def _delete(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    options = _delete_options(call, target)
    stored = _get(store, target)
    _check_preconditions(target.kind, stored, options.preconditions)
    left = _remove(store, target.kind, stored, options)
    return Answer(200, left if is_deleting(left) else deleted(target.kind, left))


def _delete_collection(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    """Delete what a list would show, and show it."""
    options = _delete_options(call, target)
    page = listed(store, target, call.query)
    for item in page["items"]:
        if store.get(target.kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]):
            _remove(store, target.kind, item, options)
    page["metadata"]["resourceVersion"] = str(store.resource_version)
    return Answer(200, page)


def _delete_options(call: Call, target: Target) -> DeleteOptions:
    return delete_options(call.query, read_object(call.content_type, call.body, target.kind) if call.body else {})


def _remove(store: EmbeddedStore, kind: Kind, item: Resource, options: DeleteOptions) -> Resource:
    metadata = item["metadata"]
    return store.remove(kind, metadata.get("namespace", ""), metadata["name"], options.policy, Writing(dry=options.dry))


def _check_preconditions(kind: Kind, stored: Resource, wanted: Mapping[str, Any]) -> None:
    metadata = stored["metadata"]
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if (wanted.get(field) or metadata[field]) != metadata[field]:
            text = (
                f"the {name} in the precondition ({wanted[field]}) does not match the {name} in record "
                f"({metadata[field]}). The object might have been deleted and then recreated"
            )
            raise precondition_failed(kind, metadata["name"], text)
