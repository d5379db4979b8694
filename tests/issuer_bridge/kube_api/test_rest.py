import json
from datetime import UTC, datetime
from random import Random

import pytest

from issuer_bridge.kube_api.patches import JSON_PATCH, MERGE_PATCH
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.store import EmbeddedStore

REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"
REQUEST = {"metadata": {"name": "www"}, "spec": {"request": "Zm9v", "issuerRef": {"name": "gravel"}}}


def new_store():
    return EmbeddedStore(lambda: datetime(2026, 11, 22, tzinfo=UTC), Random(1).randbytes)


def ask(store, method, path, body=None, content_type="application/json", **query):
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return respond(store, Call(method, path, query, content_type if data else "", data))


@pytest.fixture
def store():
    store = new_store()
    assert ask(store, "POST", REQUESTS, REQUEST).code == 201
    return store


def test_an_object_gets_its_namespace_from_the_path(store):
    assert ask(store, "GET", f"{REQUESTS}/www").document["metadata"]["namespace"] == "default"


def test_a_list_says_what_it_is_and_when(store):
    document = ask(store, "GET", "/apis/cert-manager.io/v1/certificaterequests").document
    assert (document["kind"], document["apiVersion"]) == ("CertificateRequestList", "cert-manager.io/v1")
    assert document["metadata"]["resourceVersion"] == "1"
    assert [(item["kind"], item["metadata"]["name"]) for item in document["items"]] == [("CertificateRequest", "www")]


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "query", "code", "text"),
    [
        ("POST", REQUESTS, REQUEST, "text/plain", {}, 415, "accepted media types include: application/json"),
        ("POST", REQUESTS, b"[]", "application/json", {}, 400, "it is no object"),
        ("POST", REQUESTS, b'{"a":1,"a":2}', "application/json", {}, 400, "has the name 'a' twice"),
        ("POST", REQUESTS, b"\xff", "application/json", {}, 400, "is not UTF-8"),
        ("POST", REQUESTS, b"[" * 50, "application/json", {}, 400, "is nested deeper"),
        ("POST", REQUESTS, {"metadata": []}, "application/json", {}, 400, "unrecognized"),
        ("POST", REQUESTS, {"metadata": {"name": "x", "namespace": "other"}}, "application/json", {}, 400, "namespace"),
        ("POST", REQUESTS, REQUEST, "application/json", {"dryRun": "Some"}, 422, 'value: []string{"Some"}'),
        ("POST", REQUESTS, REQUEST, "application/json", {"fieldValidation": "Maybe"}, 422, "Unsupported value"),
        ("POST", f"{REQUESTS}/www", REQUEST, "application/json", {}, 405, "does not allow this method"),
        ("POST", "/apis/cert-manager.io/v1/certificaterequests", REQUEST, "application/json", {}, 405, "not allow"),
        ("DELETE", "/apis/cert-manager.io/v1/certificaterequests", None, "", {}, 405, "does not allow this method"),
        ("DELETE", "/api/v1/namespaces", None, "", {}, 405, "does not allow this method"),
        ("DELETE", "/api/v1/namespaces/default", None, "", {}, 403, "this namespace may not be deleted"),
        ("DELETE", f"{REQUESTS}/www/status", None, "", {}, 405, "does not allow this method"),
        ("PATCH", f"{REQUESTS}/www", {"metadata": {"name": "x"}}, MERGE_PATCH, {}, 400, "name on the URL (www)"),
        ("PATCH", f"{REQUESTS}/www", {"metadata": {"resourceVersion": "9"}}, MERGE_PATCH, {}, 409, "modified"),
        ("PATCH", f"{REQUESTS}/www", [], "application/json", {}, 415, MERGE_PATCH),
        ("PATCH", f"{REQUESTS}/www", {}, "application/json-patch+json", {}, 400, "no list of operations"),
        (
            "PATCH",
            f"{REQUESTS}/www",
            [{"op": "test", "path": "/spec/isCA", "value": 1}],
            JSON_PATCH,
            {},
            422,
            "rejected",
        ),
        ("PATCH", f"{REQUESTS}/www", [{"op": "x"}] * 10_001, JSON_PATCH, {}, 413, "10000, got 10001"),
        ("PATCH", f"{REQUESTS}/www", [], MERGE_PATCH, {}, 400, "no object"),
        ("PATCH", f"{REQUESTS}/www", {}, MERGE_PATCH, {"force": "true"}, 422, "force: Forbidden: may not be specified"),
        ("PATCH", f"{REQUESTS}/www", {}, MERGE_PATCH, {"fieldManager": "x" * 129}, 422, "fieldManager: Too long"),
        ("PATCH", f"{REQUESTS}/www", {}, MERGE_PATCH, {"fieldManager": "a\n"}, 422, "printable"),
        ("PATCH", f"{REQUESTS}/www", {"spec": {"isCA": True}}, MERGE_PATCH, {}, 422, "spec: Forbidden"),
        ("PATCH", f"{REQUESTS}/www", {"spec": {"isca": True}}, MERGE_PATCH, {"fieldValidation": "Strict"}, 400, "isCA"),
        ("DELETE", f"{REQUESTS}/www", {"propagationPolicy": "x"}, "application/json", {}, 422, 'value: "x": supported'),
        (
            "DELETE",
            f"{REQUESTS}/www",
            None,
            "",
            {"propagationPolicy": "x"},
            422,
            '"Foreground", "Background", "Orphan"',
        ),
        ("DELETE", f"{REQUESTS}/www", None, "", {"dryRun": "x"}, 422, 'dryRun: Unsupported value: []string{"x"}'),
        ("DELETE", f"{REQUESTS}/www", {"preconditions": "x"}, "application/json", {}, 400, "preconditions"),
        ("DELETE", f"{REQUESTS}/www", {"preconditions": {"resourceVersion": "9"}}, "application/json", {}, 409, "(9)"),
        ("GET", REQUESTS, None, "", {"resourceVersion": "abc"}, 400, "must be a number"),
        ("GET", REQUESTS, None, "", {"continue": "x"}, 400, "invalid continue token: continue key is not valid"),
        ("GET", REQUESTS, None, "", {"limit": "x"}, 400, "limit: Invalid value"),
        ("GET", REQUESTS, None, "", {"resourceVersion": "99"}, 504, "Too large resource version: 99, current: 1"),
        ("GET", REQUESTS, None, "", {"resourceVersionMatch": "Exact"}, 422, "forbidden unless resourceVersion"),
        ("GET", REQUESTS, None, "", {"resourceVersionMatch": "x", "resourceVersion": "1"}, 422, "Unsupported value"),
        ("GET", REQUESTS, None, "", {"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422, '"exact" is'),
        ("GET", REQUESTS, None, "", {"sendInitialEvents": "true"}, 422, "forbidden for list"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_done_is_told_as_a_status_and_changes_nothing(
    store, method, path, body, content_type, query, code, text
):
    before = ask(store, "GET", REQUESTS).document
    answer = ask(store, method, path, body, content_type, **query)
    assert (answer.code, answer.document["kind"], answer.document["code"]) == (code, "Status", code)
    assert text in answer.document["message"]
    assert ask(store, "GET", REQUESTS).document == before


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/apis/nope.io/v1/foos"), ("POST", "/version"), ("PUT", "/api"), ("GET", "/livez/nope")],
)
def test_an_unknown_path_is_plain_text(method, path):
    answer = ask(new_store(), method, path)
    assert (answer.code, answer.body) == (404, b"404 page not found\n")
    assert dict(answer.headers)["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez", "/livez/ping"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_probes_are_answered(method, path):
    assert ask(new_store(), method, path).body == b"ok"


def test_the_version_can_be_parsed_by_clients():
    document = ask(new_store(), "GET", "/version").document
    assert document["gitVersion"].startswith(f"v{document['major']}.{document['minor']}.")


def test_a_body_without_a_media_type_is_json():
    call = Call("POST", REQUESTS, {}, "", json.dumps(REQUEST).encode())
    assert respond(new_store(), call).code == 201


def test_a_status_is_written_through_its_own_path_only(store):
    status = {"conditions": [{"type": "Ready", "status": "False"}]}
    ignored = ask(store, "PATCH", f"{REQUESTS}/www", {"status": status}, MERGE_PATCH)
    assert "status" not in ignored.document
    changed = ask(store, "PATCH", f"{REQUESTS}/www/status", {"status": status, "spec": None}, MERGE_PATCH)
    assert changed.document["status"] == status
    assert changed.document["spec"] == REQUEST["spec"]
    assert ask(store, "GET", f"{REQUESTS}/www/status").document == changed.document


def test_an_unknown_field_warns_and_is_not_kept(store):
    sent = {"metadata": {"name": "two"}, "spec": REQUEST["spec"] | {"isca": True, "bogus\r\nX: y": 1}}
    answer = ask(store, "POST", REQUESTS, sent)
    assert answer.document["spec"] == REQUEST["spec"]
    warnings = [value for name, value in answer.headers if name == "Warning"]
    assert warnings[0] == r'299 - "unknown field \"spec.isca\"; did you mean \"isCA\"?"'
    assert len(warnings) == 2
    assert not any(character in warnings[1] for character in "\r\n")
    assert not any(name == "Warning" for name, _ in ask(store, "GET", f"{REQUESTS}/two").headers)


def test_an_unknown_field_may_be_passed_over(store):
    sent = {"metadata": {"name": "two"}, "spec": REQUEST["spec"] | {"bogus": 1}}
    answer = ask(store, "POST", REQUESTS, sent, fieldValidation="Ignore")
    assert (answer.code, answer.warnings) == (201, ())


def test_a_deletion_takes_what_is_owned_along(store):
    uid = ask(store, "GET", f"{REQUESTS}/www").document["metadata"]["uid"]
    owner = {"apiVersion": "cert-manager.io/v1", "kind": "CertificateRequest", "name": "www", "uid": uid}
    orders = "/apis/acme.cert-manager.io/v1/namespaces/default/orders"
    order = {"metadata": {"name": "www-1", "ownerReferences": [owner]}, "spec": REQUEST["spec"]}
    assert ask(store, "POST", orders, order).code == 201
    assert ask(store, "DELETE", f"{REQUESTS}/www").document["details"]["uid"] == uid
    assert ask(store, "GET", f"{orders}/www-1").code == 404


def test_a_deletion_of_a_collection_takes_what_a_list_would_show(store):
    ask(store, "POST", REQUESTS, REQUEST | {"metadata": {"name": "two", "labels": {"a": "b"}}})
    answer = ask(store, "DELETE", REQUESTS, labelSelector="a=b")
    assert (answer.code, answer.document["kind"]) == (200, "CertificateRequestList")
    assert [item["metadata"]["name"] for item in answer.document["items"]] == ["two"]
    left = ask(store, "GET", REQUESTS).document["items"]
    assert [item["metadata"]["name"] for item in left] == ["www"]


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({"propagationPolicy": "Orphan"}, {}),
        ({"orphanDependents": True}, {}),
        (None, {"propagationPolicy": "Orphan"}),
        (None, {"orphanDependents": "true"}),
    ],
)
def test_a_policy_is_read_from_the_body_or_the_query(store, body, query):
    answer = ask(store, "DELETE", f"{REQUESTS}/www", body, **query)
    assert answer.document["metadata"]["finalizers"] == ["orphan"]
    assert ask(store, "GET", f"{REQUESTS}/www").code == 404


def test_a_namespaces_status_has_a_path(store):
    assert ask(store, "GET", "/api/v1/namespaces/default/status").document["status"] == {"phase": "Active"}
