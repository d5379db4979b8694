import json

import pytest

from gravel.applying import (
    LAST_APPLIED,
    NamespaceMismatchError,
    apply_manifests,
    last_applied,
    place,
    three_way_patch,
    with_last_applied,
)
from gravel.approval import Decision, complaint, patch
from gravel.kube_client import KubeClient
from issuer_bridge.kube_api.json_values import copy_json
from issuer_bridge.manifests import Manifest
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ISSUER, SECRET
from tests.embedded_api import NOW, new_store, serving


def manifest(kind=CERTIFICATE_REQUEST, **parts):
    resource = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "www"}} | parts
    return Manifest("f.yaml#1", kind, resource)


def request(labels=None, **spec):
    metadata = {"name": "www"} | ({"labels": labels} if labels else {})
    return manifest(metadata=metadata, spec={"request": "Zm9v", "issuerRef": {"name": "gravel"}} | spec)


async def applied(store, *manifests, namespace=None):
    async with serving(store) as url, KubeClient(url) as client:
        placed = place(manifests, namespace)
        return [(item.action, item.error) async for item in apply_manifests(client, placed)]


@pytest.mark.parametrize(
    ("own", "asked", "namespace"),
    [(None, None, "default"), (None, "shop", "shop"), ("own", None, "own"), ("own", "own", "own")],
)
def test_a_resource_gets_its_namespace(own, asked, namespace):
    [placed] = place([manifest(metadata={"name": "x", "namespace": own})], asked)
    assert placed.resource["metadata"]["namespace"] == namespace


def test_a_cluster_wide_resource_gets_none():
    [placed] = place([manifest(CLUSTER_ISSUER, metadata={"name": "x", "namespace": "own"})], "shop")
    assert placed.resource["metadata"] == {"name": "x"}


def test_two_namespaces_are_one_too_many():
    with pytest.raises(NamespaceMismatchError) as caught:
        place([manifest(metadata={"name": "x", "namespace": "own"})], "shop")
    assert str(caught.value) == "f.yaml#1 is for the namespace 'own', not 'shop'; leave -n out, or pass -n own"


def test_a_status_is_not_applied():
    [placed] = place([manifest(status={"certificate": "x"})], None)
    assert "status" not in placed.resource


def test_what_was_applied_is_kept_as_kubectl_keeps_it():
    desired = with_last_applied({"kind": "X", "metadata": {"name": "x"}, "spec": {"b": "ä", "a": 1}})
    text = '{"kind":"X","metadata":{"annotations":{},"name":"x"},"spec":{"a":1,"b":"ä"}}\n'
    assert desired["metadata"]["annotations"] == {LAST_APPLIED: text}
    assert last_applied(desired) == json.loads(text)
    assert with_last_applied(desired) == desired


@pytest.mark.parametrize("text", [None, "", "not JSON", "[]"])
def test_an_annotation_of_somebody_else_counts_as_nothing(text):
    assert last_applied({"metadata": {"annotations": {LAST_APPLIED: text}}}) == {}


@pytest.mark.parametrize(
    ("last", "desired", "current", "expected"),
    [
        ({}, {"a": 1}, {}, {"a": 1}),
        ({}, {"a": 1}, {"a": 1}, {}),
        ({}, {"a": 1}, {"a": 1, "others": 2}, {}),
        ({"a": 1}, {}, {"a": 1}, {"a": None}),
        ({"a": 1}, {}, {}, {}),
        ({"a": 1}, {"a": None}, {"a": 1}, {"a": None}),
        ({}, {"a": None}, {}, {}),
        ({"m": {"a": 1, "b": 1}}, {"m": {"a": 2}}, {"m": {"a": 1, "b": 1, "c": 1}}, {"m": {"a": 2, "b": None}}),
        ({}, {"m": {"a": 1}}, {"m": "text"}, {"m": {"a": 1}}),
        ({}, {"m": {}}, {}, {"m": {}}),
        ({"l": [1, 2]}, {"l": [2]}, {"l": [1, 2]}, {"l": [2]}),
    ],
    ids=str,
)
def test_a_patch_changes_what_differs_and_forgets_what_was_taken_out(last, desired, current, expected):
    assert three_way_patch(last, desired, current) == expected


async def test_applying_creates_then_leaves_then_changes():
    store = new_store()
    assert await applied(store, request({"a": "b", "c": "d"})) == [("created", "")]
    assert await applied(store, request({"a": "b", "c": "d"})) == [("unchanged", "")]
    assert await applied(store, request({"a": "e"})) == [("configured", "")]
    assert store.get(CERTIFICATE_REQUEST, "default", "www")["metadata"]["labels"] == {"a": "e"}


async def test_applying_leaves_what_others_have_set():
    store = new_store()
    await applied(store, request({"a": "b"}))
    resource = copy_json(store.get(CERTIFICATE_REQUEST, "default", "www"))
    resource["metadata"]["labels"]["theirs"] = "x"
    store.replace(CERTIFICATE_REQUEST, resource)
    assert await applied(store, request({"a": "c"})) == [("configured", "")]
    assert store.get(CERTIFICATE_REQUEST, "default", "www")["metadata"]["labels"] == {"a": "c", "theirs": "x"}


async def test_applying_a_secret_again_changes_nothing():
    store = new_store()
    secret = manifest(SECRET, stringData={"a": "b"})
    assert await applied(store, secret) == [("created", "")]
    assert await applied(store, secret) == [("unchanged", "")]


async def test_what_is_refused_does_not_stop_the_rest():
    store = new_store()
    await applied(store, request())
    [(action, error), other] = await applied(store, request(request="YmFy"), manifest(SECRET))
    assert (action, other) == ("refused", ("created", ""))
    assert error == (
        'f.yaml#1: CertificateRequest.cert-manager.io "www" is invalid: spec: Forbidden: '
        "cannot change after creation; delete the object, or use another name"
    )


def decided(*conditions):
    found = [{"type": name, "status": "True", "reason": reason, "message": "why"} for name, reason in conditions]
    return {"metadata": {"name": "www", "resourceVersion": "7"}, "status": {"conditions": found}}


APPROVE, DENY = Decision("Approved", "R", "M"), Decision("Denied", "R", "M")


@pytest.mark.parametrize(
    ("resource", "decision", "text"),
    [
        ({"metadata": {}}, APPROVE, None),
        ({"metadata": {}}, DENY, None),
        (decided(("Approved", "ByAda")), APPROVE, "has already been approved (ByAda: why), and that is final"),
        (decided(("Approved", "ByAda")), DENY, "has been approved (ByAda: why), and that is final"),
        (decided(("Denied", "ByAda")), APPROVE, "has been denied (ByAda: why), and that is final"),
        (decided(("Denied", "ByAda")), DENY, "has already been denied (ByAda: why), and that is final"),
        (decided(("Ready", "Issued")), APPROVE, "has been issued already"),
        (decided(("InvalidRequest", "x")), APPROVE, "has failed already"),
    ],
    ids=str,
)
def test_a_decision_is_made_once(resource, decision, text):
    assert complaint(resource, decision) == text


def test_a_decision_is_a_condition_beside_the_others_for_the_version_that_was_read():
    assert patch(decided(("Ready", "x")), APPROVE, NOW) == {
        "metadata": {"resourceVersion": "7"},
        "status": {
            "conditions": [
                {"type": "Ready", "status": "True", "reason": "x", "message": "why"},
                {
                    "type": "Approved",
                    "status": "True",
                    "reason": "R",
                    "message": "M",
                    "lastTransitionTime": "2026-11-22T01:02:03Z",
                },
            ]
        },
    }
