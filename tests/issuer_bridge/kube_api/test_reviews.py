"""Who asks, what they may do, and what reviews say of it."""

import json
from pathlib import Path

import pytest
from multidict import CIMultiDict

from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.users import ADMIN, Access, User
from issuer_bridge.resources import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from tests.embedded_api import NOW, new_store

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "kube-api-exchanges.json"
EXCHANGES = {exchange["title"]: exchange for exchange in json.loads(FIXTURE.read_text())["exchanges"]}
ACCESS = Access({"secret": ADMIN, "other": User("nobody", ("system:authenticated",))})
REVIEWS = "/apis/authorization.k8s.io/v1"
SECRETS, ORDERS = "/api/v1/namespaces/default/secrets", "/apis/acme.cert-manager.io/v1/namespaces/default/orders"


def ask(store, method, path, body=None, access=ACCESS, token="secret", **headers):
    sent = CIMultiDict({"Authorization": f"Bearer {token}"} if token else {})
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    data = b"" if body is None else json.dumps(body).encode()
    path, _, query = path.partition("?")
    return respond(store, Call(method, path, dict([query.split("=")]) if query else {}, "", data, sent), access)


def grant(store, *rules, subject, namespace="", cluster_role=False):
    """Bind the subject to a role with these rules, in a namespace or everywhere."""
    role = CLUSTER_ROLE if cluster_role or not namespace else ROLE
    binding = ROLE_BINDING if namespace else CLUSTER_ROLE_BINDING
    about = {"namespace": namespace} if namespace else {}
    store.insert(role, {"metadata": {"name": "r", **(about if role == ROLE else {})}, "rules": list(rules)})
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role.kind, "name": "r"}
    store.insert(binding, {"metadata": {"name": "b", **about}, "subjects": [subject], "roleRef": reference})


USER = {"kind": "User", "name": "ada"}
READ = {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["secrets"]}


@pytest.mark.parametrize(
    ("title", "token"),
    [("no token", ""), ("bad token", "guess"), ("forbidden", "other"), ("forbidden create", "other")],
)
def test_who_may_not_is_told_as_recorded(title, token):
    exchange = EXCHANGES[title]
    request = exchange["request"]
    answer = ask(new_store(), request["method"], request["path"], request["body"], token=token)
    assert (exchange["status"], exchange["response"]) == (answer.code, answer.document)


@pytest.mark.parametrize("title", ["SubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectReview"])
def test_a_review_is_the_recorded_one(title):
    """But for managedFields, which nothing that is not stored has here, the admin's uid, and the time."""
    exchange = EXCHANGES[title]
    request, recorded = exchange["request"], exchange["response"]
    recorded["metadata"].pop("managedFields", None)
    recorded["status"].get("userInfo", {}).pop("uid", None)
    if "creationTimestamp" in recorded["metadata"]:
        recorded["metadata"]["creationTimestamp"] = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    answer = ask(new_store(), "POST", request["path"], request["body"])
    assert (exchange["status"], recorded) == (answer.code, answer.document)


def test_without_a_token_to_know_anybody_by_everybody_is_the_admin():
    assert ask(new_store(), "GET", SECRETS, access=Access(), token="").code == 200
    assert ask(new_store(), "GET", SECRETS, access=Access(), token="any").code == 200


@pytest.mark.parametrize(
    ("path", "token", "code"),
    [
        ("/livez", "", 200),
        ("/version", "", 200),
        ("/apis", "", 403),
        ("/apis", "other", 200),
        ("/openapi/v3", "other", 200),
        ("/metrics", "other", 403),
        ("/metrics", "secret", 404),
    ],
)
def test_what_everybody_may_is_what_a_clusters_own_roles_give(path, token, code):
    assert ask(new_store(), "GET", path, token=token).code == code


@pytest.mark.parametrize(
    ("rule", "method", "path", "allowed"),
    [
        (READ, "GET", SECRETS, True),
        (READ, "GET", f"{SECRETS}?watch=true", False),
        (READ, "POST", SECRETS, False),
        (READ, "GET", ORDERS, False),
        (READ | {"apiGroups": ["*"]}, "GET", ORDERS, False),
        (READ | {"apiGroups": ["*"], "resources": ["*"]}, "GET", ORDERS, True),
        (READ | {"resourceNames": ["a"]}, "GET", SECRETS, False),
        (READ | {"resourceNames": ["a"]}, "GET", f"{SECRETS}/a", True),
        (READ | {"resourceNames": ["a"]}, "GET", f"{SECRETS}/b", False),
        ({"verbs": ["*"], "apiGroups": ["acme.cert-manager.io"], "resources": ["orders"]}, "PUT", f"{ORDERS}/a", True),
        (
            {"verbs": ["*"], "apiGroups": ["acme.cert-manager.io"], "resources": ["orders"]},
            "PUT",
            f"{ORDERS}/a/status",
            False,
        ),
        ({"verbs": ["update"], "apiGroups": ["*"], "resources": ["*/status"]}, "PUT", f"{ORDERS}/a/status", True),
        ({"verbs": ["update"], "apiGroups": ["*"], "resources": ["orders/status"]}, "PUT", f"{ORDERS}/a/status", True),
        ({"verbs": ["get"], "nonResourceURLs": ["/met*"]}, "GET", "/metrics", True),
    ],
    ids=str,
)
def test_a_role_allows_what_its_rules_say_and_no_more(rule, method, path, allowed):
    store = new_store()
    grant(store, rule, subject=USER)
    assert (ask(store, method, path, {}, Impersonate_User="ada").code != 403) == allowed
    assert ask(store, method, path, {}, Impersonate_User="bob").code == 403


