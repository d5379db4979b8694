import pytest

from issuer_bridge.cluster.answers import ChallengeAnswers
from issuer_bridge.resources import CHALLENGE
from solvers.http01.site import Reply, Visit
from tests.embedded_api import new_store

PATH = "/.well-known/acme-challenge/token"


def challenge(name="www.example.test", **spec):
    base = {
        "authorizationURL": "a",
        "url": "u",
        "dnsName": name,
        "token": "token",
        "key": "token.thumbprint",
        "type": "HTTP-01",
        "issuerRef": {"name": "gravel"},
        "solver": {"http01": {}},
    }
    return {"metadata": {"name": name, "namespace": "default"}, "spec": base | spec}


def opened(*challenges):
    store = new_store()
    answers = ChallengeAnswers(store)
    for each in challenges:
        store.insert(CHALLENGE, each)
    return store, lambda host="www.example.test", path=PATH: answers.reply(Visit("GET", host, path))


@pytest.mark.parametrize(
    ("host", "path", "reply"),
    [
        ("www.example.test", PATH, Reply(200, b"token.thumbprint")),
        ("www.example.test:80", PATH, Reply(200, b"token.thumbprint")),
        ("other.test", PATH, None),
        ("www.example.test", PATH + "x", None),
        ("www.example.test", "/", None),
    ],
)
def test_a_challenge_that_waits_is_answered_by_host_and_token(host, path, reply):
    assert opened(challenge())[1](host, path) == reply


def test_dns01_is_nothing_to_answer():
    assert opened(challenge(type="DNS-01"))[1]() is None


def test_what_is_decided_or_deleted_is_answered_no_more():
    store, reply = opened(challenge())
    found = store.list(CHALLENGE)[0]
    store.replace_status(CHALLENGE, {**found, "status": {"state": "valid"}})
    assert reply() is None
    store, reply = opened(challenge())
    store.remove(CHALLENGE, "default", "www.example.test")
    assert reply() is None


def test_two_challenges_may_have_one_token():
    store, reply = opened(challenge(), challenge("other.test"))
    store.remove(CHALLENGE, "default", "www.example.test")
    assert (reply(), reply("other.test")) == (None, Reply(200, b"token.thumbprint"))
