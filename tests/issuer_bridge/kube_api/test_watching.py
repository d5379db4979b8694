import json
from datetime import UTC, datetime
from random import Random

import pytest

from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watch_window import WatchWindow
from issuer_bridge.kube_api.watching import begin, parse_watch, proceed
from issuer_bridge.resources import CERTIFICATE_REQUEST, NAMESPACE, SECRET, ApiError

REQUESTS = Target(CERTIFICATE_REQUEST, "default")


def new_store():
    return EmbeddedStore(lambda: datetime(2026, 11, 22, tzinfo=UTC), Random(1).randbytes)


def add(store, name, namespace="default", **metadata):
    if store.get(NAMESPACE, "", namespace) is None:
        store.insert(NAMESPACE, {"metadata": {"name": namespace}})
    return store.insert(
        CERTIFICATE_REQUEST,
        {
            "metadata": {"name": name, "namespace": namespace, **metadata},
            "spec": {"request": "Zm9v", "issuerRef": {"name": "gravel"}},
        },
    )


def relabel(store, name, **labels):
    resource = store.get(CERTIFICATE_REQUEST, "default", name)
    resource["metadata"]["labels"] = labels
    return store.replace(CERTIFICATE_REQUEST, resource)


def events(lines):
    return [
        (event["type"], event["object"].get("metadata", {}).get("name"))
        for event in map(json.loads, lines.splitlines())
    ]


def shown(watch, window):
    going_on, lines = proceed(watch, window)
    return going_on, events(lines)


def test_a_watch_without_a_version_begins_with_what_is_there():
    store = new_store()
    window = WatchWindow(store)
    add(store, "b")
    add(store, "a")
    add(store, "c", "other")
    watch, lines = begin(parse_watch(REQUESTS, {}), store)
    assert events(lines) == [("ADDED", "a"), ("ADDED", "b")]
    add(store, "d")
    assert shown(watch, window)[1] == [("ADDED", "d")]


def test_a_watch_goes_on_after_its_version():
    store = new_store()
    window = WatchWindow(store)
    version = add(store, "a")["metadata"]["resourceVersion"]
    watch, lines = begin(parse_watch(REQUESTS, {"resourceVersion": version}), store)
    assert lines == b""
    add(store, "b")
    relabel(store, "b", x="y")
    store.remove(CERTIFICATE_REQUEST, "default", "a")
    store.insert(SECRET, {"metadata": {"name": "s"}})
    add(store, "c", "other")
    watch, seen = shown(watch, window)
    assert seen == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]
    assert watch.version == store.resource_version
    assert shown(watch, window) == (watch, [])


def test_a_watch_of_all_namespaces_sees_them_all():
    store = new_store()
    window = WatchWindow(store)
    watch = parse_watch(Target(CERTIFICATE_REQUEST, None), {})
    add(store, "a", "one")
    add(store, "a", "two")
    assert shown(watch, window)[1] == [("ADDED", "a"), ("ADDED", "a")]


def test_what_enters_or_leaves_the_selection_is_added_or_deleted():
    store = new_store()
    window = WatchWindow(store)
    watch = parse_watch(REQUESTS, {"labelSelector": "x=y"})
    add(store, "a")
    relabel(store, "a", x="y")
    relabel(store, "a", x="y", more="z")
    relabel(store, "a", x="n")
    store.remove(CERTIFICATE_REQUEST, "default", "a")
    assert shown(watch, window)[1] == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_what_was_there_before_the_window_is_modified_not_added():
    store = new_store()
    add(store, "a")
    window = WatchWindow(store)
    relabel(store, "a", x="y")
    watch = parse_watch(REQUESTS, {"resourceVersion": "1"})
    assert shown(watch, window)[1] == [("MODIFIED", "a")]


def test_history_that_is_gone_ends_the_watch():
    store = new_store()
    window = WatchWindow(store, size=4)
    for number in range(8):
        add(store, f"r{number}")
    watch, lines = proceed(parse_watch(REQUESTS, {"resourceVersion": "3"}), window)
    assert watch is None
    error = json.loads(lines)
    assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert shown(parse_watch(REQUESTS, {"resourceVersion": "4"}), window)[1] == [
        ("ADDED", f"r{number}") for number in range(4, 8)
    ]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_a_window_keeps_at_least_its_size(size):
    store = new_store()
    window = WatchWindow(store, size)
    for number in range(30):
        add(store, f"r{number}")
        since = max(store.resource_version - size, 0)
        assert [change.version for change in window.since(since)] == list(range(since + 1, number + 2))
        assert len(window.since(store.resource_version)) == 0


def test_history_before_the_window_is_gone():
    store = new_store()
    add(store, "a")
    add(store, "b")
    window = WatchWindow(store)
    with pytest.raises(ApiError, match=r"too old resource version: 1 \(2\)"):
        window.since(1)


def test_a_version_in_the_future_waits():
    store = new_store()
    window = WatchWindow(store)
    watch = parse_watch(REQUESTS, {"resourceVersion": "2"})
    add(store, "a")
    assert shown(watch, window) == (watch, [])
    add(store, "b")
    add(store, "c")
    assert shown(watch, window)[1] == [("ADDED", "c")]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sendInitialEvents": "true"}, 422),
        ({"timeoutSeconds": "-1"}, 400),
        ({"resourceVersion": "abc"}, 400),
        ({"resourceVersion": "²"}, 400),
        ({"labelSelector": "a in (b)"}, 400),
    ],
)
def test_what_a_watch_cannot_do_is_refused(query, code):
    with pytest.raises(ApiError) as caught:
        parse_watch(REQUESTS, query)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("query", "seconds"), [({}, None), ({"timeoutSeconds": "0"}, None), ({"timeoutSeconds": "4"}, 4)]
)
def test_a_watch_may_end_by_itself(query, seconds):
    assert parse_watch(REQUESTS, query).seconds == seconds
