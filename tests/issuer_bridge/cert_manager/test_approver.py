"""Who is approved without anybody asking."""

from datetime import UTC, datetime

import pytest

from issuer_bridge.cert_manager.approver import decide
from tests.issuer_bridge.bridge_resources import APPROVED, request

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_request_that_nobody_decided_on_is_approved():
    waiting = {"type": "Ready", "status": "False", "reason": "Pending", "message": "m"}
    status = decide(request("a.test", conditions=[waiting], other="kept"), NOW)
    assert status == {
        "conditions": [
            waiting,
            {
                "type": "Approved",
                "status": "True",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
                "reason": "cert-manager.io",
                "message": "Certificate request has been approved by cert-manager.io",
            },
        ],
        "other": "kept",
    }


@pytest.mark.parametrize(
    "condition",
    [
        APPROVED,
        {"type": "Denied", "status": "True"},
        {"type": "Ready", "status": "True", "reason": "Issued"},
        {"type": "Ready", "status": "False", "reason": "Failed"},
        {"type": "Ready", "status": "False", "reason": "Denied"},
    ],
)
def test_a_request_that_is_decided_on_or_finished_is_left_alone(condition):
    assert decide(request("a.test", conditions=[condition]), NOW) is None


def test_a_request_without_a_status_is_approved():
    resource = request("a.test")
    del resource["status"]
    assert decide(resource, NOW)["conditions"][0]["type"] == "Approved"
