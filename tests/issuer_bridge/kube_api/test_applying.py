"""Server-side apply over the API, and what updates leave in managedFields."""

import json

import pytest

from issuer_bridge.kube_api.patches import APPLY, JSON_PATCH, MERGE_PATCH
from issuer_bridge.kube_api.rest import Call, handle
from issuer_bridge.resources import CERTIFICATE_REQUEST, SERVICE
from tests.issuer_bridge.kube_api.test_store import new_store, request

REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"
PATH = f"{REQUESTS}/www"
SERVICES = "/api/v1/namespaces/default/services/web"


@pytest.fixture
def store():
    return new_store()


def ask(store, method, path, body, content_type=APPLY, agent="curl/8", **query):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return handle(store, Call(method, path, query, content_type, data, {"User-Agent": agent}))


def config(spec=None, **metadata):
    """What somebody applies."""
    known = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "metadata": metadata}
    return known | ({"spec": spec} if spec else {})


def apply(store, body, manager="m1", path=PATH, **query):
    return ask(store, "PATCH", path, body, fieldManager=manager, **query)


WHOLE = {"request": "Zm9v", "issuerRef": {"name": "x", "group": "a.test"}}


def owners(document):
    return {
        (item["manager"], item["operation"], item.get("subresource", "")): item["fieldsV1"]
        for item in document["metadata"].get("managedFields", ())
    }


def test_yaml_creates_an_object_and_another_apply_of_it_is_no_write(store):
    text = b"apiVersion: cert-manager.io/v1\nkind: CertificateRequest\nspec:\n  request: Zm9v\n  issuerRef: {name: x}\n"
    made = apply(store, text)
    assert (made.code, made.document["metadata"]["name"]) == (201, "www")
    again = apply(store, text)
    assert (again.code, again.document) == (200, made.document)
    assert store.resource_version == 1


def test_what_one_applies_no_more_and_nobody_else_owns_goes(store):
    apply(store, config(WHOLE, labels={"a": "1", "b": "1"}, finalizers=["a.test/f"]))
    apply(store, config(labels={"b": "1"}), manager="m2")
    left = apply(store, config(WHOLE)).document
    assert left["metadata"]["labels"] == {"b": "1"}
    assert "finalizers" not in left["metadata"]
    assert left["spec"] == WHOLE
    assert owners(left)["m2", "Apply", ""] == {"f:metadata": {"f:labels": {"f:b": {}}}}


def test_an_apply_without_finalizers_takes_only_its_own_back(store):
    store.insert(CERTIFICATE_REQUEST, request(finalizers=["other.test/f"]))
    both = apply(store, config(finalizers=["acme.cert-manager.io/finalizer"]), "cert-manager-challenges", force="true")
    assert both.document["metadata"]["finalizers"] == ["other.test/f", "acme.cert-manager.io/finalizer"]
    left = apply(store, config(), "cert-manager-challenges", force="true")
    assert left.document["metadata"]["finalizers"] == ["other.test/f"]


@pytest.mark.parametrize("uid", ["", "another"], ids=["gone", "made anew"])
def test_an_apply_to_another_uid_is_a_conflict_and_creates_nothing(store, uid):
    if uid:
        store.insert(CERTIFICATE_REQUEST, request())
    answer = apply(store, config(WHOLE, uid="mine"))
    assert (answer.code, answer.document["reason"]) == (409, "Conflict")
    assert store.resource_version == bool(uid)


@pytest.mark.parametrize(
    ("first", "spec", "labels", "text"),
    [
        ("apply", {"request": "YmFy"}, {}, '1 conflict: conflict with "m1": .spec.request'),
        ("update", {"request": "YmFy"}, {}, '1 conflict: conflict with "curl" using cert-manager.io/v1: .spec.request'),
        ("port", {"request": "YmFy"}, {},
         '1 conflict: conflict with "before-first-apply" using cert-manager.io/v1: .spec.request'),
        ("apply", {"request": "YmFy"}, {"a": "2"}, '2 conflicts: conflicts with "m1":\n- .metadata.labels.a\n- .spec.request'),
    ],
)  # fmt: skip
def test_another_managers_field_is_a_conflict_unless_forced(store, first, spec, labels, text):
    made = config(WHOLE, labels={"a": "1"})
    if first == "apply":
        apply(store, made)
    elif first == "update":
        ask(store, "POST", REQUESTS, made | {"metadata": {"name": "www", "labels": {"a": "1"}}}, "application/json")
    else:
        store.insert(CERTIFICATE_REQUEST, made | {"metadata": {"name": "www", "labels": {"a": "1"}}})
    version = store.resource_version
    refused = apply(store, config(spec, **({"labels": labels} if labels else {})), "m2")
    assert (refused.code, refused.document["message"]) == (409, f"Apply failed with {text}")
    assert {cause["reason"] for cause in refused.document["details"]["causes"]} == {"FieldManagerConflict"}
    assert store.resource_version == version
    forced = apply(store, config(spec), "m2", force="true")
    assert forced.document["spec"]["request"] == "YmFy"
    assert forced.document["spec"]["issuerRef"] == WHOLE["issuerRef"]


