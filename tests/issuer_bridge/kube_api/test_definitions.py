"""CustomResourceDefinitions: their kinds are served at once, as their schemas say."""

import sqlite3
from copy import deepcopy
from datetime import UTC, datetime
from random import Random

import pytest

from issuer_bridge.kube_api.archive import SqliteArchive
from issuer_bridge.kube_api.patches import APPLY, MERGE_PATCH
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond, watch_of
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watch_window import WatchWindow
from issuer_bridge.kube_api.watching import proceed
from issuer_bridge.resources import CUSTOM_RESOURCE_DEFINITION, SECRET, Kind
from tests.embedded_api import new_store
from tests.issuer_bridge.kube_api.widgets import (
    DEFINITIONS,
    NAME,
    OLD_WIDGETS,
    TABLE,
    WIDGETS,
    ask,
    define,
    definition,
    version,
    widget,
)

AGGREGATED = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def store():
    store = new_store()
    define(store)
    return store


def crd(store, name=NAME):
    return ask(store, "GET", f"{DEFINITIONS}/{name}").document


def conditions(document):
    return {item["type"]: (item["status"], item["reason"]) for item in document["status"]["conditions"]}


def test_a_definition_gets_its_names_and_is_established(store):
    status = crd(store)["status"]
    assert conditions(crd(store)) == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert status["acceptedNames"] == crd(store)["spec"]["names"]
    assert status["acceptedNames"]["singular"] == "widget"
    assert status["acceptedNames"]["listKind"] == "WidgetList"
    assert status["storedVersions"] == ["v1"]


def test_its_kind_is_discovered_with_its_names(store):
    assert ask(store, "GET", "/apis/example.com").document["preferredVersion"]["version"] == "v1"
    first, status = ask(store, "GET", "/apis/example.com/v1").document["resources"]
    assert (first["name"], first["singularName"], first["kind"]) == ("widgets", "widget", "Widget")
    assert (first["shortNames"], first["categories"]) == (["wd"], ["all", "toys"])
    assert status["name"] == "widgets/status"
    groups = ask(store, "GET", "/apis", headers=AGGREGATED).document["items"]
    assert [group["metadata"]["name"] for group in groups].count("example.com") == 1
    paths = ask(store, "GET", "/openapi/v3").document["paths"]
    document = ask(store, "GET", paths["apis/example.com/v1"]["serverRelativeURL"].partition("?")[0]).document
    schema = document["components"]["schemas"]["com.example.v1.Widget"]
    assert schema["properties"]["spec"]["properties"]["color"]["default"] == "red"


def test_an_object_is_pruned_and_has_its_defaults(store):
    answer = ask(store, "POST", WIDGETS, widget(parts=[{"name": "a"}], free={"x": {"y": 1}}, bogus=1, until=None))
    spec = {"size": 3, "color": "red", "parts": [{"name": "a", "weight": 1.5}], "free": {"x": {"y": 1}}, "until": None}
    assert answer.document["spec"] == spec
    assert answer.warnings == ('unknown field "spec.bogus"',)
    strict = ask(store, "POST", WIDGETS, widget("w2", bogus=1), fieldValidation="Strict")
    assert (strict.code, 'unknown field "spec.bogus"' in strict.document["message"]) == (400, True)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"size": None}, "spec.size: Required value"),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"size": 10}, "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9"),
        ({"size": 1.5}, 'spec.size in body must be of type integer: "number"'),
        ({"color": "green"}, 'spec.color: Unsupported value: "green": supported values: "red", "blue"'),
        ({"port": True}, 'spec.port in body must be of type integer,string: "boolean"'),
        ({"tags": ["a", "a"]}, 'spec.tags[1]: Duplicate value: "a"'),
        ({"parts": [{"name": "a"}, {"name": "a"}]}, 'spec.parts[1]: Duplicate value: {"name": "a"}'),
        ({"parts": [{"name": n} for n in "abc"]}, "spec.parts: Too many: 3: must have at most 2 items"),
        ({"parts": [{"name": "A"}]}, "spec.parts[0].name in body should match '^[a-z]+$'"),
        ({"parts": [{"name": "a", "weight": "1"}]}, 'spec.parts[0].weight in body must be of type number: "string"'),
        ({"until": "soon"}, 'spec.until in body must be of type date-time: "soon"'),
        ({"either": {"a": "", "b": ""}}, "must validate one and only one schema (oneOf). Found 2 valid alternatives"),
    ],
)
def test_what_the_schema_forbids_is_invalid(store, spec, text):
    answer = ask(store, "POST", WIDGETS, widget(**spec))
    assert answer.code == 422
    assert text in answer.document["message"]


