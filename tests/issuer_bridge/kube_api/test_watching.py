import json
from datetime import UTC, datetime
from random import Random

import pytest

from issuer_bridge.kube_api.forms import Form
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.kube_api.paths import Target
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import watch_of
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
    resource = copy_json(store.get(CERTIFICATE_REQUEST, "default", name))
    resource["metadata"]["labels"] = labels
    return store.replace(CERTIFICATE_REQUEST, resource)


def events(lines):
    return [
        (event["type"], event["object"].get("metadata", {}).get("name"))
        for event in map(json.loads, lines.splitlines())
    ]


def shown(watch, window, store):
    going_on, lines = proceed(watch, window, store)
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
    assert shown(watch, window, store)[1] == [("ADDED", "d")]


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
    watch, seen = shown(watch, window, store)
    assert seen == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]
    assert watch.version == store.resource_version
    assert shown(watch, window, store) == (watch, [])


def test_a_watch_of_all_namespaces_sees_them_all():
    store = new_store()
    window = WatchWindow(store)
    watch = parse_watch(Target(CERTIFICATE_REQUEST, None), {})
    add(store, "a", "one")
    add(store, "a", "two")
    assert shown(watch, window, store)[1] == [("ADDED", "a"), ("ADDED", "a")]


def test_what_enters_or_leaves_the_selection_is_added_or_deleted():
    store = new_store()
    window = WatchWindow(store)
    watch = parse_watch(REQUESTS, {"labelSelector": "x=y"})
    add(store, "a")
    relabel(store, "a", x="y")
    relabel(store, "a", x="y", more="z")
    relabel(store, "a", x="n")
    store.remove(CERTIFICATE_REQUEST, "default", "a")
    assert shown(watch, window, store)[1] == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_what_was_there_before_the_window_is_modified_not_added():
    store = new_store()
    add(store, "a")
    window = WatchWindow(store)
    relabel(store, "a", x="y")
    watch = parse_watch(REQUESTS, {"resourceVersion": "1"})
    assert shown(watch, window, store)[1] == [("MODIFIED", "a")]


def test_history_that_is_gone_ends_the_watch():
    store = new_store()
    window = WatchWindow(store, size=4)
    for number in range(8):
        add(store, f"r{number}")
    watch, lines = proceed(parse_watch(REQUESTS, {"resourceVersion": "3"}), window, store)
    assert watch is None
    error = json.loads(lines)
    assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")
    assert shown(parse_watch(REQUESTS, {"resourceVersion": "4"}), window, store)[1] == [
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
    assert shown(watch, window, store) == (watch, [])
    add(store, "b")
    add(store, "c")
    assert shown(watch, window, store)[1] == [("ADDED", "c")]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"timeoutSeconds": "-1"}, 400),
        ({"resourceVersion": "abc"}, 400),
        ({"resourceVersion": "²"}, 400),
        ({"labelSelector": "a in b"}, 400),
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


MATCH = "resourceVersionMatch: Forbidden:"
EXACT = 'resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"'
LIST_AND_WATCH = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}


def test_a_watch_list_ends_what_is_there_with_a_bookmark():
    store = new_store()
    window = WatchWindow(store)
    add(store, "a")
    add(store, "b", "other")
    watch, lines = begin(parse_watch(REQUESTS, LIST_AND_WATCH), store)
    added, mark = map(json.loads, lines.splitlines())
    assert (added["type"], added["object"]["metadata"]["name"]) == ("ADDED", "a")
    assert mark == {
        "type": "BOOKMARK",
        "object": {
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "metadata": {
                "resourceVersion": str(store.resource_version),
                "annotations": {"k8s.io/initial-events-end": "true"},
            },
        },
    }
    add(store, "c")
    assert shown(watch, window, store)[1] == [("ADDED", "c")]