def test_the_same_value_may_have_two_owners(store):
    apply(store, config(WHOLE))
    both = apply(store, config({"request": "Zm9v"}), "m2")
    assert both.code == 200
    left = apply(store, config({"issuerRef": WHOLE["issuerRef"]}))
    assert left.document["spec"] == WHOLE


def test_an_update_takes_fields_from_who_applied_them(store):
    apply(store, config(WHOLE))
    changed = ask(store, "PATCH", PATH, {"spec": {"request": "YmFy"}}, MERGE_PATCH).document
    assert owners(changed) == {
        ("m1", "Apply", ""): {"f:spec": {"f:issuerRef": {"f:group": {}, "f:name": {}}}},
        ("curl", "Update", ""): {"f:spec": {"f:request": {}}},
    }


def test_managers_are_named_by_the_query_or_the_client(store):
    sent = {"metadata": {"name": "www"}, "spec": WHOLE}
    ask(store, "POST", REQUESTS, sent, "application/json", agent="kubectl/v1.35 (linux)")
    ask(store, "PATCH", PATH, {"metadata": {"labels": {"a": "1"}}}, MERGE_PATCH, fieldManager="me")
    last = ask(store, "PATCH", PATH, {"metadata": {"labels": {"b": "1"}}}, MERGE_PATCH, agent="")
    assert [name for name, *_ in owners(last.document)] == ["kubectl", "me", "unknown"]


def test_what_came_through_the_port_has_no_owners_until_somebody_applies(store):
    store.insert(CERTIFICATE_REQUEST, request())
    changed = ask(store, "PATCH", PATH, {"metadata": {"labels": {"a": "1"}}}, MERGE_PATCH).document
    assert "managedFields" not in changed["metadata"]
    applied = apply(store, config(labels={"b": "1"})).document
    assert [name for name, *_ in owners(applied)] == ["m1", "before-first-apply"]


def test_a_client_may_edit_and_reset_managed_fields(store):
    made = apply(store, config(WHOLE)).document["metadata"]["managedFields"]
    renamed = [made[0] | {"manager": "m9"}]
    operations = [{"op": "replace", "path": "/metadata/managedFields", "value": renamed}]
    edited = ask(store, "PATCH", PATH, operations, JSON_PATCH).document
    assert list(owners(edited)) == [("m9", "Apply", "")]
    reset = ask(store, "PATCH", PATH, {"metadata": {"managedFields": [{}]}}, MERGE_PATCH).document
    assert "managedFields" not in reset["metadata"]


def test_a_status_is_applied_alone_and_merged_by_type(store):
    apply(store, config(WHOLE))
    for manager, type_ in (("m2", "Ready"), ("m3", "InvalidRequest")):
        status = {"conditions": [{"type": type_, "status": "True"}]}
        answer = apply(store, config({"request": "x"}) | {"status": status}, manager, f"{PATH}/status")
    assert [item["type"] for item in answer.document["status"]["conditions"]] == ["Ready", "InvalidRequest"]
    assert answer.document["spec"] == WHOLE
    left = apply(store, config(), "m3", f"{PATH}/status").document
    assert [item["type"] for item in left["status"]["conditions"]] == ["Ready"]
    assert apply(store, config(), path=f"{REQUESTS}/nope/status").code == 404


def test_items_of_a_list_have_owners_of_their_own(store):
    def service(*ports):
        return {"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {"ports": list(ports)}}

    apply(store, service({"port": 80, "name": "a"}), path=SERVICES)
    both = apply(store, service({"port": 443, "name": "b"}), "m2", SERVICES).document
    assert sorted(item["port"] for item in both["spec"]["ports"]) == [80, 443]
    left = apply(store, service(), path=SERVICES).document
    assert left["spec"]["ports"] == [{"port": 443, "name": "b"}]
    assert len(store.list(SERVICE)) == 1


def test_a_dry_apply_writes_nothing(store):
    assert apply(store, config(WHOLE), dryRun="All").code == 201
    assert store.list(CERTIFICATE_REQUEST) == []
    assert store.resource_version == 0


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"a: [", 400, "line 1"),
        (b"a: 1\n---\nb: 1", 400, "one document"),
        (b"[]", 400, "it is no object"),
        (b"\xff", 400, "not UTF-8"),
        (config(WHOLE, managedFields=[{"manager": "x"}]), 400, "metadata.managedFields must be nil"),
        (config(WHOLE, resourceVersion="9"), 409, "modified"),
        (config(WHOLE, name="other"), 400, "does not match the name on the URL"),
        (config({"request": "Zm9v"}), 422, "spec.issuerRef: Required value"),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_told(store, body, code, text):
    answer = apply(store, body)
    assert answer.code == code
    assert text in answer.document["message"]


def test_more_than_ten_updating_managers_become_one(store):
    ask(store, "POST", REQUESTS, {"metadata": {"name": "www"}, "spec": WHOLE}, "application/json")
    for number in range(12):
        body = {"metadata": {"labels": {f"l{number}": "x"}}}
        last = ask(store, "PATCH", PATH, body, MERGE_PATCH, fieldManager=f"m{number}")
    found = [name for name, *_ in owners(last.document)]
    assert len(found) == 10
    assert "ancient-changes" in found
