"""What a namespace is told of its policies."""

import pytest

from issuer_bridge.policy.summaries import NAME
from issuer_bridge.resources import CERTIFICATE_REQUEST_POLICY, CONFIG_MAP, NAMESPACE
from tests.issuer_bridge.policy.policy_rig import PASS, PolicyRig


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
