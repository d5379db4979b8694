"""The verbs of the Kubernetes API on a store, as a function from a call to an answer; streaming is elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import yaml

from acme_server.protocol.encoding import load_json
from issuer_bridge.kube_api.forms import JSON, YAML
from issuer_bridge.kube_api.json_values import merge_patch
from issuer_bridge.kube_api.paths import Target, parse_target
from issuer_bridge.kube_api.selectors import selector
from issuer_bridge.kube_api.statuses import (
    bad_request,
    deleted,
    failure,
    invalid,
    invalid_value,
    not_found,
    precondition_failed,
    quoted,
    too_large,
    unsupported_media_type,
)
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.validation import check_strictly, without_unknown_fields
from issuer_bridge.resources import ApiError, Kind, Resource

MAX_BODY = 3 * 1024 * 1024
MERGE_PATCH = "application/merge-patch+json"
NO_PAGE = "404 page not found\n"
# A server that passes over these would do what was not asked; the API says so instead.
_UNSUPPORTED = ("dryRun", "continue")
_MAX_WARNINGS, _MAX_WARNING = 20, 400


@attrs.frozen
class Call:
    """A request: the raw path, the query, the media type without parameters ("" when there is none)."""

    method: str
    path: str
    query: Mapping[str, str] = attrs.field(factory=dict)
    content_type: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)


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
        )

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
    target = parse_target(call.path)
    if target is None:
        return Answer(404, NO_PAGE)
    for name in _UNSUPPORTED:
        if call.query.get(name):
            raise bad_request(f"the parameter {name} is not supported by this server")
    match (call.method, bool(target.name)):
        case ("GET" | "HEAD", False):
            return Answer(200, _list(store, target, call.query))
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
    raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")


def resource_version(query: Mapping[str, str]) -> int:
    """Read the query's resourceVersion; 0 is any."""
    text = query.get("resourceVersion") or "0"
    if not text.isascii() or not text.isdigit():
        raise bad_request(f"resourceVersion: Invalid value: {quoted(text[:64])}: must be a number")
    return int(text)


def _list(store: EmbeddedStore, target: Target, query: Mapping[str, str]) -> Resource:
    asked = resource_version(query)
    if asked > store.resource_version:
        raise too_large(asked, store.resource_version)
    kind = target.kind
    wanted = selector(kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    return {
        "apiVersion": kind.api_version,
        "items": [item for item in store.list(kind, target.namespace) if wanted(item)],
        "kind": f"{kind.kind}List",
        "metadata": {"continue": "", "resourceVersion": str(store.resource_version)},
    }


def _get(store: EmbeddedStore, target: Target) -> Resource:
    found = store.get(target.kind, target.namespace or "", target.name)
    if found is None:
        raise not_found(target.kind, target.name)
    return found


def _create(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    resource, warnings = _read(call, target)
    return Answer(201, store.insert(target.kind, resource), warnings)


def _replace(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    resource, warnings = _read(call, target)
    return Answer(200, _write(store, target, resource), warnings)


def _patch(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    if call.content_type != MERGE_PATCH:
        raise unsupported_media_type([MERGE_PATCH])
    patch = _json(call.body, target.kind)
    merged = merge_patch(_get(store, target), patch)
    resource, warnings = _known(call, target, merged)
    return Answer(200, _write(store, target, resource), warnings)


def _write(store: EmbeddedStore, target: Target, resource: Resource) -> Resource:
    if target.subresource:
        return store.replace_status(target.kind, resource)
    return store.replace(target.kind, resource)


def _delete(store: EmbeddedStore, target: Target, call: Call) -> Answer:
    stored = _get(store, target)
    options = _json(call.body, target.kind) if call.body else {}
    _check_delete_options(target.kind, stored, options)
    return Answer(200, deleted(target.kind, store.remove(target.kind, target.namespace or "", target.name)))


def _check_delete_options(kind: Kind, stored: Resource, options: Mapping[str, Any]) -> None:
    metadata, wanted = stored["metadata"], options.get("preconditions") or {}
    if not isinstance(wanted, dict):
        raise bad_request("the preconditions of DeleteOptions are no object")
    if options.get("propagationPolicy") == "Orphan" or options.get("dryRun"):
        raise bad_request("propagationPolicy Orphan and dryRun are not supported by this server")
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field, metadata[field]) != metadata[field]:
            text = (
                f"the {name} in the precondition ({wanted[field]}) does not match the {name} in record "
                f"({metadata[field]}). The object might have been deleted and then recreated"
            )
            raise precondition_failed(kind, metadata["name"], text)


def _read(call: Call, target: Target) -> tuple[Resource, tuple[str, ...]]:
    if call.content_type not in ("", JSON):
        raise unsupported_media_type([JSON])
    return _known(call, target, _json(call.body, target.kind))


def read_object(call: Call, kind: Kind) -> Resource:
    """Return the object of a kind that is not stored."""
    if call.content_type not in ("", JSON):
        raise unsupported_media_type([JSON])
    sent = _json(call.body, kind)
    _check_type(kind, sent)
    return sent


def _json(body: bytes, kind: Kind) -> Resource:
    try:
        value = load_json(body)
    except ValueError as error:
        text = f"the object provided is unrecognized (must be of type {kind.kind}): the body {error}"
        raise bad_request(text) from None
    if not isinstance(value, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): it is no object")
    return value


def _known(call: Call, target: Target, sent: Resource) -> tuple[Resource, tuple[str, ...]]:
    """Check that the object is the one of the path, and take unknown fields out of it."""
    validation = call.query.get("fieldValidation") or "Warn"
    if validation not in ("Strict", "Warn", "Ignore"):
        raise bad_request(f"fieldValidation: Unsupported value: {quoted(validation[:64])}")
    _check_type(target.kind, sent)
    resource = {**sent, "metadata": _placed(target, sent.get("metadata"))}
    resource, unknown = without_unknown_fields(target.kind, resource)
    if validation == "Strict":
        check_strictly(target.kind, unknown)
    return resource, tuple(unknown) if validation == "Warn" else ()


def _check_type(kind: Kind, sent: Resource) -> None:
    api_version, name = sent.get("apiVersion") or kind.api_version, sent.get("kind") or kind.kind
    if api_version != kind.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({kind.api_version})"
        )
    if name != kind.kind:
        metadata = sent.get("metadata")
        subject = metadata.get("name") if isinstance(metadata, dict) else ""
        cause = invalid_value("kind", quoted(str(name)), f"must be {kind.kind}")
        raise invalid(kind.group, str(name), str(subject or ""), [cause])


def _placed(target: Target, metadata: Any) -> dict[str, Any]:
    """Fill name and namespace in from the path; raise 400 when they contradict it."""
    if metadata is not None and not isinstance(metadata, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {target.kind.kind}): metadata")
    placed: dict[str, Any] = dict(metadata or {})
    if target.name and (placed.get("name") or target.name) != target.name:
        raise bad_request(
            f"the name of the object ({placed['name']}) does not match the name on the URL ({target.name})"
        )
    if target.name:
        placed["name"] = target.name
    if target.kind.namespaced:
        if (placed.get("namespace") or target.namespace) != target.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        placed["namespace"] = target.namespace
    else:
        placed.pop("namespace", None)
    return placed
