"""Conditions: what moves their times, and what does not."""

from datetime import UTC, datetime, timedelta

import pytest

from issuer_bridge.conditions import is_approved, is_denied, ready_reason, set_condition

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
READY = {
    "type": "Ready",
    "status": "False",
    "lastTransitionTime": "2026-01-01T00:00:00Z",
    "reason": "Pending",
    "message": "one",
}


def test_the_first_condition_gets_the_time_of_now():
    assert set_condition((), "Ready", "False", "Pending", "one", NOW) == [READY]


def test_another_reason_and_message_leave_the_time_alone():
    changed = set_condition([READY], "Ready", "False", "Failed", "two", LATER)
    assert changed == [{**READY, "reason": "Failed", "message": "two"}]


def test_another_status_moves_the_time():
    (changed,) = set_condition([READY], "Ready", "True", "Issued", "done", LATER)
    assert changed["lastTransitionTime"] == "2026-01-01T01:00:00Z"


def test_the_others_keep_their_places():
    approved, denied = {"type": "Approved", "status": "True"}, {"type": "Denied", "status": "False"}
    conditions = [approved, READY, denied]
    changed = set_condition(conditions, "Ready", "True", "Issued", "done", LATER)
    assert [item["type"] for item in changed] == ["Approved", "Ready", "Denied"]
    assert [approved, denied] == [changed[0], changed[2]]
    assert conditions == [approved, READY, denied]


def test_a_new_type_comes_last():
    changed = set_condition([READY], "Approved", "True", "me", "yes", NOW)
    assert [item["type"] for item in changed] == ["Ready", "Approved"]


def test_the_observed_generation_is_kept_when_it_is_given():
    (changed,) = set_condition((), "Ready", "True", "x", "y", NOW, observed_generation=3)
    assert changed["observedGeneration"] == 3


@pytest.mark.parametrize(
    ("conditions", "approved", "denied", "reason"),
    [
        ([], False, False, None),
        ([{"type": "Approved", "status": "True"}], True, False, None),
        ([{"type": "Approved", "status": "False"}], False, False, None),
        ([{"type": "Denied", "status": "True"}, READY], False, True, "Pending"),
    ],
)
def test_conditions_are_read_off_a_resource(conditions, approved, denied, reason):
    resource = {"status": {"conditions": conditions}}
    assert (approved, denied, reason) == (is_approved(resource), is_denied(resource), ready_reason(resource))


def test_a_resource_without_a_status_has_no_conditions():
    assert (is_approved({}), is_denied({}), ready_reason({})) == (False, False, None)
