"""Whatever a client sends, the answer is a document with a status below 500, and the store keeps to its schemas."""

import json
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.patches import APPLY, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.schema_check import causes
from issuer_bridge.kube_api.schemas import SCHEMAS
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.resources import KINDS
from tests.issuer_bridge.bridge_resources import csr_of

REFERENCE = {"request": "Zm9v", "issuerRef": {"name": "gravel"}}
SOLVED = {"authorizationURL": "a", "dnsName": "x.test", "issuerRef": {"name": "gravel"}, "key": "k", "token": "t"}
ACME_ISSUER = {"spec": {"directory": "gravel://default", "accountKeySecretRef": {"name": "account"}}}
VALID = {
    "Issuer": {"spec": {"selfSigned": {}}},
    "ClusterIssuer": {"spec": {"selfSigned": {}}},
    "Certificate": {"spec": {"secretName": "x-tls", "dnsNames": ["x.test"], "issuerRef": {"name": "gravel"}}},
    "CertificateRequest": {"spec": REFERENCE},
    "Order": {"spec": REFERENCE},
    "Challenge": {"spec": SOLVED | {"solver": {"http01": {}}, "type": "HTTP-01", "url": "u"}},
    "CertificateRequestPolicy": {"spec": {"selector": {"issuerRef": {}}}},
    "AcmeIssuer": ACME_ISSUER,
    "AcmeClusterIssuer": ACME_ISSUER,
    "IssuedCertificate": {"spec": {}},
    "PodBounceDirective": {"spec": {}},
    "Secret": {"data": {"a": "Zm9v"}},
    "RoleBinding": {"roleRef": {"kind": "Role", "name": "x"}},
    "ClusterRoleBinding": {"roleRef": {"kind": "ClusterRole", "name": "x"}},
    "Event": {"involvedObject": {"namespace": "default"}},
    "CertificateSigningRequest": {"spec": {"request": csr_of("x.test"), "signerName": "x.test/x", "usages": ["any"]}},
    "CustomResourceDefinition": {
        "spec": {
            "group": "x.test",
            "scope": "Namespaced",
            "names": {"plural": "xs", "kind": "X"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
            ],
        }
    },
}
# What the first two objects are called, where a kind does not leave that open.
NAMES = {"CustomResourceDefinition": ("xs.x.test", "ys.x.test")}
LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from(["", "x", "Zm9v", "True"])


def junk(depth):
    if depth == 0:
        return LEAVES
    return LEAVES | st.lists(junk(depth - 1), max_size=2) | st.dictionaries(st.sampled_from("abc"), junk(depth - 1))


def shaped(schema, depth=5):
    """Values that have a schema's fields, and often its types."""
    if depth == 0 or "type" not in schema:
        return junk(1)
    if "properties" in schema:
        known = {name: shaped(below, depth - 1) for name, below in schema["properties"].items()}
        required = {name: known.pop(name) for name in schema.get("required", ())}
        fitting = st.fixed_dictionaries(required, optional=dict(sorted(known.items())[:6]))
    elif "items" in schema:
        fitting = st.lists(shaped(schema["items"], depth - 1), max_size=2)
    elif "additionalProperties" in schema:
        fitting = st.dictionaries(st.sampled_from("ab"), shaped(schema["additionalProperties"], depth - 1), max_size=2)
    elif "enum" in schema:
        fitting = st.sampled_from(schema["enum"])
    elif schema["type"] == "string":
        fitting = st.sampled_from(["x", "Zm9v", "https://x.test/"])
    else:
        fitting = {"boolean": st.booleans(), "integer": st.integers(0, 5)}.get(schema["type"], junk(1))
    return st.integers(0, 100).flatmap(lambda number: junk(2) if number == 0 else fitting)


def documents(kind):
    schema = SCHEMAS[kind]["properties"]
    parts = {name: shaped(schema[name]) for name in sorted(schema.keys() - {"metadata", "apiVersion", "kind"})}
    names = st.fixed_dictionaries({"name": st.sampled_from(NAMES.get(kind.kind, ("x", "y")))})
    metadata = st.integers(0, 5).flatmap(lambda number: names if number else shaped(schema["metadata"]))
    whole = st.fixed_dictionaries({"metadata": metadata} | parts)
    valid = st.fixed_dictionaries(
        {"metadata": names, **{name: st.just(part) for name, part in VALID.get(kind.kind, {}).items()}}
    )
    patches = st.fixed_dictionaries({}, optional=parts)
    return st.one_of(whole, valid, patches, patches, junk(2))


def path_of(kind, name=""):
    group = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
    return f"{group}{'/namespaces/default' if kind.namespaced else ''}/{kind.plural}{name}"


VERBS = [("POST", "", "application/json"), ("DELETE", "/x", "application/json"), ("DELETE", "", "application/json")] + [
    (method, name, content_type)
    for name in ("/x", "/x/status", "/x/approval", "/x/finalize")
    for method, content_type in (
        ("PUT", "application/json"),
        *(("PATCH", content_type) for content_type in (MERGE_PATCH, MERGE_PATCH, STRATEGIC_MERGE, JSON_PATCH, APPLY)),
    )
]
POINTERS = ["", "/metadata", "/metadata/finalizers", "/metadata/finalizers/-", "/spec", "/status/conditions/0", "/x~2"]
OPERATIONS = st.lists(
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
            "path": st.sampled_from(POINTERS),
        },
        optional={"value": junk(2), "from": st.sampled_from(POINTERS)},
    ),
    max_size=3,
)
OPTIONS = st.fixed_dictionaries(
    {"fieldValidation": st.sampled_from(["Strict", "Warn", "Warn"]), "fieldManager": st.sampled_from(["a", "b", "\n"])},
    optional={
        "force": st.sampled_from(["true", "x"]),
        "dryRun": st.sampled_from(["All", "x"]),
        "propagationPolicy": st.sampled_from(["Foreground", "Orphan", "x"]),
        "limit": st.sampled_from(["1", "x"]),
        "continue": st.sampled_from(["x", "e30", "W10"]),
        "labelSelector": st.sampled_from(["a in (b)", "!a", "a in"]),
    },
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_no_body_breaks_the_api(kind):
    @given(st.lists(st.tuples(st.sampled_from(VERBS), documents(kind) | OPERATIONS, OPTIONS), max_size=5))
    def run(calls):
        store = EmbeddedStore(lambda: datetime(2026, 11, 22, tzinfo=UTC), Random(1).randbytes)
        first = NAMES.get(kind.kind, ("x",))[0]
        store.insert(kind, {"metadata": {"name": first}} | VALID.get(kind.kind, {}))
        for (method, name, content_type), body, query in calls:
            call = Call(
                method,
                path_of(kind, name.replace("/x", f"/{first}", 1)),
                query,
                content_type,
                json.dumps(body).encode(),
            )
            answer = respond(store, call)
            # 500 is what Kubernetes itself says to a new object that has a resourceVersion already.
            assert answer.code < 500 or "resourceVersion should not be set" in answer.document["message"]
            assert answer.body
            assert all(text.isascii() and text.isprintable() for _, text in answer.headers)
            for item in store.list(kind):
                assert list(causes(SCHEMAS[kind], item)) == []

    run()
