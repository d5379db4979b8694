"""Events: one for equal ones, counted; none stops anybody."""

import itertools
import logging
from datetime import UTC, datetime, timedelta

import pytest

from issuer_bridge.kube_api.store import EmbeddedStore
from issuer_bridge.recorder import Recorder
from issuer_bridge.resources import EVENT, ApiError
from tests.issuer_bridge.bridge_resources import issuer, request

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(clock):
    numbers = itertools.count()
    return EmbeddedStore(clock, lambda size: next(numbers).to_bytes(size, "big"))


@pytest.fixture
def recorder(store, clock):
    return Recorder(store, clock, lambda size: bytes(range(size)))


def run(inquiry):
    with pytest.raises(StopIteration):
        next(inquiry)


def test_an_event_says_what_happened_to_what_and_when(store, recorder):
    run(recorder.warning(request("a.test"), "RequestParsingError", "no"))
    (event,) = store.list(EVENT)
    assert (event["metadata"]["name"], event["metadata"]["namespace"]) == ("one.0001020304050607", "default")
    assert event["involvedObject"] == {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "name": "one",
        "namespace": "default",
        "uid": "uid-one",
    }
    assert tuple(event[name] for name in ("type", "reason", "message", "count")) == (
        "Warning",
        "RequestParsingError",
        "no",
        1,
    )
    assert (event["firstTimestamp"], event["lastTimestamp"]) == ("2026-01-01T00:00:00Z",) * 2
    assert event["source"] == {"component": "gravel"}


def test_an_equal_event_is_counted(store, recorder, clock):
    run(recorder.normal(request("a.test"), "WaitingForApproval", "wait"))
    clock.now += timedelta(hours=1)
    run(recorder.normal(request("a.test"), "WaitingForApproval", "wait"))
    (event,) = store.list(EVENT)
    assert (
        event["count"],
        event["firstTimestamp"],
        event["lastTimestamp"],
    ) == (2, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z")


@pytest.mark.parametrize(
    ("verb", "resource", "reason", "message"),
    [
        ("warning", request("a.test"), "R", "m"),
        ("normal", request("a.test", name="two"), "R", "m"),
        ("normal", request("a.test"), "S", "m"),
        ("normal", request("a.test"), "R", "n"),
    ],
)
def test_another_event_is_another_event(store, clock, verb, resource, reason, message):
    numbers = itertools.count()
    recorder = Recorder(store, clock, lambda size: next(numbers).to_bytes(size, "big"))
    run(recorder.normal(request("a.test"), "R", "m"))
    run(getattr(recorder, verb)(resource, reason, message))
    assert [event["count"] for event in store.list(EVENT)] == [1, 1]


def test_an_event_that_was_deleted_begins_anew(store, recorder):
    run(recorder.normal(request("a.test"), "R", "m"))
    run(store.delete(EVENT, "default", "one.0001020304050607"))
    run(recorder.normal(request("a.test"), "R", "m"))
    assert [event["count"] for event in store.list(EVENT)] == [1]


def test_an_event_of_a_cluster_wide_resource_is_in_the_default_namespace(store, recorder):
    run(recorder.normal(issuer(), "R", "m"))
    (event,) = store.list(EVENT)
    assert (event["metadata"]["namespace"], "namespace" in event["involvedObject"]) == ("default", False)


def test_only_so_many_events_are_remembered(store, clock, monkeypatch):
    monkeypatch.setattr("issuer_bridge.recorder.REMEMBERED", 1)
    numbers = itertools.count()
    recorder = Recorder(store, clock, lambda size: next(numbers).to_bytes(size, "big"))
    for reason in ("R", "S", "R"):
        run(recorder.normal(request("a.test"), reason, "m"))
    assert [event["count"] for event in store.list(EVENT)] == [1, 1, 1]


def test_an_event_that_cannot_be_written_is_logged(clock, caplog):
    class Full:
        def create(self, kind, resource):
            raise ApiError(507, "InsufficientStorage", "the disk is full")
            yield

    with caplog.at_level(logging.WARNING):
        run(Recorder(Full(), clock, bytes).normal(request("a.test"), "R", "m"))
    assert "event R of one is lost: the disk is full" in caplog.text


def test_an_event_says_who_it_is_from(store, clock):
    recorder = Recorder(store, clock, lambda size: bytes(range(size)), "my-issuer")
    list(recorder.normal(request("a.test"), "Issued", "yes"))
    assert [event["source"] for event in store.list(EVENT)] == [{"component": "my-issuer"}]
