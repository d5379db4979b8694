import pytest
import yaml

from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.resources import CERTIFICATE_REQUEST
from tests.embedded_api import new_store

REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"
AS_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AS_PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
AS_PARTIALS = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@pytest.fixture
def store():
    store = new_store()
    for name in ("r1", "r2"):
        spec = {"request": "Zm9v", "issuerRef": {"name": "x"}}
        store.insert(CERTIFICATE_REQUEST, {"metadata": {"name": name, "namespace": "default"}, "spec": spec})
    return store


def ask(store, path, accept, **query):
    return respond(store, Call("GET", path, query, headers={"Accept": accept}))


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "CertificateRequest"),
        ("*/*", "CertificateRequest"),
        ("application/json", "CertificateRequest"),
        ("application/vnd.kubernetes.protobuf,application/json", "CertificateRequest"),
        ("application/vnd.kubernetes.protobuf", "CertificateRequest"),
        (f"{AS_TABLE},application/json", "Table"),
        (f"application/json;q=0.5,{AS_TABLE}", "Table"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", "CertificateRequest"),
        ("application/json;as=Nothing;v=v1;g=meta.k8s.io,application/json", "CertificateRequest"),
        (AS_PARTIAL, "PartialObjectMetadata"),
        (AS_PARTIAL.replace("json", "vnd.kubernetes.protobuf"), "PartialObjectMetadata"),
        ("text/html,*/*;q=0.8", "CertificateRequest"),
    ],
)
def test_the_first_acceptable_form_is_taken(store, accept, kind):
    answer = ask(store, f"{REQUESTS}/r1", accept)
    assert (answer.code, answer.document["kind"]) == (200, kind)


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/r1", "text/html"),
        ("/r1", AS_TABLE.replace("meta", "other")),
        ("/r1", "application/cbor"),
        ("", AS_PARTIAL),
        ("/r1", AS_PARTIALS),
    ],
)
def test_what_is_not_served_is_not_acceptable(store, path, accept):
    answer = ask(store, REQUESTS + path, accept)
    assert (answer.code, answer.document["reason"]) == (406, "NotAcceptable")


def test_yaml_is_the_same_document(store):
    answer = ask(store, f"{REQUESTS}/r1", "application/yaml")
    assert dict(answer.headers)["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.body) == store.get(CERTIFICATE_REQUEST, "default", "r1")


def test_a_list_may_be_metadata_alone(store):
    document = ask(store, REQUESTS, AS_PARTIALS).document
    assert (document["kind"], document["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert document["metadata"]["resourceVersion"] == str(store.resource_version)
    assert [sorted(item) for item in document["items"]] == [["apiVersion", "kind", "metadata"]] * 2


@pytest.mark.parametrize(
    ("include", "keys"),
    [
        ("", ["apiVersion", "kind", "metadata"]),
        ("Metadata", ["apiVersion", "kind", "metadata"]),
        ("Object", ["apiVersion", "kind", "metadata", "spec"]),
        ("None", []),
    ],
)
def test_a_row_includes_of_its_object_what_was_asked_for(store, include, keys):
    rows = ask(store, REQUESTS, AS_TABLE, includeObject=include).document["rows"]
    assert [sorted(row.get("object", {})) for row in rows] == [keys] * 2


def test_an_unknown_inclusion_is_refused(store):
    answer = ask(store, REQUESTS, AS_TABLE, includeObject="All")
    assert (answer.code, answer.document["message"]) == (400, 'unrecognized includeObject value: "All"')


def test_an_error_is_a_status_in_every_form(store):
    assert ask(store, f"{REQUESTS}/none", AS_TABLE).document["reason"] == "NotFound"
