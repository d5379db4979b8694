"""One watch: what a client asked to see, and what of it is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from issuer_bridge.kube_api.forms import TABLE, WHOLE, Form
from issuer_bridge.kube_api.options import resource_version
from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.rest import encoded, in_version
from issuer_bridge.kube_api.selectors import Selector, selector
from issuer_bridge.kube_api.statuses import (
    Cause,
    bad_request,
    failure,
    forbidden,
    invalid,
    not_supported,
    quoted,
    too_large,
)
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.tables import partial, table
from issuer_bridge.kube_api.watch_window import Change, WatchWindow
from issuer_bridge.resources import ApiError, Resource

NOT_OLDER = "NotOlderThan"
INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@attrs.frozen
class Watch:
    """What to show from `version` on, in which form.

    version: 0 is now; initial: beginning with what is there; bookmarks: telling now and then how far it has come;
    marked: and when what is there has been shown (WatchList); seconds: how long, None for the server to choose;
    defined: a table's columns have been told.
    """

    target: Target
    wanted: Selector
    version: int
    seconds: float | None
    initial: bool = False
    bookmarks: bool = False
    marked: bool = False
    form: Form = WHOLE
    defined: bool = False


def parse_watch(target: Target, query: Mapping[str, str], form: Form = WHOLE) -> Watch:
    """Read the parameters of a watch; ApiError when they make no sense."""
    sends = _flag(query["sendInitialEvents"]) if query.get("sendInitialEvents") else None
    _check_match(query.get("resourceVersionMatch", ""), sends)
    wanted = selector(target.kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    seconds = query.get("timeoutSeconds") or "0"
    if not seconds.isascii() or not seconds.isdigit():
        raise bad_request("timeoutSeconds must be a whole number")
    version, bookmarks = resource_version(query), _flag(query.get("allowWatchBookmarks", ""))
    return Watch(
        target,
        wanted,
        version,
        float(seconds) or None,
        initial=not version if sends is None else sends,
        bookmarks=bookmarks,
        marked=bool(sends) and bookmarks,
        form=form,
    )


def _flag(text: str) -> bool:
    return text.lower() in ("true", "1", "t")


def _check_match(match: str, sends: bool | None) -> None:
    """Refuse what cannot be combined (apimachinery/pkg/apis/meta/internalversion/validation)."""
    causes: list[Cause] = []
    if sends is not None and match != NOT_OLDER:
        text = f"sendInitialEvents requires setting resourceVersionMatch to {NOT_OLDER}"
        causes.append(forbidden("resourceVersionMatch", text))
    if match and sends is None:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        causes.append(forbidden("resourceVersionMatch", text))
    if match and match != NOT_OLDER:
        causes.append(not_supported("resourceVersionMatch", quoted(match[:64]), [NOT_OLDER]))
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)


def begin(watch: Watch, store: EmbeddedStore) -> tuple[Watch | None, bytes]:
    """Return the watch as it goes on (None: it cannot), and what it shows at once."""
    now = store.resource_version
    if not watch.initial:
        return attrs.evolve(watch, version=watch.version or now), b""
    if watch.version > now:
        return None, _lines([("ERROR", failure(too_large(watch.version, now)))])
    here = [item for item in store.list(watch.target.kind, watch.target.namespace) if watch.wanted(item)]
    going_on, lines = _shown(attrs.evolve(watch, version=now), (("ADDED", item) for item in here), store)
    if watch.marked:
        going_on, end = bookmark(going_on, store, {"annotations": {INITIAL_EVENTS_END: "true"}})
        lines += end
    return going_on, lines


def proceed(watch: Watch, window: WatchWindow, store: EmbeddedStore) -> tuple[Watch | None, bytes]:
    """Return the watch as it goes on (None: it cannot) and the lines of what is new."""
    try:
        changes = window.since(watch.version)
    except ApiError as error:
        return None, _lines([("ERROR", failure(error))])
    if not changes:
        return watch, b""
    events = (_event(watch, change) for change in changes if _concerns(watch.target, change))
    return _shown(attrs.evolve(watch, version=changes[-1].version), filter(None, events), store)


def bookmark(watch: Watch, store: EmbeddedStore, metadata: Mapping[str, object] | None = None) -> tuple[Watch, bytes]:
    """Return the line that says how far the watch has come."""
    kind = watch.target.kind
    about = {"resourceVersion": str(watch.version), **(metadata or {})}
    item = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": about}
    return _shown(watch, [("BOOKMARK", item)], store)


def _concerns(target: Target, change: Change) -> bool:
    if change.kind != target.kind:
        return False
    return target.namespace in (None, change.resource["metadata"].get("namespace", ""))


def _event(watch: Watch, change: Change) -> tuple[str, Resource] | None:
    """Return the event as this watch sees it: what leaves the selection is DELETED, as it was while it belonged."""
    before = change.previous if change.previous is not None and watch.wanted(change.previous) else None
    if change.event != "DELETED" and watch.wanted(change.resource):
        return "MODIFIED" if before else "ADDED", change.resource
    if before is None or change.event == "DELETED":
        return ("DELETED", change.resource) if before else None
    return "DELETED", {**before, "metadata": before["metadata"] | {"resourceVersion": str(change.version)}}


def _shown(watch: Watch, events: Iterable[tuple[str, Resource]], store: EmbeddedStore) -> tuple[Watch, bytes]:
    """Write events in the watch's form; a table's columns stand in its first event alone."""
    kind = watch.target.asked
    if kind.definition or watch.target.view:
        events = ((event, in_version(kind, item)) for event, item in events)
    if not watch.form.kind:
        return watch, _lines(events)
    if watch.form.kind != TABLE:
        return watch, _lines((event, partial(item)) for event, item in events)
    lines, now = b"", store.clock()
    for event, item in events:
        version = {"resourceVersion": item["metadata"]["resourceVersion"]}
        document = table(kind, [item], version, now, include=watch.form.include, definitions=not watch.defined)
        lines += _lines([(event, document)])
        watch = attrs.evolve(watch, defined=True)
    return watch, lines


def _lines(events: Iterable[tuple[str, Resource]]) -> bytes:
    return b"".join(encoded({"type": event, "object": item}) + b"\n" for event, item in events)