@pytest.mark.parametrize(
    ("changed", "seen"),
    [
        ({"allowWatchBookmarks": "false"}, [("ADDED", "a")]),
        ({"resourceVersion": "0"}, [("ADDED", "a"), ("BOOKMARK", None)]),
        ({"resourceVersion": "1"}, [("ADDED", "a"), ("BOOKMARK", None)]),
        ({"sendInitialEvents": "false"}, []),
        ({"sendInitialEvents": "", "resourceVersionMatch": "", "resourceVersion": "0"}, [("ADDED", "a")]),
        ({"sendInitialEvents": "", "resourceVersionMatch": "", "resourceVersion": "1"}, []),
    ],
    ids=str,
)
def test_what_a_watch_begins_with(changed, seen):
    store = new_store()
    add(store, "a")
    assert events(begin(parse_watch(REQUESTS, LIST_AND_WATCH | changed), store)[1]) == seen


def test_a_watch_list_of_a_version_in_the_future_is_told_so_in_the_stream():
    watch, lines = begin(parse_watch(REQUESTS, LIST_AND_WATCH | {"resourceVersion": "99"}), new_store())
    error = json.loads(lines)
    assert (watch, error["type"], error["object"]["code"]) == (None, "ERROR", 504)
    assert error["object"]["message"].startswith("Timeout: Too large resource version: 99, current: ")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (
            {"sendInitialEvents": "true"},
            f"{MATCH} sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
        ),
        (
            {"resourceVersionMatch": "NotOlderThan"},
            f"{MATCH} resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ),
        (
            {"sendInitialEvents": "false", "resourceVersionMatch": "Exact"},
            f"[{MATCH} sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, {EXACT}]",
        ),
    ],
)
def test_combinations_that_make_no_sense_are_refused_in_kubernetes_words(query, text):
    with pytest.raises(ApiError) as caught:
        parse_watch(REQUESTS, query)
    assert (caught.value.code, caught.value.message) == (422, f'ListOptions.meta.k8s.io "" is invalid: {text}')


def test_what_leaves_the_selection_is_shown_as_it_was_with_the_version_of_its_leaving():
    store = new_store()
    window = WatchWindow(store)
    add(store, "a", labels={"x": "y"})
    watch, _ = begin(parse_watch(REQUESTS, {"labelSelector": "x=y"}), store)
    version = relabel(store, "a", x="n")["metadata"]["resourceVersion"]
    left = json.loads(proceed(watch, window, store)[1])
    assert (left["type"], left["object"]["metadata"]["labels"]) == ("DELETED", {"x": "y"})
    assert left["object"]["metadata"]["resourceVersion"] == version


def test_a_watch_of_one_name_sees_no_other():
    store = new_store()
    window = WatchWindow(store)
    watch = parse_watch(REQUESTS, {"fieldSelector": "metadata.name=b"})
    add(store, "a")
    add(store, "b")
    assert shown(watch, window, store)[1] == [("ADDED", "b")]


def test_a_watch_of_metadata_shows_nothing_else():
    store = new_store()
    add(store, "a")
    _, lines = begin(parse_watch(REQUESTS, LIST_AND_WATCH, Form(kind="PartialObjectMetadata")), store)
    added, mark = map(json.loads, lines.splitlines())
    assert sorted(added["object"]) == ["apiVersion", "kind", "metadata"]
    assert {item["object"]["kind"] for item in (added, mark)} == {"PartialObjectMetadata"}
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_watch_as_a_table_tells_its_columns_once():
    store = new_store()
    window = WatchWindow(store)
    add(store, "a")
    watch, lines = begin(parse_watch(REQUESTS, {}, Form(kind="Table")), store)
    first = json.loads(lines)["object"]
    assert (first["kind"], first["columnDefinitions"][0]["name"], first["rows"][0]["cells"][0]) == (
        "Table",
        "Name",
        "a",
    )
    add(store, "b")
    second = json.loads(proceed(watch, window, store)[1])["object"]
    assert (second["columnDefinitions"], second["rows"][0]["cells"][0]) == (None, "b")


@pytest.mark.parametrize(
    ("value", "is_watch"), [("true", True), ("True", True), ("1", True), ("False", False), ("0", False)]
)
def test_clients_of_other_languages_ask_for_a_watch_too(value, is_watch):
    call = Call("GET", "/api/v1/secrets", {"watch": value})
    assert bool(watch_of(new_store(), call)) == is_watch
