"""The body of a request: from octets to the object that the path means, without what its schema does not know."""

from __future__ import annotations

from typing import Any

from acme_server.protocol.encoding import load_json
from issuer_bridge.kube_api.forms import JSON, YAML
from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.statuses import bad_request, invalid, invalid_value, quoted, unsupported_media_type
from issuer_bridge.kube_api.validation import check_strictly, without_unknown_fields
from issuer_bridge.resources import Kind, Resource
from issuer_bridge.yaml_documents import documents

OBJECTS = (JSON, YAML, "application/vnd.kubernetes.protobuf")


def read_object(content_type: str, body: bytes, kind: Kind) -> Resource:
    """Read a whole object; no media type means JSON."""
    if content_type == YAML:
        return read_yaml(body, kind)
    if content_type not in ("", JSON):
        raise unsupported_media_type(OBJECTS)
    return as_object(read_json(body, kind), kind)


def read_json(body: bytes, kind: Kind) -> Any:
    """Read JSON; ApiError 400."""
    try:
        return load_json(body)
    except ValueError as error:
        raise _unrecognized(kind, f"the body {error}") from None


def read_yaml(body: bytes, kind: Kind) -> Resource:
    """Read one document of YAML, or JSON; ApiError 400."""
    try:
        found = list(documents(body.decode()))
    except UnicodeDecodeError:
        raise _unrecognized(kind, "the body is not UTF-8") from None
    if len(found) != 1:
        raise _unrecognized(kind, "the body is to be one document")
    if found[0].error:
        raise _unrecognized(kind, f"the body, line {found[0].line}: {found[0].error}")
    return as_object(found[0].value, kind)


def as_object(value: Any, kind: Kind) -> Resource:
    """Return a value that is an object; ApiError 400."""
    if not isinstance(value, dict):
        raise _unrecognized(kind, "it is no object")
    return value


def _unrecognized(kind: Kind, text: str) -> Exception:
    return bad_request(f"the object provided is unrecognized (must be of type {kind.kind}): {text}")


def known(target: Target, sent: Resource, validation: str) -> tuple[Resource, tuple[str, ...]]:
    """Return the object, once it is the one of the path, without unknown fields, and the warnings about those."""
    check_type(target.kind, sent)
    resource = {**sent, "metadata": _placed(target, sent.get("metadata"))}
    resource, unknown = without_unknown_fields(target.kind, resource)
    if validation == "Strict":
        check_strictly(target.kind, unknown)
    return resource, tuple(unknown) if validation == "Warn" else ()


def check_type(kind: Kind, sent: Resource) -> None:
    """Raise 400 or 422 when an object says that it is of another kind."""
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