@pytest.mark.parametrize(
    ("subject", "headers"),
    [
        (USER, {"Impersonate_User": "ada"}),
        ({"kind": "Group", "name": "g"}, {"Impersonate_User": "x", "Impersonate_Group": "g"}),
        ({"kind": "Group", "name": "system:authenticated"}, {"Impersonate_User": "x"}),
        ({"kind": "Group", "name": "system:serviceaccounts:cm"}, {"Impersonate_User": "system:serviceaccount:cm:sa"}),
        (
            {"kind": "ServiceAccount", "name": "sa", "namespace": "cm"},
            {"Impersonate_User": "system:serviceaccount:cm:sa"},
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("cluster_role", [False, True])
def test_a_binding_holds_for_its_subject_in_its_namespace(subject, headers, cluster_role):
    store = new_store()
    grant(store, READ, subject=subject, namespace="default", cluster_role=cluster_role)
    assert ask(store, "GET", SECRETS, **headers).code == 200
    assert ask(store, "GET", SECRETS.replace("default", "other"), **headers).code == 403
    assert ask(store, "GET", "/api/v1/secrets", **headers).code == 403
    assert ask(store, "GET", SECRETS, token="").code == 403


def test_only_who_may_impersonate_does():
    store = new_store()
    refused = ask(store, "GET", SECRETS, token="other", Impersonate_User="ada")
    text = 'users "ada" is forbidden: User "nobody" cannot impersonate resource "users" in API group "" at the cluster scope'
    assert (refused.code, refused.document["message"]) == (403, text)
    rule = {"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users"]}
    grant(store, rule, READ, subject={"kind": "User", "name": "nobody"})
    assert (
        'User "ada" cannot list'
        in ask(store, "GET", SECRETS, token="other", Impersonate_User="ada").document["message"]
    )
    groups = {"Impersonate_User": "ada", "Impersonate_Group": "system:masters"}
    assert (
        'cannot impersonate resource "groups"'
        in ask(store, "GET", SECRETS, token="other", **groups).document["message"]
    )


def test_a_review_says_which_binding_allows():
    store = new_store()
    grant(store, READ, subject={"kind": "ServiceAccount", "name": "sa", "namespace": "cm"}, namespace="default")
    spec = {
        "user": "system:serviceaccount:cm:sa",
        "resourceAttributes": {"verb": "get", "resource": "secrets", "namespace": "default"},
    }
    status = ask(store, "POST", f"{REVIEWS}/subjectaccessreviews", {"spec": spec}).document["status"]
    reason = 'RBAC: allowed by RoleBinding "b/default" of Role "r" to ServiceAccount "sa/cm"'
    assert status == {"allowed": True, "reason": reason}
    local = f"{REVIEWS}/namespaces/default/localsubjectaccessreviews"
    assert ask(store, "POST", local, {"spec": spec}).document["status"]["allowed"] is True
    assert ask(store, "POST", local.replace("default", "other"), {"spec": spec}).code == 400


def test_who_asks_learns_all_that_it_may():
    store = new_store()
    grant(store, READ, subject=USER, namespace="default")
    sent = {"spec": {"namespace": "default"}}
    status = ask(store, "POST", f"{REVIEWS}/selfsubjectrulesreviews", sent, Impersonate_User="ada").document["status"]
    assert READ in status["resourceRules"]
    assert {
        "verbs": ["get"],
        "nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"],
    } not in status["resourceRules"]
    assert status["incomplete"] is False


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("other", {"authenticated": True, "user": {"username": "nobody", "groups": ["system:authenticated"]}}),
        ("guess", {"user": {}, "error": "invalid bearer token"}),
        (5, {"user": {}, "error": "invalid bearer token"}),
    ],
)
def test_a_token_is_reviewed(token, status):
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    assert ask(new_store(), "POST", path, {"spec": {"token": token}}).document["status"] == status


@pytest.mark.parametrize(
    ("plural", "sent", "code"),
    [
        ("subjectaccessreviews", {"spec": {"resourceAttributes": {}}}, 422),
        ("subjectaccessreviews", {"spec": {"user": "x"}}, 400),
        ("subjectaccessreviews", {"spec": {"user": "x", "resourceAttributes": {"verb": 5}}}, 400),
        ("subjectaccessreviews", {"spec": {"user": "x", "groups": 5, "resourceAttributes": {}}}, 400),
        ("subjectaccessreviews", {"spec": [1]}, 400),
        ("subjectaccessreviews", {"kind": "Foo"}, 422),
        ("selfsubjectrulesreviews", {}, 400),
        ("nothing", {}, 404),
    ],
    ids=str,
)
def test_a_review_that_asks_nothing_is_refused(plural, sent, code):
    assert ask(new_store(), "POST", f"{REVIEWS}/{plural}", sent).code == code
