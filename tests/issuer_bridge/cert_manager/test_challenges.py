"""Challenge resources and the scheduler's challenges: what each looks like to the other."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from issuer_bridge.cert_manager.challenge_views import FINALIZER, projected, scheduled, transitions
from issuer_bridge.cert_manager.challenges import presentation_of
from scheduler.challenge import Challenge, Stage
from solvers.solver import Presentation

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
SHOWN = CREATED + timedelta(minutes=1)
QUEUED = Challenge("default/c1", "a.test", "HTTP-01", CREATED)


def resource(**status):
    return {
        "metadata": {"name": "c1", "namespace": "default", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "dnsName": "a.test",
            "type": "HTTP-01",
            "wildcard": False,
            "token": "t",
            "key": "t.thumb",
            "solver": {"http01": {}},
        },
        "status": status,
    }


@pytest.mark.seed("K24")
def test_a_new_resource_is_queued_by_its_creation():
    assert scheduled(resource()) == QUEUED


@pytest.mark.parametrize(
    ("status", "stage", "state"),
    [
        ({}, Stage.QUEUED, ""),
        ({"processing": True, "presented": False}, Stage.PRESENTING, ""),
        ({"processing": True, "presented": True, "state": "pending"}, Stage.PRESENTING, ""),
        ({"processing": True, "presented": True, "state": "valid"}, Stage.RELEASING, "valid"),
        ({"processing": True, "state": "invalid"}, Stage.RELEASING, "invalid"),
        ({"processing": False, "presented": False, "state": "valid"}, Stage.DONE, "valid"),
        ({"processing": False, "state": "errored"}, Stage.DONE, "errored"),
    ],
)
def test_a_resource_that_an_earlier_run_left_is_resumed(status, stage, state):
    challenge = scheduled(resource(**status))
    assert (stage, state) == (challenge.stage, challenge.state)


@pytest.mark.parametrize("name", [FINALIZER, "finalizer.acme.cert-manager.io"])
@pytest.mark.parametrize(
    ("status", "metadata", "stage"),
    [
        ({"processing": True, "state": "valid"}, {}, Stage.CLEANING_UP),
        ({"state": "valid"}, {}, Stage.CLEANING_UP),
        ({"processing": True, "state": "pending"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, Stage.CLEANING_UP),
        ({}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, Stage.CLEANING_UP),
        ({"processing": True}, {}, Stage.PRESENTING),
    ],
)
def test_what_has_the_finalizer_is_cleaned_up_once_it_is_final_or_deleted(name, status, metadata, stage):
    held = resource(**status)
    held["metadata"].update(finalizers=[name], **metadata)
    assert stage is scheduled(held).stage


def test_the_first_presentation_is_remembered_across_a_restart():
    challenge = scheduled(resource(processing=True, presented=True, presentedAt="2026-01-01T00:01:00Z", reason="r"))
    assert (challenge.presented_at, challenge.presented, challenge.reason) == (SHOWN, True, "r")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"stage": Stage.STARTING}, {"processing": True, "presented": False}),
        ({"stage": Stage.FETCHING}, {"processing": True, "presented": False}),
        ({"stage": Stage.PRESENTING}, {"processing": True, "presented": False, "state": "pending"}),
        (
            {"stage": Stage.CHECKING, "presented": True, "presented_at": SHOWN, "reason": "Waiting"},
            {
                "processing": True,
                "presented": True,
                "presentedAt": "2026-01-01T00:01:00Z",
                "reason": "Waiting",
                "state": "pending",
            },
        ),
        (
            {"stage": Stage.CLEANING_UP, "presented": True, "state": "valid"},
            {"processing": True, "presented": True, "state": "valid"},
        ),
        (
            {"stage": Stage.DONE, "presented_at": SHOWN, "state": "invalid", "reason": "no"},
            {
                "processing": False,
                "presented": False,
                "presentedAt": "2026-01-01T00:01:00Z",
                "reason": "no",
                "state": "invalid",
            },
        ),
    ],
)
def test_a_status_is_what_the_scheduler_knows(changes, expected):
    assert expected == projected(attrs.evolve(QUEUED, **changes))


def at(stage, **changes):
    return attrs.evolve(QUEUED, stage=stage, **changes)


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (QUEUED, at(Stage.PRESENTING), [("Normal", "Started", "Challenge scheduled for processing")]),
        (
            at(Stage.PRESENTING),
            at(Stage.CHECKING),
            [("Normal", "Presented", "Presented challenge using HTTP-01 challenge mechanism")],
        ),
        (
            at(Stage.PRESENTING),
            at(Stage.PRESENTING, failures=1, reason="no route"),
            [("Warning", "PresentError", "Error presenting challenge: no route")],
        ),
        (at(Stage.CHECKING), at(Stage.CHECKING, reason="Waiting", checks=1), []),
        (at(Stage.CHECKING), at(Stage.ACCEPTING), []),
        (
            at(Stage.ACCEPTING),
            at(Stage.CLEANING_UP, state="valid"),
            [("Normal", "DomainVerified", 'Domain "a.test" verified with "HTTP-01" validation')],
        ),
        (
            at(Stage.ACCEPTING),
            at(Stage.CLEANING_UP, state="invalid", reason="why"),
            [("Warning", "Failed", "Accepting challenge authorization failed: why")],
        ),
        (
            at(Stage.CLEANING_UP, state="valid"),
            at(Stage.CLEANING_UP, state="valid", failures=1, reason="Error cleaning up challenge: no"),
            [("Warning", "CleanUpError", "Error cleaning up challenge: no")],
        ),
        (at(Stage.CLEANING_UP, state="valid"), at(Stage.DONE, state="valid"), []),
        (QUEUED, at(Stage.DONE, removed=True), []),
    ],
)
def test_a_change_is_worth_these_events(before, after, events):
    assert events == transitions(before, after)


def test_a_presentation_is_what_the_resource_says():
    assert presentation_of(resource()["spec"]) == Presentation("HTTP-01", "a.test", "t", "t.thumb", wildcard=False)
