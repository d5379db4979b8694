"""Lists: selected, cut into pages, at the version that was asked for.

A list that is cut keeps what was there, so that its later pages belong together; only the last lists are kept. The token
for the next page is as a real server's (apiserver/pkg/storage/continue.go), and says beside it which list it is of.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.object_meta import object_key
from issuer_bridge.kube_api.options import resource_version
from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.selectors import selector
from issuer_bridge.kube_api.statuses import (
    Cause,
    bad_request,
    expired,
    expired_token,
    forbidden,
    invalid,
    not_supported,
    qualified,
    quoted,
    too_large,
)
from issuer_bridge.resources import Kind, Resource

if TYPE_CHECKING:
    from issuer_bridge.kube_api.store import EmbeddedStore

EXACT, NOT_OLDER = "Exact", "NotOlderThan"
KEPT_LISTS = 64
_ANY = -1
_VERSION = "meta.k8s.io/v1"


class Snapshots:
    """The last lists that were cut, by kind and version; their objects are those of the store."""

    def __init__(self, size: int = KEPT_LISTS) -> None:
        self._size = size
        self._lists: OrderedDict[tuple[Kind, int], Sequence[Resource]] = OrderedDict()

    def keep(self, kind: Kind, version: int, items: Sequence[Resource]) -> None:
        """Keep all objects of a kind as they were at a version; the oldest list goes."""
        self._lists[kind, version] = items
        self._lists.move_to_end((kind, version))
        if len(self._lists) > self._size:
            self._lists.popitem(last=False)

    def get(self, kind: Kind, version: int) -> Sequence[Resource] | None:
        """Return the objects of a kind at a version, None when they are gone."""
        return self._lists.get((kind, version))


@attrs.frozen
class Token:
    """Where the next page begins: behind a key, at a version (-1: whatever is there now)."""

    version: int
    after: tuple[str, str]


def listed(store: EmbeddedStore, target: Target, query: Mapping[str, str]) -> Resource:
    """Return the list that a query asks for, or one page of it."""
    kind = target.kind
    selected = bool(query.get("labelSelector") or query.get("fieldSelector"))
    wanted = selector(kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    limit = _limit(query.get("limit") or "0")
    token = _read_token(target, query["continue"]) if query.get("continue") else None
    _check_match(query, paged=token is not None)
    version, everything = _at(store, target, query, token)
    found = [item for item in everything if target.namespace in (None, object_key(kind, item)[0]) and wanted(item)]
    if token:
        found = [item for item in found if object_key(kind, item) > token.after]
    metadata: dict[str, Any] = {"continue": ""} if kind.custom else {}
    metadata["resourceVersion"] = str(version)
    if 0 < limit < len(found):
        store.snapshots.keep(kind, version, everything)
        metadata["continue"] = _written_token(target, version, object_key(kind, found[limit - 1]))
        if not selected:
            metadata["remainingItemCount"] = len(found) - limit
    items = [copy_json(item) for item in (found[:limit] if limit > 0 else found)]
    return {"apiVersion": kind.api_version, "items": items, "kind": kind.list_kind, "metadata": metadata}


def _at(
    store: EmbeddedStore, target: Target, query: Mapping[str, str], token: Token | None
) -> tuple[int, Sequence[Resource]]:
    """Return the version that is shown, and all objects of the kind at it."""
    now, asked = store.resource_version, resource_version(query)
    if token and asked:
        raise bad_request("specifying resource version is not allowed when using continue")
    if asked > now:
        raise too_large(asked, now)
    exact = token.version if token else asked if query.get("resourceVersionMatch") == EXACT else _ANY
    if exact in (_ANY, now):
        return now, store.shared(target.kind)
    kept = store.snapshots.get(target.kind, exact)
    if kept is None and token:
        raise expired_token(_written_token(target, _ANY, token.after))
    if kept is None:
        raise expired(exact, now)
    return exact, kept


def _limit(text: str) -> int:
    if not text.isascii() or not text.removeprefix("-").isdigit():
        raise bad_request(f"limit: Invalid value: {quoted(text[:64])}: must be a number")
    return int(text)


def _check_match(query: Mapping[str, str], *, paged: bool) -> None:
    """Refuse what cannot be combined (apimachinery/pkg/apis/meta/internalversion/validation)."""
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    causes: list[Cause] = []
    if match and paged:
        causes.append(forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    if match and not version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        causes.append(forbidden("resourceVersionMatch", text))
    if match not in ("", EXACT, NOT_OLDER):
        causes.append(not_supported("resourceVersionMatch", quoted(match[:64]), (EXACT, NOT_OLDER, "")))
    if match == EXACT and version == "0":
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        causes.append(forbidden("resourceVersionMatch", text))
    if query.get("sendInitialEvents"):
        causes.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)


def _list_name(target: Target) -> str:
    return f"{qualified(target.kind)}/{target.namespace or ''}"


def _written_token(target: Target, version: int, key: tuple[str, str]) -> str:
    parts = key if target.namespace is None else key[1:]
    document = {
        "v": _VERSION,
        "rv": version,
        "start": "".join(f"/{part}" for part in parts) + "\0",
        "of": _list_name(target),
    }
    return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).decode().rstrip("=")


def _read_token(target: Target, text: str) -> Token:
    """Read a token; ApiError 400 when it is none, or another list's."""
    try:
        data = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise _no_token("illegal base64 data") from None
    try:
        document = json.loads(data)
        version, start, of = document["rv"], document["start"], document.get("of")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        shown = f"\\x{data[0]:02x}" if data and data[0] > 126 else data[:1].decode()
        raise _no_token(f"invalid character '{shown}' looking for beginning of value") from None
    if of != _list_name(target):
        raise _no_token("it is the token of another list")
    parts = start.removesuffix("\0").split("/")[1:] if isinstance(start, str) else []
    if not isinstance(version, int) or len(parts) != 1 + (target.namespace is None):
        raise _no_token("it begins nowhere")
    namespace = parts[0] if target.namespace is None else target.namespace
    return Token(version, (namespace, parts[-1]))


def _no_token(text: str) -> Exception:
    return bad_request(f"invalid continue token: continue key is not valid: {text}")
