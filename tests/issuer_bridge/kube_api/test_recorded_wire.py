"""Recorded exchanges about forms, discovery and watches: the same request's answer here, compared field by field."""

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond, watch_of
from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.kube_api.watching import begin
from issuer_bridge.resources import CERTIFICATE_REQUEST

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "kube-api-exchanges.json"
EXCHANGES = {exchange["title"]: exchange for exchange in json.loads(FIXTURE.read_text())["exchanges"]}
NAMES = ("gen-42z2x", "r1")
# Drawn or counted by whoever answers; continue and remainingItemCount: of a list that is cut, which is another test's.
OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "continue", "remainingItemCount", "generateName")


def without_own(value):
    if isinstance(value, dict):
        return {key: without_own(item) for key, item in value.items() if key not in OWN}
    return [without_own(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def store():
    store = EmbeddedStore(lambda: datetime(2026, 11, 21, 22, 9, 21, tzinfo=UTC), Random(1).randbytes)
    for name in NAMES:
        labels = {"labels": {"a": "b"}} if name == "r1" else {}
        spec = {"request": "Zm9v", "issuerRef": {"group": "example.test", "kind": "Issuer", "name": "x"}}
        metadata = {"name": name, "namespace": "default", **labels}
        store.insert(CERTIFICATE_REQUEST, {"metadata": metadata, "spec": spec})
    return store


def call_of(exchange):
    path, _, query = exchange["request"]["path"].partition("?")
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    headers = {"Host": "127.0.0.1:26443", **(exchange["request"]["headers"] or {})}
    return Call(exchange["request"]["method"], path, {name: value for name, _, value in pairs}, headers=headers)


@pytest.mark.parametrize("title", ["get table", "list table", "partial metadata", "api"])
def test_the_answer_is_the_recorded_one(store, title):
    exchange = EXCHANGES[title]
    # The CRDs of 1.12.5, with which this was recorded, still had another word for it.
    recorded = json.loads(json.dumps(exchange["response"]).replace("Requestor", "Requester"))
    answer = respond(store, call_of(exchange))
    assert (exchange["status"], without_own(recorded)) == (answer.code, without_own(answer.document))


def test_the_resources_of_a_group_are_the_recorded_ones(store):
    """But for storageVersionHash, which says how objects are stored, and what cert-manager has added since."""
    recorded = EXCHANGES["resource list"]["response"]
    for entry in recorded["resources"]:
        entry.pop("storageVersionHash", None)
    document = respond(store, call_of(EXCHANGES["resource list"])).document
    added = {"issuers": ["iss"], "clusterissuers": ["ciss"]}
    for entry in document["resources"]:
        assert entry["name"] not in added or entry.pop("shortNames") == added[entry["name"]]
    assert document == recorded


def test_a_watch_without_a_version_begins_as_recorded(store):
    exchange = EXCHANGES["watch no rv"]
    query = {"watch": "true", "timeoutSeconds": "1", "fieldSelector": "metadata.name=r1"}
    path = exchange["request"]["path"].partition("?")[0]
    watch, lines = begin(watch_of(store, Call("GET", path, query)), store)
    [event] = map(json.loads, lines.splitlines())
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "r1")
    assert watch.seconds == 1


def test_the_recorded_version_has_the_same_fields(store):
    recorded = EXCHANGES["version"]["response"]
    document = respond(store, Call("GET", "/version")).document
    assert list(recorded) == list(document)
    assert [recorded[name] for name in ("major", "minor")] == [document[name] for name in ("major", "minor")]