def test_the_status_is_written_apart_and_counts_no_generation(store):
    made = ask(store, "POST", WIDGETS, widget() | {"status": {"phase": "Early"}}).document
    assert ("status" in made, made["metadata"]["generation"]) == (False, 1)
    patch = {"status": {"phase": "Ready"}, "spec": {"size": 5}}
    document = ask(store, "PATCH", f"{WIDGETS}/w1/status", patch, content_type=MERGE_PATCH).document
    assert (document["status"], document["spec"]["size"]) == ({"phase": "Ready"}, 3)
    assert document["metadata"]["generation"] == 1
    document = ask(store, "PATCH", f"{WIDGETS}/w1", patch, content_type=MERGE_PATCH).document
    assert (document["spec"]["size"], document["metadata"]["generation"]) == (5, 2)


def test_without_the_subresource_a_status_is_a_field_like_others():
    store = new_store()
    define(store, versions=[version(subresources={})])
    assert ask(store, "GET", f"{WIDGETS}/w1/status").code == 404
    made = ask(store, "POST", WIDGETS, widget() | {"status": {"phase": "Early"}}).document
    assert made["status"] == {"phase": "Early"}
    patch = {"status": {"phase": "Late"}}
    document = ask(store, "PATCH", f"{WIDGETS}/w1", patch, content_type=MERGE_PATCH).document
    assert (document["status"]["phase"], document["metadata"]["generation"]) == ("Late", 2)


def test_a_table_has_the_printer_columns(store):
    ask(store, "POST", WIDGETS, widget(parts=[{"name": "a"}, {"name": "b"}]))
    document = ask(store, "GET", WIDGETS, headers=TABLE).document
    assert [column["name"] for column in document["columnDefinitions"]] == ["Name", "Size", "Parts", "Phase", "Age"]
    assert document["rows"][0]["cells"] == ["w1", 3, "a b", None, "0s"]


def test_a_list_is_selected_by_the_fields_that_the_definition_names(store):
    for name, color in (("w1", "red"), ("w2", "blue")):
        ask(store, "POST", WIDGETS, widget(name, color=color))
    items = ask(store, "GET", WIDGETS, fieldSelector="spec.color=blue").document["items"]
    assert [item["metadata"]["name"] for item in items] == ["w2"]
    assert ask(store, "GET", WIDGETS, fieldSelector="spec.size=3").code == 400


def test_items_of_a_list_with_keys_are_applied_by_several_managers(store):
    for manager, name in (("one", "a"), ("two", "b")):
        body = widget(parts=[{"name": name}]) | {"apiVersion": "example.com/v1", "kind": "Widget"}
        answer = ask(store, "PATCH", f"{WIDGETS}/w1", body, content_type=APPLY, fieldManager=manager)
        assert answer.code in (200, 201), answer.document
    assert [part["name"] for part in answer.document["spec"]["parts"]] == ["a", "b"]


def test_all_versions_show_the_same_objects_each_under_its_name(store):
    old = version("v1beta1", storage=False)
    patch = {"spec": {"versions": [version(), old]}}
    assert ask(store, "PATCH", f"{DEFINITIONS}/{NAME}", patch, content_type=MERGE_PATCH).code == 200
    window = WatchWindow(store)
    watch = watch_of(store, Call("GET", WIDGETS, {"watch": "1", "resourceVersion": str(store.resource_version)}))
    made = ask(store, "POST", OLD_WIDGETS, widget()).document
    assert made["apiVersion"] == "example.com/v1beta1"
    assert ask(store, "GET", f"{WIDGETS}/w1").document == made | {"apiVersion": "example.com/v1"}
    for path, name in ((WIDGETS, "v1"), (OLD_WIDGETS, "v1beta1")):
        assert [item["apiVersion"] for item in ask(store, "GET", path).document["items"]] == [f"example.com/{name}"]
    assert b'"apiVersion":"example.com/v1"' in proceed(watch, window, store)[1]
    assert (
        ask(store, "PUT", f"{WIDGETS}/w1", ask(store, "GET", f"{WIDGETS}/w1").document).document["metadata"][
            "resourceVersion"
        ]
        == made["metadata"]["resourceVersion"]
    )


