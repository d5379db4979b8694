"""Requests recorded with a real API server (fixtures/kube-api-exchanges.json), asked again here, in their order."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.store import EmbeddedStore

FIXTURE = Path(__file__).parent.parent.parent / "fixtures" / "kube-api-exchanges.json"
EXCHANGES = {exchange["title"]: exchange for exchange in json.loads(FIXTURE.read_text())["exchanges"]}

# Drawn, counted or stamped by whoever answers, or (managedFields) not kept here; all else must be equal.
OWN = ("uid", "resourceVersion", "creationTimestamp", "managedFields")
SAME = (
    "readyz",
    "livez",
    "group",
    "unknown group",
    "unknown resource",
    "unknown namespace list",
    "empty list",
    "create",
    "create no name",
    "create wrong kind",
    "create bad apiVersion",
    "create invalid name",
    "create missing required",
    "create unknown field default",
    "create unknown field strict",
    "create with rv",
    "get",
    "get 404",
    "label selector",
    "field selector unsupported",
    "status merge patch",
    "main patch cannot touch status",
    "spec patch bumps generation",
    "merge patch null deletes",
    "json patch",
    "patch 404",
    "status invalid",
    "put stale",
    "put ok status subresource",
    "put name mismatch",
    "put 404",
    "delete 404",
    "delete precondition uid",
    "delete background",
    "secret create",
    "secret delete returns Status",
)
# The same change asked for in the one patch format that is read here.
INSTEAD = {"json patch": ("application/merge-patch+json", {"metadata": {"annotations": {"x": "y"}}})}
# The same status and reason, in words of our own or with fewer formats accepted.
SAME_REASON = (
    "create bad json",
    "create wrong content type",
    "strategic merge on CRD",
    "patch json content type",
    "list future rv",
    "event create",
    "event bad ns",
)


def without_own(value):
    if isinstance(value, dict):
        return {key: without_own(item) for key, item in value.items() if key not in OWN}
    return [without_own(item) for item in value] if isinstance(value, list) else value


class Replay:
    """Asks in the recorded order, with our uids and versions in the place of the recorded ones."""

    def __init__(self):
        self.store = EmbeddedStore(lambda: datetime(2026, 11, 21, 22, 9, 21, tzinfo=UTC), random.Random(1).randbytes)
        self.ours = {}
        self.pairs = {title: self.ask(EXCHANGES[title]) for title in EXCHANGES if title in (*SAME, *SAME_REASON)}

    def ask(self, exchange):
        request, recorded = exchange["request"], exchange["response"]
        content_type, body = INSTEAD.get(exchange["title"], (request["content_type"] or "", request["body"]))
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        url = urlsplit(request["path"])
        query = dict(parse_qsl(url.query))
        call = Call(request["method"], url.path, query, content_type, self.translated(text).encode())
        answer = respond(self.store, call)
        self.learn(recorded, answer.document)
        return exchange["status"], json.loads(self.translated(json.dumps(recorded))), answer

    def translated(self, text):
        for theirs, ours in self.ours.items():
            text = text.replace(f'"{theirs}"', f'"{ours}"').replace(f"({theirs})", f"({ours})")
        return text

    def learn(self, recorded, document):
        metadata = recorded.get("metadata", {}) if isinstance(recorded, dict) else {}
        for name in ("uid", "resourceVersion"):
            if metadata.get(name) and "items" not in recorded:
                self.ours[metadata[name]] = document["metadata"][name]


@pytest.fixture(scope="module")
def replay():
    return Replay()


@pytest.mark.parametrize("title", SAME)
def test_the_answer_is_the_recorded_one(replay, title):
    code, recorded, answer = replay.pairs[title]
    assert (code, without_own(recorded)) == (answer.code, without_own(answer.document))


@pytest.mark.parametrize("title", SAME)
def test_warnings_and_media_types_are_the_recorded_ones(replay, title):
    recorded = EXCHANGES[title]["headers"]
    ours = dict(replay.pairs[title][2].headers)
    wanted = {name: recorded[name] for name in ("Content-Type", "Warning") if name in recorded}
    if title == "create bad apiVersion":
        del wanted["Warning"]  # It says that spec is unknown in a version that does not exist.
    assert wanted == {name: ours[name] for name in ours if name in ("Content-Type", "Warning")}


@pytest.mark.parametrize("title", SAME_REASON)
def test_the_answer_has_the_recorded_status_and_reason(replay, title):
    code, recorded, answer = replay.pairs[title]
    assert (code, recorded.get("reason"), recorded["kind"]) == (
        answer.code,
        answer.document.get("reason"),
        answer.document["kind"],
    )


def test_the_recorded_resources_are_discovered_alike():
    answer = respond(Replay().store, Call("GET", "/apis/cert-manager.io/v1"))
    recorded = {entry["name"]: entry for entry in EXCHANGES["resource list"]["response"]["resources"]}
    compared = ("singularName", "namespaced", "kind", "shortNames")
    for entry in answer.document["resources"]:
        theirs = recorded[entry["name"]]
        wanted = {name: theirs[name] for name in compared if name in theirs}
        assert wanted == {name: entry.get(name) for name in wanted}
        assert set(entry["verbs"]) <= set(theirs["verbs"])
