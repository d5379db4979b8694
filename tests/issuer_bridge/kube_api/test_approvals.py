"""Who may decide about a request, by the table of cert-manager's test/e2e/suite/certificaterequests/approval."""

import json

import pytest

from issuer_bridge.kube_api.patches import MERGE_PATCH
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.users import ADMIN, Access, service_account
from issuer_bridge.resources import CERTIFICATE_REQUEST, CLUSTER_ROLE, CLUSTER_ROLE_BINDING
from tests.embedded_api import new_store

REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"
ACCOUNT = service_account("default", "approver")
WRITE = {
    "verbs": ["*"],
    "apiGroups": ["cert-manager.io"],
    "resources": ["certificaterequests", "certificaterequests/status"],
}
NAMESPACED, CLUSTER = {"name": "test-issuer"}, {"name": "test-issuer", "kind": "ClusterIssuer"}
GONE = {"name": "test-issuer", "kind": "Nothing", "group": "example.io"}


def api(reference, *signers, audit=None):
    """A store with an undecided request, and a service account that may approve for some signers."""
    store = new_store()
    store.insert(
        CERTIFICATE_REQUEST,
        {"metadata": {"name": "one", "namespace": "default"}, "spec": {"request": "Zm9v", "issuerRef": reference}},
    )
    rule = {
        "verbs": ["approve"],
        "apiGroups": ["cert-manager.io"],
        "resources": ["signers"],
        "resourceNames": list(signers),
    }
    store.insert(CLUSTER_ROLE, {"metadata": {"name": "r"}, "rules": [WRITE, *([rule] if signers else [])]})
    subject = {"kind": "ServiceAccount", "name": "approver", "namespace": "default"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}
    store.insert(CLUSTER_ROLE_BINDING, {"metadata": {"name": "b"}, "subjects": [subject], "roleRef": reference})
    access = Access({"account": ACCOUNT, "admin": ADMIN}, identities=True, audit=audit)

    def ask(method, path, body, token="account", **query):
        headers = {"Authorization": f"Bearer {token}"}
        return respond(
            store,
            Call(method, path, query, MERGE_PATCH if method == "PATCH" else "", json.dumps(body).encode(), headers),
            access,
        )

    return store, ask


def decide(ask, decision, **more):
    condition = {"type": decision, "status": "True", "reason": "me", "message": "why"}
    return ask("PATCH", f"{REQUESTS}/one/status", {"status": {"conditions": [condition]}}, **more)


@pytest.mark.seed("B10", "B34", "X4")
@pytest.mark.parametrize("decision", ["Approved", "Denied"])
@pytest.mark.parametrize(
    ("reference", "signers", "code"),
    [
        (NAMESPACED, [], 403),
        (CLUSTER, [], 403),
        (GONE, ["nothings.example.io/*"], 403),
        (CLUSTER, ["clusterissuers.cert-manager.io/*"], 200),
        (CLUSTER, ["clusterissuers.cert-manager.io/test-issuer"], 200),
        (CLUSTER, ["clusterissuers.cert-manager.io/default.test-issuer"], 403),
        (CLUSTER, ["issuers.cert-manager.io/test-issuer"], 403),
        (NAMESPACED, ["issuers.cert-manager.io/*"], 200),
        (NAMESPACED, ["issuers.cert-manager.io/default.test-issuer"], 200),
        (NAMESPACED, ["issuers.cert-manager.io/test-issuer"], 403),
        (NAMESPACED, ["issuers.cert-manager.io/other.test-issuer"], 403),
    ],
)
def test_who_decides_needs_the_verb_approve_on_the_signer(reference, signers, code, decision):
    _, ask = api(reference, *signers)
    assert decide(ask, decision).code == code


def test_a_refusal_names_the_user_and_the_issuer():
    _, ask = api(CLUSTER)
    told = decide(ask, "Approved").document["message"]
    assert told.endswith(
        'user "system:serviceaccount:default:approver" does not have permissions to set approved/denied conditions '
        "for issuer clusterissuers.cert-manager.io/test-issuer"
    )
    _, ask = api(GONE)
    assert "referenced signer resource does not exist" in decide(ask, "Denied").document["message"]


def test_the_issuer_of_the_stored_request_counts_not_what_is_sent():
    store, ask = api(NAMESPACED, "clusterissuers.cert-manager.io/*")
    sent = store.get(CERTIFICATE_REQUEST, "default", "one")
    condition = {"type": "Approved", "status": "True"}
    forged = {**sent, "spec": {**sent["spec"], "issuerRef": CLUSTER}, "status": {"conditions": [condition]}}
    assert ask("PUT", f"{REQUESTS}/one/status", forged).code == 403