def test_a_version_that_is_not_served_is_not_there_but_stays_stored(store):
    new = [version(served=False, storage=False), version("v2")]
    answer = ask(store, "PATCH", f"{DEFINITIONS}/{NAME}", {"spec": {"versions": new}}, content_type=MERGE_PATCH)
    assert answer.code == 200
    assert crd(store)["status"]["storedVersions"] == ["v1", "v2"]
    assert ask(store, "GET", WIDGETS).code == 404
    patch = {"spec": {"versions": [version("v2")]}}
    refused = ask(store, "PATCH", f"{DEFINITIONS}/{NAME}", patch, content_type=MERGE_PATCH)
    assert (refused.code, "was previously a storage version" in refused.document["message"]) == (422, True)


def test_the_schema_of_today_holds_for_objects_of_yesterday(store):
    ask(store, "POST", WIDGETS, widget())
    changed = version()
    changed["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object"}}}}
    ask(store, "PATCH", f"{DEFINITIONS}/{NAME}", {"spec": {"versions": [changed]}}, content_type=MERGE_PATCH)
    assert ask(store, "PATCH", f"{WIDGETS}/w1", {"spec": {"size": 4}}, content_type=MERGE_PATCH).document["spec"] == {}


def test_names_of_another_kind_are_not_given_twice_until_they_are_free(store):
    define(store, name="gadgets.example.com", names={"kind": "Gadget", "shortNames": ["wd"]})
    assert conditions(crd(store, "gadgets.example.com")) == {
        "NamesAccepted": ("False", "ShortNamesConflict"),
        "Established": ("False", "NotAccepted"),
    }
    gadgets = WIDGETS.replace("widgets", "gadgets")
    assert ask(store, "GET", gadgets).code == 404
    assert ask(store, "DELETE", f"{DEFINITIONS}/{NAME}").code == 200
    assert conditions(crd(store, "gadgets.example.com"))["Established"] == ("True", "InitialNamesAccepted")
    assert ask(store, "GET", gadgets).code == 200


def test_a_kind_that_is_always_served_keeps_its_names():
    store = new_store()
    define(store, name="papers.cert-manager.io", names={"kind": "Certificate", "shortNames": []})
    assert conditions(crd(store, "papers.cert-manager.io"))["NamesAccepted"] == ("False", "ListKindConflict")


def test_a_deleted_definition_takes_its_objects_with_it(store):
    ask(store, "POST", WIDGETS, widget())
    gone = ask(store, "DELETE", f"{DEFINITIONS}/{NAME}").document
    assert gone["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert [ask(store, "GET", path).code for path in (f"{DEFINITIONS}/{NAME}", WIDGETS, "/apis/example.com")] == [
        404
    ] * 3
    define(store)
    assert ask(store, "GET", WIDGETS).document["items"] == []


def test_a_deleted_definition_waits_for_finalizers_of_its_objects(store):
    held = widget()
    held["metadata"]["finalizers"] = ["example.com/x"]
    ask(store, "POST", WIDGETS, held)
    ask(store, "DELETE", f"{DEFINITIONS}/{NAME}")
    assert conditions(crd(store))["Terminating"] == ("True", "InstanceDeletionInProgress")
    refused = ask(store, "POST", WIDGETS, widget("w2"))
    assert (refused.code, "is terminating" in refused.document["message"]) == (405, True)
    ask(store, "PATCH", f"{WIDGETS}/w1", {"metadata": {"finalizers": None}}, content_type=MERGE_PATCH)
    assert ask(store, "GET", f"{DEFINITIONS}/{NAME}").code == 404


def test_a_cluster_wide_kind_has_no_namespace():
    store = new_store()
    define(store, scope="Cluster")
    answer = ask(store, "POST", "/apis/example.com/v1/widgets", widget())
    assert (answer.code, "namespace" in answer.document["metadata"]) == (201, False)
    assert ask(store, "GET", WIDGETS).code == 404


def test_an_owner_of_a_defined_kind_takes_its_dependants_with_it(store):
    owner = ask(store, "POST", WIDGETS, widget()).document["metadata"]
    reference = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w1", "uid": owner["uid"]}
    store.insert(SECRET, {"metadata": {"name": "s", "namespace": "default", "ownerReferences": [reference]}})
    ask(store, "DELETE", f"{WIDGETS}/w1")
    assert store.get(SECRET, "default", "s") is None


def without(path):
    """A definition that lacks something, or has something that cannot be."""
    document = deepcopy(definition())
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    return document, place, last


