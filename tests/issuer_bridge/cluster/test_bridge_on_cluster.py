"""The whole bridge on the adapter in virtual time, with an API between that loses, refuses and forgets."""

import json
from bisect import bisect_right
from datetime import timedelta
from random import Random
from urllib.parse import parse_qsl, urlsplit

import pytest

from acme_server.protocol.vantage import HttpAnswer
from issuer_bridge.cluster.calls import ApiRequest, ApiWatch
from issuer_bridge.cluster.resources import WATCHED, ClusterResources
from issuer_bridge.kube_api.paths import parse_target
from issuer_bridge.kube_api.rest import Call
from issuer_bridge.kube_api.serving import respond
from issuer_bridge.kube_api.statuses import expired, failure, too_large
from tests.issuer_bridge.bridge_rig import LATENCY, Rig

IDLE = timedelta(milliseconds=250)
RESET = HttpAnswer(error="connection reset")
BUSY = HttpAnswer(429, (("Retry-After", "1"),), b"{}")
BROKEN = HttpAnswer(500, (), b"{}")


def event(type_, resource):
    return json.dumps({"type": type_, "object": resource}).encode() + b"\n"


# What a watch may bring instead of news.
WATCH_FAULTS = (
    RESET,
    BROKEN,
    HttpAnswer(200),
    HttpAnswer(200, body=event("ERROR", failure(expired(1, 2)))),
    HttpAnswer(200, body=event("ERROR", failure(too_large(2, 1)))),
)


class ClusterRig(Rig):
    """A server and a bridge on a cluster; `trouble` is how likely each request is to be met by a fault."""

    watched = WATCHED

    def __init__(self, trouble=0.0, **options):
        self.trouble, self.random = 0.0, Random(options.get("seed", 1))
        self.news, self.versions, self.watches = [], [], {}
        super().__init__(**options)
        self.trouble = trouble

    def resources(self):
        if not self.watches:
            self.driver._network = self._answer
            self.store.watch(self._keep)
        resources = ClusterResources(self.watched)
        resources.start(self.mortal, self.random.randbytes)
        while not resources.synced:
            self.run(seconds=1)
        return resources

    def _keep(self, type_, kind, resource):
        self.versions.append(int(resource["metadata"]["resourceVersion"]))
        self.news.append((kind, event(type_, resource)))

    def _answer(self, question):
        if isinstance(question, ApiWatch):
            return self._watched(question)
        return (LATENCY, self._asked(question)) if isinstance(question, ApiRequest) else self.network(question)

    def _asked(self, question):
        fault = self.random.choice((RESET, BROKEN, BUSY, None)) if self.random.random() < self.trouble else "none"
        if fault not in ("none", None):
            return fault
        parts = urlsplit(question.url)
        content_type = dict(question.headers).get("Content-Type", "")
        call = Call(question.method, parts.path, dict(parse_qsl(parts.query)), content_type, question.body)
        answer = respond(self.store, call)
        # With None, it was carried out, and nobody hears of it.
        return RESET if fault is None else HttpAnswer(answer.code, answer.headers, answer.body)

    def _watched(self, question):
        parts = urlsplit(question.url)
        if self.random.random() < self.trouble / 10:
            return LATENCY, self.random.choice(WATCH_FAULTS)
        if question.begin:
            version = int(dict(parse_qsl(parts.query))["resourceVersion"])
            self.watches[parts.path] = bisect_right(self.versions, version)
        seen, self.watches[parts.path] = self.watches[parts.path], len(self.news)
        kind = parse_target(parts.path).kind
        lines = b"".join(line for each, line in self.news[seen:] if each == kind)
        bookmark = event("BOOKMARK", {"metadata": {"resourceVersion": str(self.store.resource_version)}})
        return (LATENCY, HttpAnswer(200, body=lines)) if lines else (IDLE, HttpAnswer(200, body=bookmark))


NAMES = [f"r{number}.http.test" for number in range(4)]


def applied(**options):
    rig = ClusterRig(**options)
    rig.apply_issuer()
    for number, name in enumerate(NAMES):
        rig.apply(f"r{number}", name)
    return rig


def comes_to_rest(rig):
    """Run until every request is issued and no challenge is under way, or for half an hour."""
    for _ in range(60):
        rig.run(seconds=30)
        underway = [each for each in rig.operator.scheduler.challenges if each.processing]
        if not underway and all(rig.issued(f"r{number}") for number in range(len(NAMES))):
            return True
    return False


def test_on_a_quiet_cluster_everything_is_issued_with_one_order_each():
    rig = applied()
    assert comes_to_rest(rig)
    assert rig.count("new-order") == len(NAMES)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_api_loses_or_refuses_everything_is_issued_in_the_end_with_one_order_each(seed):
    rig = applied(trouble=0.2, seed=seed)
    assert comes_to_rest(rig)
    assert rig.count("new-order") == len(NAMES)


@pytest.mark.parametrize("seed", range(4))
def test_a_bridge_that_crashes_again_and_again_goes_on_from_what_the_cluster_knows(seed):
    rig = applied(trouble=0.1, seed=seed)
    for _ in range(5):
        rig.run(milliseconds=rig.random.randrange(4000))
        rig.crash()
        rig.start()
    assert comes_to_rest(rig)
