"""Every parameter has a default, and changes what it says."""

import itertools
from datetime import timedelta

import attrs
import pytest

from issuer_bridge.acme_issuer.parameters import Parameters, own_fields, spec_name
from tests.issuer_bridge.acme_issuer.acme_rig import AcmeRig
from tests.issuer_bridge.acme_issuer.test_signer_errors import page, problem

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DEFAULTS = {
    "max_retry_duration": 15 * MINUTE,
    "pending_poll": timedelta(seconds=5),
    "max_orders": 2,
    "max_new_order_calls": 8,
    "max_finalize_calls": 5,
    "max_rate_limit_wait": 24 * HOUR,
    "breaker_threshold": 5,
    "first_backoff": timedelta(seconds=1),
    "longest_backoff": 5 * MINUTE,
    "jitter": 0.2,
    "max_pending": timedelta(days=7),
    "check_interval": 10 * MINUTE,
    "workers": 5,
    "per_issuer": 5,
}
FOREVER = 10_000
NEVER_TAKEN = problem("orderNotReady", "finalize", FOREVER)


def failed(rig):
    return rig.ready("one")[1] == "Failed"


def gaps(rig, kind):
    return [later - sooner for sooner, later in itertools.pairwise(rig.moments(kind))]


EFFECTS = {
    "max_retry_duration": (
        {"maxRetryDuration": "1m", "breakerThreshold": FOREVER},
        page("finalize", FOREVER),
        lambda rig: failed(rig) and 60 < rig.moments("finalize")[-1] < 130,
    ),
    "pending_poll": (
        {"pendingPoll": "30s"},
        problem("orderNotReady", "finalize"),
        lambda rig: gaps(rig, "finalize") == [30],
    ),
    "max_orders": ({"maxOrders": 3}, problem("caa", "finalize", FOREVER), lambda rig: len(rig.orders) == 3),
    "max_new_order_calls": (
        {"maxNewOrderCalls": 3, "breakerThreshold": FOREVER},
        page("newOrder", FOREVER),
        lambda rig: failed(rig) and rig.count("new-order") == 3,
    ),
    "max_finalize_calls": ({"maxFinalizeCalls": 2}, NEVER_TAKEN, lambda rig: rig.count("finalize") == 4),
    "max_rate_limit_wait": (
        {"maxRateLimitWait": "1m"},
        problem("rateLimited", "newOrder", retry_after=61),
        failed,
    ),
    "breaker_threshold": (
        {"breakerThreshold": 2},
        page("newOrder", 2),
        lambda rig: (
            len(rig.facts("issuer_bridge", "CheckAnswered")) > 1
            and any("circuit open after 2 failures" in message for _, message in rig.events("AcmeClusterIssuer"))
        ),
    ),
}


def test_the_defaults_are_those_of_the_documentation():
    assert attrs.asdict(Parameters()) == DEFAULTS


def test_each_parameter_of_an_issuer_is_tried_below():
    assert [field.name for field in own_fields()] == list(EFFECTS)


@pytest.mark.seed("B16")
@pytest.mark.parametrize("name", EFFECTS)
def test_an_issuer_may_choose_otherwise(name):
    spec, fault, holds = EFFECTS[name]
    assert spec_name(name) in spec
    rig = AcmeRig(fault, issuer=spec)
    rig.apply("one", "one.http.test")
    rig.run(minutes=9)
    assert holds(rig)


@pytest.mark.parametrize("name", EFFECTS)
def test_it_takes_another_value_than_the_default(name):
    """With the default, the same fault has another effect."""
    spec, fault, holds = EFFECTS[name]
    rig = AcmeRig(fault, issuer={key: value for key, value in spec.items() if key != spec_name(name)})
    rig.apply("one", "one.http.test")
    rig.run(minutes=9)
    assert not holds(rig)


def test_the_frame_takes_the_others():
    chosen = Parameters(
        first_backoff=2 * MINUTE,
        longest_backoff=3 * MINUTE,
        max_pending=HOUR,
        check_interval=HOUR,
        workers=7,
        per_issuer=3,
    )
    options = chosen.options("secrets-here")
    assert (options.first_backoff, options.longest_backoff) == (2 * MINUTE, 3 * MINUTE)
    assert (options.conduct.max_pending, options.conduct.check_interval) == (HOUR, HOUR)
    assert (options.workers, options.per_issuer, options.cluster_resource_namespace) == (7, 3, "secrets-here")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"maxRetryDuration": "soon"}, "spec.maxRetryDuration: 'soon' is not a duration such as 2160h or 1h30m"),
        ({"pendingPoll": "0s"}, "spec.pendingPoll: '0s' is not more than 0"),
        ({"maxOrders": 0}, "spec.maxOrders: 0 is not more than 0"),
    ],
)
def test_a_number_that_cannot_be_is_said_of_the_issuer(spec, message):
    rig = AcmeRig(issuer=spec)
    assert rig.said() == ("False", "Failed", f"Failed permanently: {message}")