SCHEMA = ("spec", "versions", 0, "schema", "openAPIV3Schema")
SIZE = (*SCHEMA, "properties", "spec", "properties", "size")


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        (("metadata", "name"), "gadgets.example.com", 'must be spec.names.plural+"."+spec.group'),
        (("spec", "group"), "example", "at least one dot"),
        (("spec", "scope"), "Galaxy", 'supported values: "Cluster", "Namespaced"'),
        (("spec", "names", "kind"), None, "spec.names.kind: Required value"),
        (("spec", "names", "listKind"), "Widget", "kind and listKind may not be the same"),
        (("spec", "conversion"), {"strategy": "Webhook"}, 'supported values: "None"'),
        (("spec", "versions"), [], "exactly one version marked as storage version"),
        (("spec", "versions"), [version(), version()], "unique version names"),
        (("spec", "versions", 0, "served"), False, "at least one version that is served"),
        (("spec", "versions", 0, "name"), "V1", "DNS-1035"),
        (("spec", "versions", 0, "schema"), None, "schemas are required"),
        ((*SCHEMA, "type"), "string", "must be object at the root"),
        ((*SIZE, "type"), None, "properties[size].type: Required value"),
        ((*SIZE, "type"), "int", "Unsupported value"),
        ((*SIZE, "$ref"), "#/x", "must be empty to be structural"),
        ((*SIZE, "minimum"), "1", 'must be of type number: "string"'),
        ((*SIZE, "default"), 10, "should be less than or equal to 9"),
        ((*SIZE, "pattern"), "(", "must be a regular expression"),
        ((*SIZE, "uniqueItems"), True, "x-kubernetes-list-type: set"),
        ((*SIZE, "allOf"), [{"default": 1}], "must be empty to be structural"),
        ((*SCHEMA, "properties", "spec"), {"type": "array"}, "items: Required value"),
        ((*SCHEMA, "properties", "spec"), {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
         "x-kubernetes-list-map-keys: Required value"),
    ],
)  # fmt: skip
def test_a_definition_that_cannot_be_is_refused_with_the_field(path, value, text):
    document, place, last = without(path)
    place[last] = value
    answer = ask(new_store(), "POST", DEFINITIONS, document)
    assert answer.code == 422
    assert text in answer.document["message"]


@pytest.mark.parametrize("change", [{"scope": "Cluster"}, {"names": {"kind": "Gizmo"}}])
def test_what_objects_depend_on_stays(store, change):
    answer = ask(store, "PATCH", f"{DEFINITIONS}/{NAME}", {"spec": change}, content_type=MERGE_PATCH)
    assert (answer.code, "field is immutable" in answer.document["message"]) == (422, True)


def test_definitions_and_objects_are_kept_in_the_file():
    connection = sqlite3.connect(":memory:", isolation_level=None)

    def opened(run):
        return EmbeddedStore(lambda: NOW, Random(run).randbytes, archive=SqliteArchive(connection, run))

    store = opened(0)
    define(store)
    made = ask(store, "POST", WIDGETS, widget()).document
    again = opened(1)
    assert ask(again, "GET", f"{WIDGETS}/w1").document == made
    assert ask(again, "PATCH", f"{WIDGETS}/w1", {"spec": {"size": 10}}, content_type=MERGE_PATCH).code == 422
    ask(again, "DELETE", f"{DEFINITIONS}/{NAME}")
    last = opened(2)
    assert last.list(CUSTOM_RESOURCE_DEFINITION) == []
    assert ask(last, "GET", WIDGETS).code == 404


def test_the_port_knows_a_defined_kind_by_group_and_name(store):
    kind = Kind("example.com", "v1", "Widget", "widgets", custom=True)
    made = store.insert(kind, widget())
    assert made["spec"]["color"] == "red"
    assert store.list(kind) == ask(store, "GET", WIDGETS).document["items"]


def test_the_port_takes_a_kind_that_nobody_described():
    store, kind = new_store(), Kind("example.com", "v1", "Gizmo", "gizmos", status=True, custom=True)
    store.insert(kind, {"metadata": {"name": "g"}, "spec": {"any": ["thing"]}})
    assert store.get(kind, "default", "g")["spec"] == {"any": ["thing"]}


def test_a_watch_of_definitions_sees_them_established():
    store = new_store()
    window = WatchWindow(store)
    watch = watch_of(store, Call("GET", DEFINITIONS, {"watch": "1", "resourceVersion": "0"}))
    define(store)
    lines = proceed(watch, window, store)[1]
    assert lines.count(b'"type":"ADDED"') == lines.count(b'"type":"MODIFIED"') == 1
    assert b'"InitialNamesAccepted"' in lines
    assert respond(store, Call("GET", "/apis/example.com/v1")).code == 200
