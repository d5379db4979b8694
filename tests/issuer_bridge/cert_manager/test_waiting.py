"""waitInsteadOfSelfCheck, as pkg/controller/acmechallenges/readiness_test.go has it (cert-manager 2d0d7f7f74)."""

from datetime import UTC, datetime, timedelta

import pytest

from issuer_bridge.cert_manager.waiting import wait_of, waited
from scheduler.challenge import Challenge, Stage
from scheduler.events import AcceptPostponed, CheckPassed

NOW = datetime(2026, 5, 15, 12, 0, 0, tzinfo=UTC)
KEY = "default/c1"


def shown(ago, type_="HTTP-01"):
    moment = None if ago is None else NOW - timedelta(seconds=ago)
    return Challenge(KEY, "a.test", type_, NOW, stage=Stage.CHECKING, presented_at=moment)


def postponed(text, seconds, type_="HTTP-01"):
    reason = f"Waiting {text} before accepting {type_} challenge without self-check"
    return AcceptPostponed(KEY, reason, timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("challenge", "wait", "expected"),
    [
        pytest.param(
            shown(25), 30, postponed("5s", 5), id="wait configured returns remaining delay without using self-check"
        ),
        pytest.param(shown(31), 30, CheckPassed(KEY), id="wait configured proceeds after timeout without self-check"),
        pytest.param(shown(30), 30, CheckPassed(KEY), id="the last moment"),
        pytest.param(shown(0), 0, CheckPassed(KEY), id="no wait at all"),
        pytest.param(shown(None), 30, postponed("30s", 30), id="a moment that was not kept"),
        pytest.param(shown(25.25), 30, postponed("5s", 4.75), id="whole seconds"),
        pytest.param(shown(0, "DNS-01"), 90, postponed("1m30s", 90, "DNS-01"), id="of either type"),
    ],
)
def test_a_challenge_is_ready_when_it_was_shown_long_enough(challenge, wait, expected):
    assert waited(challenge, timedelta(seconds=wait), NOW) == expected


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        ({}, None),
        ({"waitInsteadOfSelfCheck": "0s"}, timedelta(0)),
        ({"waitInsteadOfSelfCheck": "1m"}, timedelta(minutes=1)),
    ],
)
def test_the_wait_is_the_solver_s(solver, expected):
    assert wait_of({"solver": solver}) == expected
