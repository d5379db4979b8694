"""Tokens of service accounts: who shows one is that account, with what its roles allow."""

import json
from datetime import timedelta
from random import Random

import pytest

from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.users import ADMIN, Access
from issuer_bridge.resources import SERVICE_ACCOUNT
from tests.embedded_api import NOW
from tests.issuer_bridge.kube_api.test_reviews import grant

OPEN, CLOSED = Access(key=b"k"), Access({"s3cret": ADMIN}, b"k")
ACCOUNTS, SECRETS = "/api/v1/namespaces/default/serviceaccounts", "/api/v1/namespaces/default/secrets"
ACCOUNT = {"metadata": {"name": "robot", "namespace": "default"}}
READ = {"verbs": ["list"], "apiGroups": [""], "resources": ["secrets"]}


class Clock:
    """A store's time, which a test moves."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    store = EmbeddedStore(clock, Random(1).randbytes)
    store.insert(SERVICE_ACCOUNT, ACCOUNT)
    grant(store, READ, subject={"kind": "ServiceAccount", "name": "robot"}, namespace="default")
    return store


def ask(store, method, path, body=None, token="", access=OPEN):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = b"" if body is None else json.dumps(body).encode()
    return respond(store, Call(method, path, {}, "application/json" if data else "", data, headers), access)


def token_of(store, access=OPEN, asked_by="", **spec):
    answer = ask(store, "POST", f"{ACCOUNTS}/robot/token", {"spec": spec}, asked_by, access)
    assert answer.code == 201, answer.document
    return answer.document["status"]["token"]


@pytest.mark.parametrize("access", [OPEN, CLOSED], ids=["without a token", "with a token"])
def test_an_account_may_what_its_roles_say(store, access):
    token = token_of(store, access, "s3cret")
    assert ask(store, "GET", SECRETS, token=token, access=access).code == 200
    refused = ask(store, "GET", "/api/v1/namespaces/default/pods", token=token, access=access)
    assert refused.code == 403
    assert 'User "system:serviceaccount:default:robot"' in refused.document["message"]


def test_a_token_says_when_it_ends_and_ends_then(store, clock):
    answer = ask(store, "POST", f"{ACCOUNTS}/robot/token", {"spec": {"expirationSeconds": 600}})
    assert answer.document["status"]["expirationTimestamp"] == "2026-11-22T01:12:03Z"
    token = token_of(store, expirationSeconds=600)
    clock.now += timedelta(seconds=599)
    assert ask(store, "GET", SECRETS, token=token, access=CLOSED).code == 200
    clock.now += timedelta(seconds=1)
    assert ask(store, "GET", SECRETS, token=token, access=CLOSED).code == 401


def test_a_token_ends_with_its_account(store):
    token = token_of(store)
    ask(store, "DELETE", f"{ACCOUNTS}/robot")
    assert ask(store, "GET", SECRETS, token=token, access=CLOSED).code == 401
    store.insert(SERVICE_ACCOUNT, ACCOUNT)
    assert ask(store, "GET", SECRETS, token=token, access=CLOSED).code == 401


@pytest.mark.parametrize("forged", [lambda token: token[:-2] + "xx", lambda token: "x" + token, lambda _: "a.b.c"])
def test_a_forged_token_is_nobodys(store, forged):
    assert ask(store, "GET", SECRETS, token=forged(token_of(store)), access=CLOSED).code == 401


def test_a_token_of_another_process_is_nobodys(store):
    token = token_of(store, Access(key=b"other"))
    assert ask(store, "GET", SECRETS, token=token, access=CLOSED).code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("POST", f"{ACCOUNTS}/nobody/token", {}, 404),
        ("POST", f"{ACCOUNTS}/robot/token", {"spec": {"expirationSeconds": 599}}, 422),
        ("POST", f"{ACCOUNTS}/robot/token", {"spec": {"expirationSeconds": "1h"}}, 422),
        ("POST", f"{ACCOUNTS}/robot/token", {"spec": [1]}, 400),
        ("POST", f"{ACCOUNTS}/robot/token", {"kind": "Secret"}, 422),
        ("GET", f"{ACCOUNTS}/robot/token", None, 405),
        ("PUT", f"{ACCOUNTS}/robot/token", {}, 405),
    ],
)
def test_what_is_no_request_for_a_token_is_refused(store, method, path, body, code):
    assert ask(store, method, path, body).code == code


def test_a_review_knows_whose_token_it_is(store):
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    status = ask(store, "POST", path, {"spec": {"token": token_of(store)}}).document["status"]
    assert status["user"]["username"] == "system:serviceaccount:default:robot"


def test_a_namespace_goes_when_its_last_finalizer_is_taken(store):
    path = "/api/v1/namespaces/team"
    ask(store, "POST", "/api/v1/namespaces", {"metadata": {"name": "team"}})
    held = {"metadata": {"name": "a", "finalizers": ["example.com/x"]}}
    ask(store, "POST", f"{path}/configmaps", held)
    ask(store, "DELETE", path)
    stuck = ask(store, "GET", path).document
    assert (stuck["status"]["phase"], stuck["spec"]["finalizers"]) == ("Terminating", ["kubernetes"])
    assert ask(store, "PUT", f"{path}/finalize", stuck | {"spec": {}}).code == 200
    assert ask(store, "GET", path).code == 404
