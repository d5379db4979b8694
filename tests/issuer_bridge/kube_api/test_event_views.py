"""Events through events.k8s.io: the same objects under other names."""

import json

import pytest

from issuer_bridge.kube_api.patches import APPLY, JSON_PATCH, MERGE_PATCH
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import watch_of
from issuer_bridge.kube_api.watch_window import WatchWindow
from issuer_bridge.kube_api.watching import begin, proceed
from issuer_bridge.resources import EVENT
from tests.embedded_api import new_store
from tests.issuer_bridge.kube_api.widgets import TABLE, ask

CORE, OTHER = "/api/v1/namespaces/default/events", "/apis/events.k8s.io/v1/namespaces/default/events"
REGARDING = {"kind": "Pod", "name": "p", "namespace": "default"}
NEW = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "e"},
    "eventTime": "2026-11-22T01:02:03.000004Z",
    "regarding": REGARDING,
    "note": "it works",
    "reason": "Worked",
    "type": "Normal",
    "action": "Work",
    "reportingController": "example.com/worker",
    "reportingInstance": "worker-1",
}


@pytest.fixture
def store():
    store = new_store()
    assert ask(store, "POST", OTHER, NEW).code == 201
    return store


def test_one_event_has_two_faces(store):
    core, other = (ask(store, "GET", f"{path}/e").document for path in (CORE, OTHER))
    assert (core["apiVersion"], core["involvedObject"], core["message"]) == ("v1", REGARDING, "it works")
    assert core["reportingComponent"] == other["reportingController"] == "example.com/worker"
    assert {name: other[name] for name in NEW if name != "metadata"} == {
        name: value for name, value in NEW.items() if name != "metadata"
    }
    assert core["metadata"] == other["metadata"]


def test_what_the_bridge_tells_is_seen_there_too(store):
    told = {"metadata": {"name": "b"}, "involvedObject": REGARDING, "message": "hello", "count": 2}
    told |= {"source": {"component": "cert-manager"}, "firstTimestamp": "2026-11-22T01:02:02Z"}
    store.insert(EVENT, told)
    document = ask(store, "GET", OTHER).document
    assert (document["apiVersion"], document["kind"]) == ("events.k8s.io/v1", "EventList")
    shown = document["items"][0]
    assert (shown["note"], shown["deprecatedCount"]) == ("hello", 2)
    assert shown["deprecatedSource"] == {"component": "cert-manager"}
    assert shown["deprecatedFirstTimestamp"] == "2026-11-22T01:02:02Z"


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        (MERGE_PATCH, {"note": "again", "series": {"count": 2, "lastObservedTime": "2026-11-22T01:02:04.000000Z"}}),
        (JSON_PATCH, [{"op": "replace", "path": "/note", "value": "again"}]),
        (APPLY, {"apiVersion": "events.k8s.io/v1", "kind": "Event", "note": "again"}),
    ],
)
def test_a_patch_speaks_the_names_of_its_path(store, content_type, patch):
    options = {"fieldManager": "x", "force": "true"} if content_type == APPLY else {}
    document = ask(store, "PATCH", f"{OTHER}/e", patch, content_type=content_type, **options).document
    assert (document["apiVersion"], document["note"]) == ("events.k8s.io/v1", "again")
    assert store.get(EVENT, "default", "e")["message"] == "again"


def test_selectors_and_tables_speak_them_too(store):
    assert len(ask(store, "GET", OTHER, fieldSelector="regarding.name=p").document["items"]) == 1
    assert ask(store, "GET", OTHER, fieldSelector="regarding.name=q").document["items"] == []
    core, other = (ask(store, "GET", path, headers=TABLE).document["rows"][0]["cells"] for path in (CORE, OTHER))
    assert core == other
    assert "it works" in core


def test_a_watch_shows_them(store):
    window = WatchWindow(store)
    watch = watch_of(store, Call("GET", OTHER, {"watch": "1", "fieldSelector": "regarding.kind=Pod"}))
    going_on, lines = begin(watch, store)
    assert json.loads(lines)["object"]["note"] == "it works"
    ask(store, "PATCH", f"{CORE}/e", {"message": "again"}, content_type=MERGE_PATCH)
    event = json.loads(proceed(going_on, window, store)[1])
    assert (event["type"], event["object"]["note"]) == ("MODIFIED", "again")


def test_the_group_is_discovered_and_described(store):
    assert ask(store, "GET", "/apis/events.k8s.io/v1").document["resources"][0]["kind"] == "Event"
    schemas = ask(store, "GET", "/openapi/v3/apis/events.k8s.io/v1").document["components"]["schemas"]
    assert "note" in schemas["io.k8s.api.events.v1.Event"]["properties"]
