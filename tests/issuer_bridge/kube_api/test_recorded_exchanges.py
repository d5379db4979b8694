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

# Drawn, counted or stamped by whoever answers; all else must be equal.
OWN = ("uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "time")
SAME = (
    "readyz",
    "livez",
    "group",
    "unknown group",
    "unknown resource",
    "unknown namespace list",
    "create in missing namespace",
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
    "create dryRun",
    "create wrong content type",
    "create yaml",
    "get",
    "get 404",
    "list limit 1",
    "list bad continue",
    "label selector",
    "field selector unsupported",
    "list future rv",
    "status merge patch",
    "main patch cannot touch status",
    "spec patch bumps generation",
    "merge patch null deletes",
    "json patch",
    "json patch bad path",
    "strategic merge on CRD",
    "patch json content type",
    "patch 404",
    "status invalid",
    "put stale",
    "put ok status subresource",
    "put name mismatch",
    "put 404",
    "ssa create",
    "ssa no fieldManager",
    "ssa force",
    "ssa status",
    "delete with finalizer",
    "remove finalizer",
    "get gone",
    "delete plain",
    "delete 404",
    "delete precondition uid",
    "delete background",
    "deletecollection",
    "secret create",
    "tls secret missing key",
    "secret immutable type",
    "secret delete returns Status",
    "event create",
    "event bad ns",
    "lease create",
    "lease renew",
)
# The same status and reason, in words of our own: what is wrong with a text that is no JSON.
SAME_REASON = ("create bad json",)
REQUESTS = "/apis/cert-manager.io/v1/namespaces/default/certificaterequests"
SPEC = {"request": "Zm9v", "issuerRef": {"name": "x", "kind": "Issuer", "group": "example.test"}}
MERGE = "application/merge-patch+json"
ISSUED = {"conditions": [{"type": "Ready", "status": "True", "reason": "Issued"}]}


def left_out(method, path, body, content_type="application/json"):
    return {"title": "", "request": {"method": method, "path": path, "content_type": content_type, "body": body}}


# What the recorded answers show to have been asked in between, by the title that it comes before.
BEFORE = {
    "create no name": [left_out("POST", REQUESTS, {"metadata": {"generateName": "gen-"}, "spec": SPEC})],
    "get 404": [left_out("POST", REQUESTS, {"metadata": {"name": "unk3"}, "spec": SPEC})],
    "delete with finalizer": [
        left_out(
            "POST",
            REQUESTS,
            {"metadata": {"name": "w1", "labels": {"sel": "y"}, "finalizers": ["x.example.test/f"]}, "spec": SPEC},
        ),
        left_out("PATCH", f"{REQUESTS}/w1/status", {"status": ISSUED}, MERGE),
    ],
    "remove finalizer": [left_out("PATCH", f"{REQUESTS}/w1", {"metadata": {"annotations": {"q": "1"}}}, MERGE)],
    "delete plain": [left_out("POST", REQUESTS, {"metadata": {"name": "w2"}, "spec": SPEC})],
}


def without_own(value):
    if isinstance(value, dict):
        return {key: without_own(item) for key, item in value.items() if key not in OWN}
    return [without_own(item) for item in value] if isinstance(value, list) else value


class Replay:
    """Asks in the recorded order, with our uids, versions and generated names in the place of the recorded ones."""

    def __init__(self):
        self.store = EmbeddedStore(lambda: datetime(2026, 11, 21, 22, 9, 21, tzinfo=UTC), random.Random(1).randbytes)
        self.ours = {}
        self.pairs = {}
        for title, exchange in EXCHANGES.items():
            for before in BEFORE.get(title, ()):
                self.answer(before["request"])
            if title in (*SAME, *SAME_REASON):
                self.pairs[title] = self.ask(exchange)

    def ask(self, exchange):
        recorded = exchange["response"]
        answer = self.answer(exchange["request"])
        self.learn(recorded, answer.document)
        return exchange["status"], json.loads(self.translated(json.dumps(recorded))), answer

    def answer(self, request):
        body = request["body"]
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        url = urlsplit(request["path"])
        query, headers = dict(parse_qsl(url.query)), {"User-Agent": "Python/3.11 aiohttp/3.14.5"}
        content_type = request["content_type"] or ""
        call = Call(request["method"], url.path, query, content_type, self.translated(text).encode(), headers)
        return respond(self.store, call)

    def translated(self, text):
        for theirs, ours in self.ours.items():
            for before, after in (('"', '"'), ("(", ")"), ('\\"', '\\"'), ("current: ", '"')):
                text = text.replace(before + theirs + after, before + ours + after)
        return text

    def learn(self, recorded, document):
        if "metadata" not in recorded or not isinstance(document, dict):
            return
        for theirs, ours in zip(recorded.get("items", [recorded]), document.get("items", [document]), strict=False):
            for name in ("uid", "resourceVersion", *(["name"] if "generateName" in theirs["metadata"] else [])):
                if theirs["metadata"].get(name) and ours["metadata"].get(name):
                    self.ours[theirs["metadata"][name]] = ours["metadata"][name]
        if "items" in recorded:
            self.ours[recorded["metadata"]["resourceVersion"]] = document["metadata"]["resourceVersion"]
        if recorded.get("reason") == "Invalid" and document["details"].get("kind") == "Event":
            self.ours[recorded["details"]["name"]] = document["details"]["name"]
        for about in (recorded, document):
            about.get("metadata", {}).pop("continue", None)  # It holds a version and a name.


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
