"""Rules of Kubernetes' own kinds, and dry runs of every verb."""

import pytest

from issuer_bridge.kube_api.patches import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE
from issuer_bridge.resources import CONFIG_MAP, KINDS, SECRET, ApiError
from tests.issuer_bridge.kube_api.test_rest import REQUEST, REQUESTS, ask
from tests.issuer_bridge.kube_api.test_store import new_store

SECRETS = "/api/v1/namespaces/default/secrets"


@pytest.mark.parametrize(
    ("type_", "data", "missing"),
    [
        ("kubernetes.io/tls", {"tls.crt": ""}, "data[tls.key]"),
        ("kubernetes.io/dockerconfigjson", {}, "data[.dockerconfigjson]"),
        ("kubernetes.io/ssh-auth", {}, "data[ssh-privatekey]"),
        ("Opaque", {}, None),
        ("kubernetes.io/tls", {"tls.crt": "", "tls.key": ""}, None),
    ],
)
def test_a_secret_has_what_its_type_demands(type_, data, missing):
    answer = ask(new_store(), "POST", SECRETS, {"metadata": {"name": "s"}, "type": type_, "data": data})
    assert answer.code == (422 if missing else 201)
    if missing:
        assert answer.document["message"] == f'Secret "s" is invalid: {missing}: Required value'


def test_a_secrets_plain_data_counts():
    sent = {"metadata": {"name": "s"}, "type": "kubernetes.io/tls", "stringData": {"tls.crt": "a", "tls.key": "b"}}
    assert ask(new_store(), "POST", SECRETS, sent).code == 201


@pytest.mark.parametrize("kind", [SECRET, CONFIG_MAP], ids=lambda kind: kind.kind)
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"data": {"a": "Yg=="}}, "data"),
        ({"immutable": False}, "immutable"),
        ({"metadata": {"labels": {"a": "b"}}}, None),
    ],
    ids=["data", "immutable", "labels"],
)
def test_what_is_immutable_keeps_its_data(kind, change, told):
    store = new_store()
    made = store.insert(kind, {"metadata": {"name": "s"}, "data": {"a": "YQ=="}, "immutable": True})
    sent = {**made, **change, "metadata": {**made["metadata"], **change.get("metadata", {})}}
    if told is None:
        store.replace(kind, sent)
        return
    with pytest.raises(ApiError, match=f"{told}: Forbidden: field is immutable when `immutable` is set") as caught:
        store.replace(kind, sent)
    assert caught.value.code == 422


def test_only_kubernetes_own_kinds_are_merged_strategically():
    store = new_store()
    ask(store, "POST", SECRETS, {"metadata": {"name": "s", "finalizers": ["a.test/f"]}})
    patch = {"metadata": {"finalizers": ["b.test/f"]}}
    changed = ask(store, "PATCH", f"{SECRETS}/s", patch, STRATEGIC_MERGE)
    assert changed.document["metadata"]["finalizers"] == ["a.test/f", "b.test/f"]
    ask(store, "POST", REQUESTS, REQUEST)
    assert ask(store, "PATCH", f"{REQUESTS}/www", patch, STRATEGIC_MERGE).code == 415


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "code"),
    [
        ("POST", REQUESTS, REQUEST | {"metadata": {"name": "two"}}, "application/json", 201),
        ("POST", REQUESTS, REQUEST | {"metadata": {"generateName": "two-"}}, "application/json", 201),
        ("PATCH", f"{REQUESTS}/www", {"metadata": {"labels": {"a": "b"}}}, MERGE_PATCH, 200),
        ("PATCH", f"{REQUESTS}/www/status", {"status": {"certificate": "Zm9v"}}, MERGE_PATCH, 200),
        ("PATCH", f"{REQUESTS}/www", [{"op": "add", "path": "/metadata/labels", "value": {}}], JSON_PATCH, 200),
        ("DELETE", f"{REQUESTS}/www", None, "", 200),
        ("DELETE", REQUESTS, None, "", 200),
        ("POST", REQUESTS, REQUEST, "application/json", 409),
    ],
)
def test_a_dry_run_answers_as_if_and_does_nothing(method, path, body, content_type, code):
    store = new_store()
    ask(store, "POST", REQUESTS, REQUEST)
    before, heard = [store.list(kind) for kind in KINDS], []
    store.watch(lambda *event: heard.append(event))
    answer = ask(store, method, path, body, content_type, dryRun="All")
    assert answer.code == code
    assert before == [store.list(kind) for kind in KINDS]
    assert (heard, store.resource_version) == ([], 1)


def test_a_dry_run_shows_what_would_be():
    store = new_store()
    ask(store, "POST", REQUESTS, REQUEST)
    patch = {"metadata": {"labels": {"a": "b"}, "finalizers": ["x.test/f"]}}
    changed = ask(store, "PATCH", f"{REQUESTS}/www", patch, MERGE_PATCH, dryRun="All").document
    assert (changed["metadata"]["labels"], changed["metadata"]["resourceVersion"]) == ({"a": "b"}, "1")
    ask(store, "PATCH", f"{REQUESTS}/www", patch, MERGE_PATCH)
    marked = ask(store, "DELETE", f"{REQUESTS}/www", {"dryRun": ["All"]}).document
    assert "deletionTimestamp" in marked["metadata"]
    assert "deletionTimestamp" not in ask(store, "GET", f"{REQUESTS}/www").document["metadata"]
