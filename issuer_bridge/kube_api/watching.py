"""One watch: what a client asked to see, and what of it is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.rest import encoded, resource_version
from issuer_bridge.kube_api.selectors import Selector, selector
from issuer_bridge.kube_api.statuses import bad_request, failure
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watch_window import Change, WatchWindow
from issuer_bridge.resources import ApiError, Resource


@attrs.frozen
class Watch:
    """What to show from `version` on (0: beginning with what is there), for so many seconds (None: no end)."""

    target: Target
    wanted: Selector
    version: int
    seconds: float | None


def parse_watch(target: Target, query: Mapping[str, str]) -> Watch:
    """Read the parameters of a watch; ApiError when they make no sense here."""
    if query.get("sendInitialEvents"):
        # Clients fall back to list and watch when this is refused, and wait forever when it is ignored.
        raise ApiError(422, "Invalid", "sendInitialEvents is not supported by this server")
    wanted = selector(target.kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    seconds = query.get("timeoutSeconds") or "0"
    if not seconds.isascii() or not seconds.isdigit():
        raise bad_request("timeoutSeconds must be a whole number")
    return Watch(target, wanted, resource_version(query), float(seconds) or None)


def begin(watch: Watch, store: EmbeddedStore) -> tuple[Watch, bytes]:
    """Return the watch as it goes on, and what it shows at once."""
    if watch.version:
        return watch, b""
    here = (item for item in store.list(watch.target.kind, watch.target.namespace) if watch.wanted(item))
    return attrs.evolve(watch, version=store.resource_version), _lines(("ADDED", item) for item in here)


def proceed(watch: Watch, window: WatchWindow) -> tuple[Watch | None, bytes]:
    """Return the watch as it goes on (None: it cannot) and the lines of what is new."""
    try:
        changes = window.since(watch.version)
    except ApiError as error:
        return None, _lines([("ERROR", failure(error))])
    if not changes:
        return watch, b""
    shown = ((_event(watch, change), change.resource) for change in changes if _concerns(watch.target, change))
    return attrs.evolve(watch, version=changes[-1].version), _lines(shown)


def _concerns(target: Target, change: Change) -> bool:
    if change.kind != target.kind:
        return False
    return target.namespace in (None, change.resource["metadata"].get("namespace", ""))


def _event(watch: Watch, change: Change) -> str | None:
    """Name the event as this watch sees it: an object that leaves the selection is DELETED there."""
    before = change.previous is not None and watch.wanted(change.previous)
    after = change.event != "DELETED" and watch.wanted(change.resource)
    if before and after:
        return "MODIFIED"
    return "ADDED" if after else "DELETED" if before else None


def _lines(events: Iterable[tuple[str | None, Resource]]) -> bytes:
    return b"".join(encoded({"type": event, "object": item}) + b"\n" for event, item in events if event)
