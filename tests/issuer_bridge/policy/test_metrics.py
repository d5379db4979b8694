"""What Prometheus reads of decisions, and what a namespace is told of its policies."""

import pytest

from issuer_bridge.policy.summaries import NAME
from issuer_bridge.resources import CERTIFICATE_REQUEST, CERTIFICATE_REQUEST_POLICY, CONFIG_MAP, NAMESPACE
from tests.issuer_bridge.policy.policy_rig import DENY, PASS, PolicyRig

GAUGE, COUNTER = (
    "certmanager_approverpolicy_certificaterequests_approval",
    "certmanager_certificaterequest_denied_total",
)


def samples(rig):
    return [line for line in rig.operator.metrics().splitlines() if not line.startswith("#")]


@pytest.mark.seed("B37", "X10")
def test_each_request_is_counted_by_namespace_and_status():
    rig = PolicyRig().open()
    rig.namespace("shop")
    rig.say(selector={"namespace": {"matchNames": ["default"]}}, **PASS)
    rig.ask("one")
    rig.ask("two")
    rig.ask("three", namespace="shop")
    rig.say(**DENY)
    rig.ask("four")
    assert samples(rig) == [
        f'{GAUGE}{{namespace="default",status="approved"}} 2',
        f'{GAUGE}{{namespace="default",status="denied"}} 1',
        f'{GAUGE}{{namespace="shop",status="denied"}} 1',
        f'{COUNTER}{{namespace="default"}} 1',
        f'{COUNTER}{{namespace="shop"}} 1',
    ]


def test_a_request_that_is_neither_is_unmatched_and_has_a_type_and_a_help():
    rig = PolicyRig()
    rig.ask()
    assert samples(rig) == [f'{GAUGE}{{namespace="default",status="unmatched"}} 1']
    text = rig.operator.metrics()
    assert f"# TYPE {GAUGE} gauge\n" in text
    assert f"# TYPE {COUNTER} counter\n" in text


def test_denials_stay_counted_when_their_requests_are_gone_and_are_counted_once():
    rig = PolicyRig().open()
    rig.say(**DENY)
    rig.ask()
    asked = rig.store.get(CERTIFICATE_REQUEST, "default", "one")
    rig.store.replace(CERTIFICATE_REQUEST, {**asked, "metadata": {**asked["metadata"], "labels": {"a": "b"}}})
    rig.store.remove(CERTIFICATE_REQUEST, "default", "one")
    rig.run(seconds=1)
    assert samples(rig) == [f'{COUNTER}{{namespace="default"}} 1']


def test_what_was_denied_before_a_restart_is_not_counted_again():
    rig = PolicyRig().open()
    rig.say(**DENY)
    rig.ask()
    rig.crash()
    rig.start()
    rig.run(seconds=1)
    assert samples(rig) == [f'{GAUGE}{{namespace="default",status="denied"}} 1']


def summary(rig, namespace="default"):
    found = rig.store.get(CONFIG_MAP, namespace, NAME)
    return found and found.get("data")


@pytest.mark.seed("B38")
def test_a_namespace_is_told_what_is_allowed_in_it():
    rig = PolicyRig(summaries=True)
    rig.namespace("shop", team="a")
    rig.say("a", selector={"namespace": {"matchLabels": {"team": "a"}}}, constraints={"maxDuration": "1h"}, **PASS)
    rig.say("b", selector={"issuerRef": {"name": "x"}})
    rig.say("broken", plugins={"gone": {}})
    assert summary(rig, "shop") == {
        "a": "issuers: any\nallowed:\n  dnsNames:\n    values:\n    - '*'\nconstraints:\n  maxDuration: 1h\n",
        "b": "issuers:\n  name: x\nallowed: nothing\n",
    }
    assert list(summary(rig)) == ["b"]


def test_a_summary_follows_policies_and_labels():
    rig = PolicyRig(summaries=True)
    rig.namespace("shop")
    rig.say("a", selector={"namespace": {"matchLabels": {"team": "a"}}}, **PASS)
    assert summary(rig, "shop") is None
    old = rig.store.get(NAMESPACE, "", "shop")
    rig.store.replace(NAMESPACE, {**old, "metadata": {**old["metadata"], "labels": {"team": "a"}}})
    rig.run(seconds=1)
    assert list(summary(rig, "shop")) == ["a"]
    rig.store.remove(CERTIFICATE_REQUEST_POLICY, "", "a")
    rig.run(seconds=1)
    assert not summary(rig, "shop")


def test_nobody_is_told_unless_wanted():
    rig = PolicyRig()
    rig.say(**PASS)
    assert summary(rig) is None
