"""The form in which a client accepts an answer: the whole object, its metadata, or a table; in JSON or YAML.

After apiserver/pkg/endpoints/handlers/negotiation and response.go. Nothing is
written as protobuf: clients that prefer it accept JSON too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import attrs

from issuer_bridge.kube_api.statuses import bad_request, not_acceptable, quoted
from issuer_bridge.kube_api.tables import META, partial, table
from issuer_bridge.resources import Kind, Resource

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
_MEDIA: Mapping[str, str] = {JSON: JSON, YAML: YAML, PROTOBUF: JSON, "application/*": JSON, "*/*": JSON}
TABLE, PARTIAL, PARTIAL_LIST = "Table", "PartialObjectMetadata", "PartialObjectMetadataList"
DISCOVERY = "APIGroupDiscoveryList"
_KINDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("meta.k8s.io", "v1"): (TABLE, PARTIAL, PARTIAL_LIST),
    ("apidiscovery.k8s.io", "v2"): (DISCOVERY,),
}
_INCLUDES = ("", "None", "Metadata", "Object")


@attrs.frozen
class Form:
    """A media type, what the answer is to be turned into ("" for nothing), and what a table's rows include."""

    media: str = JSON
    kind: str = ""
    include: str = "Metadata"


WHOLE = Form()


def parse_form(accept: str, include: str = "", kinds: tuple[str, ...] = (TABLE, PARTIAL, PARTIAL_LIST)) -> Form:
    """Read an Accept header (RFC 9110 section 12.5.1) and `includeObject`; ApiError 406 when nothing of it is served."""
    if not accept.strip():
        return WHOLE
    for clause in sorted(map(_parameters, accept.split(",")), key=_quality, reverse=True):
        media, kind = _MEDIA.get(clause[""]), clause.get("as", "")
        if media is None or (kind and kind not in _KINDS.get((clause.get("g", ""), clause.get("v", "")), ())):
            continue
        if not kind or kind in kinds:
            if kind == TABLE and include not in _INCLUDES:
                raise bad_request(f"unrecognized includeObject value: {quoted(include[:64])}")
            return Form(media, kind, include or "Metadata")
    raise not_acceptable([JSON, YAML])


def _parameters(clause: str) -> dict[str, str]:
    media, *rest = (part.strip() for part in clause.split(";"))
    return {"": media.lower()} | {name: value for name, _, value in (part.partition("=") for part in rest)}


def _quality(clause: Mapping[str, str]) -> float:
    try:
        return float(clause.get("q", "1"))
    except ValueError:
        return 0.0


def shown(form: Form, kind: Kind, document: Resource, now: datetime) -> Resource:
    """Return an answer about a kind in its form; a Status is left as it is."""
    if not form.kind or document.get("kind") == "Status":
        return document
    is_list = document.get("kind") == kind.list_kind
    metadata = document["metadata"]
    if form.kind == TABLE:
        kept = ("resourceVersion", "continue", "remainingItemCount")
        told = {name: metadata[name] for name in kept if metadata.get(name)}
        return table(kind, document["items"] if is_list else [document], told, now, include=form.include)
    if is_list != (form.kind == PARTIAL_LIST):
        state = "is a list" if is_list else "is not a list"
        raise not_acceptable([], f"you requested {form.kind}, but the requested object {state} ({kind.kind})")
    if not is_list:
        return partial(document)
    items = [partial(item) for item in document["items"]]
    return {"kind": PARTIAL_LIST, "apiVersion": META, "metadata": metadata, "items": items}
