import json
import re

import pytest

from issuer_bridge.kube_api.paths import subresources
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.resources import KINDS
from tests.embedded_api import new_store

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def get(path, accept="", **query):
    return respond(new_store(), Call("GET", path, query, headers={"Accept": accept}))


def kinds(document):
    return {(entry["name"], entry["kind"]) for entry in document["resources"] if "/" not in entry["name"]}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_is_discovered_one_by_one_and_aggregated(kind):
    path = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
    assert (kind.plural, kind.kind) in kinds(get(path).document)
    answer = get("/apis" if kind.group else "/api", f"{AGGREGATED},application/json")
    assert dict(answer.headers)["Content-Type"] == AGGREGATED
    [group] = [item for item in answer.document["items"] if item["metadata"].get("name", "") == kind.group]
    [version] = [item for item in group["versions"] if item["version"] == kind.version]
    [resource] = [item for item in version["resources"] if item["resource"] == kind.plural]
    assert resource["responseKind"] == {"group": kind.group, "version": kind.version, "kind": kind.kind}
    assert resource["scope"] == ("Namespaced" if kind.namespaced else "Cluster")
    parts = [item["subresource"] for item in resource.get("subresources", ())]
    assert parts == list(subresources(kind))


def test_an_older_client_is_told_the_groups():
    document = get("/apis", "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,*/*").document
    assert document["kind"] == "APIGroupList"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_has_a_schema_and_checks_its_fields_itself(kind):
    index = get("/openapi/v3").document["paths"]
    url = index[f"apis/{kind.api_version}" if kind.group else f"api/{kind.version}"]["serverRelativeURL"]
    document = get(url.partition("?")[0]).document
    about = {"group": kind.group, "kind": kind.kind, "version": kind.version}
    schemas = document["components"]["schemas"]
    [schema] = [item for item in schemas.values() if about in item.get("x-kubernetes-group-version-kind", ())]
    assert {"apiVersion", "kind", "metadata"} <= set(schema["properties"])
    patches = [item["patch"] for item in document["paths"].values() if "patch" in item]
    [patch] = [item for item in patches if item["x-kubernetes-group-version-kind"] == about]
    assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas


def test_a_hash_changes_with_its_document_alone():
    assert get("/openapi/v3").document == get("/openapi/v3").document
    hashes = [
        item["serverRelativeURL"].partition("?hash=")[2] for item in get("/openapi/v3").document["paths"].values()
    ]
    assert len(hashes) == len(set(hashes))
    assert {len(item) for item in hashes} == {128}


@pytest.mark.parametrize(
    "path", ["/openapi/v3/apis/none/v1", "/apis/none", "/api/v2", "/readyz/none", "/readyz/ping/x"]
)
def test_what_there_is_none_of_is_not_found(path):
    assert get(path).code == 404


def test_a_probe_says_what_it_checked():
    assert get("/readyz", verbose="").document == "[+]ping ok\n[+]store ok\nreadyz check passed\n"
