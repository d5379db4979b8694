"""What is missing of an issuer is a warning, and never a reason to refuse it."""

import json

import pytest

from issuer_bridge.kube_api.patches import MERGE_PATCH
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.resources import SECRET
from tests.embedded_api import new_store

ISSUERS = "/apis/cert-manager.io/v1/namespaces/default/issuers"
CLUSTER = "/apis/cert-manager.io/v1/clusterissuers"
ACME = {"server": "https://acme.test/dir", "privateKeySecretRef": {"name": "account"}}
BINDING = {"externalAccountBinding": {"keyID": "k", "keySecretRef": {"name": "eab", "key": "hmac"}}}
RFC2136 = {"nameserver": "127.0.0.1:53", "tsigKeyName": "k", "tsigSecretSecretRef": {"name": "tsig", "key": "secret"}}
SOLVED = {"solvers": [{"http01": {}}, {"dns01": {"rfc2136": RFC2136}}]}
NO_EAB = 'spec.acme.externalAccountBinding.keySecretRef: there is no Secret "eab" in {} yet'


def write(store, acme, path=ISSUERS):
    body = {"metadata": {"name": "x"}, "spec": {"acme": ACME | acme}}
    answer = respond(store, Call("POST", path, {}, "", json.dumps(body).encode()))
    assert answer.code == 201, answer.document
    return list(answer.warnings)


@pytest.mark.seed("B13")
@pytest.mark.parametrize(
    ("acme", "expected"),
    [
        ({}, []),
        (BINDING, [NO_EAB.format("namespace default")]),
        (
            SOLVED,
            [
                'spec.acme.solvers[1].dns01.rfc2136.tsigSecretSecretRef: there is no Secret "tsig" in namespace default yet'
            ],
        ),
        (
            {"disableAccountKeyGeneration": True},
            ['spec.acme.privateKeySecretRef: there is no Secret "account" in namespace default yet'],
        ),
    ],
)
def test_a_secret_that_is_not_there_is_named(acme, expected):
    assert write(new_store(), acme) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"hmac": "Zm9v"}, []),
        ({"other": "Zm9v"}, ['spec.acme.externalAccountBinding.keySecretRef: the Secret "eab" has no key "hmac" yet']),
    ],
)
@pytest.mark.parametrize("path", [ISSUERS, CLUSTER])
def test_a_secret_must_have_the_key(path, data, expected):
    store = new_store()
    store.insert(SECRET, {"metadata": {"name": "eab", "namespace": "default"}, "data": data})
    assert write(store, BINDING, path) == expected


def test_a_cluster_issuers_secret_may_be_anywhere():
    assert write(new_store(), BINDING, CLUSTER) == [NO_EAB.format("any namespace")]


def test_a_change_is_warned_of_too():
    store = new_store()
    write(store, {})
    patch = json.dumps({"spec": {"acme": BINDING}}).encode()
    answer = respond(store, Call("PATCH", f"{ISSUERS}/x", {}, MERGE_PATCH, patch))
    assert answer.warnings == (NO_EAB.format("namespace default"),)
    assert ("Warning", f"299 - {json.dumps(answer.warnings[0])}") in answer.headers


def test_issuers_of_other_types_and_other_kinds_are_not_looked_at():
    body = {"metadata": {"name": "x"}, "spec": {"selfSigned": {}}}
    assert respond(new_store(), Call("POST", ISSUERS, {}, "", json.dumps(body).encode())).warnings == ()