def test_other_conditions_need_no_permission_and_neither_does_a_decision_that_stays():
    _, ask = api(NAMESPACED)
    ready = {"type": "Ready", "status": "False", "reason": "Pending"}
    assert ask("PATCH", f"{REQUESTS}/one/status", {"status": {"conditions": [ready]}}).code == 200
    assert decide(ask, "Approved", token="admin").code == 200
    approved = {"type": "Approved", "status": "True", "reason": "me", "message": "why"}
    assert ask("PATCH", f"{REQUESTS}/one/status", {"status": {"conditions": [approved, ready]}}).code == 200


@pytest.mark.parametrize(
    "status", [{"conditions": "x"}, {"conditions": [1, {"type": []}]}, {"conditions": {"type": "Approved"}}]
)
def test_what_is_no_list_of_conditions_is_refused_as_ever(status):
    _, ask = api(NAMESPACED)
    assert ask("PATCH", f"{REQUESTS}/one/status", {"status": status}).code == 422


def test_the_admin_may_decide_for_issuers_that_nobody_serves():
    _, ask = api(GONE)
    assert decide(ask, "Approved", token="admin").code == 200


# -- At most one decision, only True, and for good


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ([("Approved", "True")], 200),
        ([("Denied", "True")], 200),
        ([("Approved", "False")], 422),
        ([("Denied", "Unknown")], 422),
        ([("Approved", "True"), ("Denied", "True")], 422),
        ([("Approved", "True"), ("Approved", "True")], 422),
    ],
)
def test_a_request_has_one_decision_which_is_true(conditions, code):
    _, ask = api(NAMESPACED, "issuers.cert-manager.io/*")
    sent = [{"type": type_, "status": status, "reason": "me", "message": "m"} for type_, status in conditions]
    assert ask("PATCH", f"{REQUESTS}/one/status", {"status": {"conditions": sent}}).code == code


@pytest.mark.parametrize("second", [[], [{"type": "Denied", "status": "True"}]])
def test_a_decision_stays(second):
    _, ask = api(NAMESPACED, "issuers.cert-manager.io/*")
    assert decide(ask, "Approved").code == 200
    assert ask("PATCH", f"{REQUESTS}/one/status", {"status": {"conditions": second}}).code == 422


# -- Who is told


@pytest.mark.seed("B06", "B35")
def test_a_decision_is_told_once_with_who_took_it():
    told = []
    _, ask = api(NAMESPACED, "issuers.cert-manager.io/*", audit=lambda user, request: told.append((user, request)))
    assert decide(ask, "Denied", dryRun="All").code == 200
    assert told == []
    answer = decide(ask, "Denied")
    assert told == [(ACCOUNT, answer.document)]
    decide(ask, "Denied")
    assert len(told) == 1


# -- Who asks


def test_the_creator_of_a_request_is_recorded_whoever_it_says_it_is():
    _, ask = api(NAMESPACED)
    spec = {
        "request": "Zm9v",
        "issuerRef": NAMESPACED,
        "username": "root",
        "groups": ["wheel"],
        "uid": "0",
        "extra": {"a": ["b"]},
    }
    made = ask("POST", REQUESTS, {"metadata": {"name": "two"}, "spec": spec}).document["spec"]
    assert made == {
        "request": "Zm9v",
        "issuerRef": NAMESPACED,
        "username": ACCOUNT.name,
        "groups": list(ACCOUNT.groups),
    }


def test_a_request_is_the_bridges_own_where_the_bridge_creates_it():
    store = new_store()
    made = {"metadata": {"name": "one", "namespace": "default"}, "spec": {"request": "Zm9v", "issuerRef": NAMESPACED}}
    with pytest.raises(StopIteration) as stop:
        next(store.create(CERTIFICATE_REQUEST, made))
    assert stop.value.value["spec"]["username"] == "system:serviceaccount:cert-manager:cert-manager"


@pytest.mark.parametrize("field", ["username", "uid", "groups"])
def test_who_asked_is_never_changed(field):
    _, ask = api({"name": "x", "group": "example.io"})
    changed = {"spec": {field: ["x"] if field == "groups" else "x"}}
    answer = ask("PATCH", f"{REQUESTS}/one", changed)
    assert (answer.code, f"{field} identity cannot be changed once set" in answer.document["message"]) == (422, True)


def test_without_identities_the_admin_is_not_recorded():
    store = new_store()
    made = {"metadata": {"name": "one"}, "spec": {"request": "Zm9v", "issuerRef": NAMESPACED}}
    access = Access({"t": ADMIN})
    call = Call("POST", REQUESTS, {}, "", json.dumps(made).encode(), {"Authorization": "Bearer t"})
    assert "username" not in respond(store, call, access).document["spec"]
