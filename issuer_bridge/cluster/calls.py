"""Requests to a Kubernetes API as inquiries: what is asked, what the answers mean, and what is asked again.

A question of this module is a path: where the API is, and as whom to ask, only
its shell knows (`connection`). So no URL that comes from elsewhere, from an ACME
server say, is ever asked with the cluster's credentials.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import attrs

from acme_server.protocol.vantage import REFUSED, Fetch, HttpAnswer, Inquiry, fetch, pause
from issuer_bridge.resources import ApiError, Kind, Resource

TIMEOUT = timedelta(seconds=10)
LIMIT = 1 << 26
TRIES = 5
FIRST_PAUSE = timedelta(milliseconds=200)
LONGEST_PAUSE = timedelta(seconds=10)
TOO_MANY_REQUESTS = 429
# Where the request may have been carried out, or not: it is only repeated where twice is as good as once. A PUT names
# the version that it replaces, so that the second finds the first and is a conflict; of two DELETEs, it is not there.
_UNCLEAR = (500, 502, 503, 504)
_REPEATABLE = ("GET", "PUT", "DELETE")
_CONTENT_TYPE = ("Content-Type", "application/json")


@attrs.frozen
class ApiRequest(Fetch):
    """One request; `url` is a path and its query."""


@attrs.frozen
class ApiWatch(Fetch):
    """What comes next of the watch of a collection: whole lines as the body; no body when it has ended.

    begin: open it first, and end the last one of this collection.
    """

    begin: bool = False


def path_of(
    kind: Kind,
    namespace: str | None = None,
    name: str = "",
    subresource: str = "",
    query: Mapping[str, str | int] | None = None,
) -> str:
    """Return the path of a collection (namespace None: of all namespaces) or of an object."""
    parts = [f"apis/{kind.group}" if kind.group else "api", kind.version]
    if kind.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts.append(kind.plural)
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    asked = urlencode({key: value for key, value in (query or {}).items() if value != ""})
    return "/" + "/".join(parts) + (f"?{asked}" if asked else "")


def read(kind: Kind, namespace: str, name: str) -> Inquiry[Resource | None]:
    """Return the object as it is now, or None."""
    try:
        return (yield from _call(kind, "GET", path_of(kind, namespace, name)))
    except ApiError as error:
        if error.code == 404:
            return None
        raise


def read_page(
    kind: Kind, query: Mapping[str, str | int], namespace: str | None = None, accept: str = ""
) -> Inquiry[Resource]:
    """Return one page of the list of a namespace, None for all; accept: the media type of another form than whole objects."""
    return (yield from _ask("GET", path_of(kind, namespace, query=query), None, accept))


def create(kind: Kind, resource: Resource) -> Inquiry[Resource]:
    """Create the object in the namespace that its metadata names."""
    return (yield from _call(kind, "POST", path_of(kind, resource["metadata"].get("namespace")), resource))


def replace(kind: Kind, resource: Resource, subresource: str = "") -> Inquiry[Resource]:
    """Replace the object, or only its status."""
    metadata = resource["metadata"]
    path = path_of(kind, metadata.get("namespace"), metadata["name"], subresource)
    return (yield from _call(kind, "PUT", path, resource))


def remove(kind: Kind, namespace: str, name: str) -> Inquiry[None]:
    """Delete the object, and in the background what it owns."""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
    yield from _ask("DELETE", path_of(kind, namespace, name), options)


def document_of(answer: HttpAnswer) -> Resource:
    """Return what an answer holds; ApiError when there is none, or it is a refusal."""
    if answer.error is not None:
        raise ApiError(503, "ServiceUnavailable", f"the Kubernetes API does not answer: {answer.error}")
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    found = document if isinstance(document, dict) else {}
    if answer.status >= 400:
        raise error_of(found, answer.status)
    if not found:
        raise ApiError(502, "BadGateway", "what answers is no Kubernetes API: its answer is no JSON object")
    return found


def error_of(status: Mapping[str, Any], code: int = 500) -> ApiError:
    """Read a Status object; anything else is told by its code."""
    details = status.get("details")
    return ApiError(
        int(status.get("code") or code),
        str(status.get("reason") or "Unknown"),
        str(status.get("message") or f"the Kubernetes API answered with HTTP {code}"),
        details if isinstance(details, Mapping) else {},
    )


def told_to_wait(answer: HttpAnswer) -> timedelta | None:
    """Return what Retry-After says, in whole seconds as this API has it."""
    text = answer.header("Retry-After") or ""
    return min(timedelta(seconds=int(text)), LONGEST_PAUSE) if text.isascii() and text.isdigit() else None


def _call(kind: Kind, method: str, path: str, body: Resource | None = None) -> Inquiry[Resource]:
    typed = {"apiVersion": kind.api_version, "kind": kind.kind}
    return (yield from _ask(method, path, None if body is None else {**typed, **body}))


def _ask(method: str, path: str, document: Resource | None, accept: str = "") -> Inquiry[Resource]:
    """Ask, again where that does no harm and may help; ApiError says what it came to."""
    body = b"" if document is None else json.dumps(document, separators=(",", ":")).encode()
    headers = (*((_CONTENT_TYPE,) if body else ()), *((("Accept", accept),) if accept else ()))
    request = ApiRequest(path, method, headers, body, timeout=TIMEOUT, limit=LIMIT)
    for tries in range(TRIES):
        answer = yield from fetch(request)
        if tries == TRIES - 1 or not _may_repeat(method, answer):
            break
        yield from pause(told_to_wait(answer) or FIRST_PAUSE * 2**tries)
    return document_of(answer)


def _may_repeat(method: str, answer: HttpAnswer) -> bool:
    if answer.status == TOO_MANY_REQUESTS or answer.error == REFUSED:
        return True  # it was not carried out
    return method in _REPEATABLE and (answer.error is not None or answer.status in _UNCLEAR)
