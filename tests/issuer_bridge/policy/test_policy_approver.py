"""Approval by policies in a running bridge: what is decided, when it is looked at again, and what people see of it."""

import pytest

from issuer_bridge.kube_api.statuses import forbidden
from issuer_bridge.policy.plugins import EvaluationError, Plugin
from issuer_bridge.policy.review import Reading
from issuer_bridge.resources import CERTIFICATE_REQUEST, CERTIFICATE_REQUEST_POLICY, EVENT, NAMESPACE, ROLE_BINDING
from tests.issuer_bridge.policy.policy_rig import DENY, PASS, PolicyRig

REASON = "policy.cert-manager.io"
WHY = 'spec.allowed.dnsNames.values: Invalid value: ["a.test"]: b'
PASSED = ("Approved", REASON, 'Approved by CertificateRequestPolicy: "a"')
REFUSED = ("Denied", REASON, f"No policy approved this request: [a: {WHY}]")
READY = "CertificateRequestPolicy is ready for approval evaluation"
UNREADY = "CertificateRequestPolicy is not ready for approval evaluation"
IGNORED = ("Normal", "Unprocessed", "Request is not applicable for any policy so ignoring")


def consent(**answers):
    """A plugin for each name, which is as ready as the answer says and never denies."""

    def plugin(name):
        def evaluate(values, request):
            yield from ()
            return ""

        return Plugin(evaluate, lambda values: answers[name]())

    return {name: plugin(name) for name in answers}


@pytest.mark.seed("B14", "B35", "X3")
def test_a_policy_that_passes_approves_and_says_so():
    rig = PolicyRig().open()
    rig.say(**PASS)
    rig.ask()
    assert rig.decision() == PASSED
    assert ("Normal", "Approved", PASSED[2]) in rig.told()
    [fact] = rig.facts("issuer_bridge", "RequestReviewed")
    assert fact.data == {"result": "Approved", "message": PASSED[2], "policies": {}}


@pytest.mark.seed("B27", "B31", "B35")
def test_a_policy_that_denies_says_why_in_status_events_and_journal():
    rig = PolicyRig().open()
    rig.say(**DENY)
    rig.ask()
    assert rig.decision() == REFUSED
    assert ("Warning", "Denied", REFUSED[2]) in rig.told()
    [fact] = rig.facts("issuer_bridge", "RequestReviewed")
    assert fact.data == {"result": "Denied", "message": REFUSED[2], "policies": {"a": WHY}}
    assert fact.subject == {"request": "default/one"}


@pytest.mark.seed("B33")
@pytest.mark.parametrize(
    ("policies", "decision"),
    [("dp", "Approved"), ("ddp", "Approved"), ("dpp", "Approved"), ("dd", "Denied"), ("ddd", "Denied")],
)
def test_one_that_passes_is_enough(policies, decision):
    rig = PolicyRig().open()
    for name, said in zip("abc", policies, strict=False):
        rig.say(name, **{"d": DENY, "p": PASS}[said])
    rig.ask()
    assert rig.decision()[0] == decision


@pytest.mark.seed("B32", "B35", "X2")
def test_a_request_that_no_policy_is_about_waits_untouched_and_the_journal_knows_why():
    rig = PolicyRig()
    rig.say(**PASS)
    rig.ask()
    rig.run(hours=1)
    assert rig.decision() is None
    assert IGNORED in rig.told()
    [fact] = rig.facts("issuer_bridge", "RequestReviewed")
    assert fact.data["message"] == "No CertificateRequestPolicies bound or applicable"
    assert fact.data["policies"] == {"a": 'example may not "use" it in namespace default'}


@pytest.mark.seed("B32", "X2")
def test_without_policies_a_request_waits_and_on_no_match_deny_denies_it():
    rig = PolicyRig()
    rig.ask()
    assert rig.decision() is None
    rig = PolicyRig(reading=Reading(on_no_match="deny"))
    rig.ask()
    assert rig.decision() == ("Denied", REASON, "No CertificateRequestPolicies exist")


def test_mode_all_wants_all_to_pass():
    rig = PolicyRig(reading=Reading(mode="all")).open()
    rig.say("a", **DENY)
    rig.say("b", **PASS)
    rig.ask()
    assert rig.decision()[0] == "Denied"
    rig.say("a", **PASS)
    rig.ask("two")
    assert rig.decision("two") == ("Approved", REASON, 'Approved by CertificateRequestPolicies: "a", "b"')


def test_a_decision_is_never_revised():
    rig = PolicyRig().open()
    rig.say(**DENY)
    rig.ask()
    rig.say(**PASS)
    rig.ask("two")
    assert (rig.decision(), rig.decision("two")) == (REFUSED, PASSED)
    rig.say(**DENY)
    assert (rig.decision(), rig.decision("two")) == (REFUSED, PASSED)


# -- What brings a request back


@pytest.mark.seed("B10", "B27")
@pytest.mark.parametrize(
    ("before", "late"),
    [
        (lambda rig: rig.bind("default"), lambda rig: rig.role("default", "a")),
        (lambda rig: rig.role("default", "a"), lambda rig: rig.bind("default")),
        (lambda rig: rig.bind(), lambda rig: rig.role("", "a")),
        (lambda rig: rig.role("", "a"), lambda rig: rig.bind()),
        (lambda rig: rig.role("", "a"), lambda rig: rig.bind("default", "ClusterRole")),
    ],
    ids=["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "RoleBinding to a ClusterRole"],
)
def test_a_request_is_approved_once_its_user_is_bound(before, late):
    rig = PolicyRig()
    rig.say(**PASS)
    before(rig)
    rig.ask()
    assert rig.decision() is None
    late(rig)
    assert rig.decision() == PASSED


def test_a_binding_in_another_namespace_counts_there_alone():
    rig = PolicyRig()
    rig.namespace("shop")
    rig.say(**PASS)
    rig.role("shop")
    rig.bind("shop")
    rig.ask()
    rig.ask(namespace="shop")
    assert (rig.decision(), rig.decision(namespace="shop")) == (None, PASSED)
    reviewed = len(rig.facts("issuer_bridge", "RequestReviewed"))
    rig.store.remove(ROLE_BINDING, "shop", "b")
    rig.run(minutes=1)
    assert reviewed == len(rig.facts("issuer_bridge", "RequestReviewed"))


def test_a_request_is_approved_once_there_is_a_policy():
    rig = PolicyRig().open()
    rig.ask()
    assert rig.decision() is None
    rig.say(**PASS)
    assert rig.decision() == PASSED


def test_deleting_the_policy_that_all_waited_for_lets_the_others_decide():
    rig = PolicyRig(reading=Reading(mode="all")).open()
    rig.say("a", **PASS)
    rig.say("z", plugins={"gone": {}}, **PASS)
    rig.ask()
    assert rig.decision() is None
    rig.store.remove(CERTIFICATE_REQUEST_POLICY, "", "z")
    rig.run(seconds=1)
    assert rig.decision()[0] == "Approved"


def test_labels_of_a_namespace_are_looked_at_again():
    rig = PolicyRig().open()
    rig.say(selector={"namespace": {"matchLabels": {"team": "a"}}}, **PASS)
    rig.namespace("shop", team="b")
    rig.ask(namespace="shop")
    assert rig.decision(namespace="shop") is None
    old = rig.store.get(NAMESPACE, "", "shop")
    rig.store.replace(NAMESPACE, {**old, "metadata": {**old["metadata"], "labels": {"team": "a"}}})
    rig.run(seconds=1)
    assert rig.decision(namespace="shop") == PASSED


def test_a_review_that_fails_is_told_without_details_and_repeated():
    state = {"fails": True}

    def evaluate(values, request):
        yield from ()
        if state["fails"]:
            raise EvaluationError("the secret register is down")
        return ""

    rig = PolicyRig(plugins={"register": Plugin(evaluate)}).open()
    rig.say(plugins={"register": {}}, **PASS)
    rig.ask()
    rig.run(minutes=1)
    assert rig.decision() is None
    error = ("Warning", "EvaluationError", "approver-policy failed to review the request and will retry")
    assert error in rig.told()
    state["fails"] = False
    rig.run(minutes=6)
    assert rig.decision() == PASSED


def test_requests_that_are_decided_or_finished_are_left_alone():
    rig = PolicyRig().open()
    rig.ask()
    asked = rig.store.get(CERTIFICATE_REQUEST, "default", "one")
    by_hand = {"type": "Denied", "status": "True", "reason": "me", "message": "no"}
    rig.store.replace_status(CERTIFICATE_REQUEST, {**asked, "status": {"conditions": [by_hand]}})
    rig.say(**PASS)
    assert rig.decision() == ("Denied", "me", "no")


# -- Readiness


def test_a_policy_becomes_ready_and_an_event_says_so_once():
    rig = PolicyRig()
    rig.say(**PASS)
    version = rig.store.resource_version
    rig.run(hours=1)
    assert rig.readiness() == ("True", "Ready", READY, 1)
    assert rig.told("CertificateRequestPolicy") == [("Normal", "Ready", READY)]
    assert version == rig.store.resource_version


@pytest.mark.parametrize("broken", [("x",), ("x", "y"), ("x", "y", "z")])
def test_a_policy_is_not_ready_while_one_of_its_plugins_is_not(broken):
    answers = {name: (lambda: [forbidden("foo", "not allowed")]) if name in broken else tuple for name in "xyz"}
    rig = PolicyRig(plugins=consent(**answers)).open()
    rig.say(plugins={key: {} for key in "xyz"}, **PASS)
    assert rig.readiness() == ("False", "NotReady", f"{UNREADY}: foo: Forbidden: not allowed", 1)
    rig.ask()
    assert rig.decision() is None


def test_a_plugin_that_a_policy_does_not_name_has_no_say_in_it():
    rig = PolicyRig(plugins=consent(x=lambda: [forbidden("x", "never")], y=tuple)).open()
    rig.say(plugins={"y": {}}, **PASS)
    assert rig.readiness()[:2] == ("True", "Ready")


def test_a_policy_that_changes_is_looked_at_again():
    rig = PolicyRig()
    rig.say(plugins={"gone": {}}, **PASS)
    assert rig.readiness() == (
        "False",
        "NotReady",
        f'{UNREADY}: spec.plugins: Unsupported value: "gone": supported values: "ticket"',
        1,
    )
    rig.say(**PASS)
    assert rig.readiness() == ("True", "Ready", READY, 2)


def test_none_decides_nothing_and_all_approves_everything():
    rig = PolicyRig("none").open()
    rig.say(**PASS)
    rig.ask()
    assert rig.decision() is None
    rig = PolicyRig("all")
    rig.ask()
    assert rig.decision()[:2] == ("Approved", "cert-manager.io")


@pytest.mark.seed("B14")
def test_an_approved_request_is_issued():
    rig = PolicyRig().open()
    rig.apply_issuer()
    rig.say(**PASS)
    rig.apply("two", "b.http.test", username="example")
    rig.run(minutes=1)
    assert rig.issued("two")


def test_after_a_restart_a_bridge_decides_what_is_still_open():
    rig = PolicyRig().open()
    rig.ask()
    rig.crash()
    rig.say(**PASS)
    assert rig.decision() is None
    rig.start()
    rig.run(seconds=1)
    assert rig.decision() == PASSED


def looks(rig, kind="CertificateRequest"):
    """How often the last word on each object of a kind was said."""
    events = [event for event in rig.store.list(EVENT) if event["involvedObject"]["kind"] == kind]
    return {
        event["involvedObject"]["name"]: event["count"]
        for event in events
        if event["reason"] in ("Unprocessed", "Ready")
    }


def test_a_change_in_one_namespace_brings_back_its_requests_alone_and_the_journal_is_told_once():
    rig = PolicyRig()
    rig.namespace("shop")
    rig.ask("one")
    rig.ask("two", namespace="shop")
    before = looks(rig)
    rig.role("shop")
    assert looks(rig) == {**before, "two": before["two"] + 1}
    old = rig.store.get(NAMESPACE, "", "shop")
    rig.store.replace(NAMESPACE, {**old, "metadata": {**old["metadata"], "labels": {"team": "a"}}})
    rig.run(seconds=1)
    assert looks(rig) == {**before, "two": before["two"] + 2}
    rig.role()
    assert looks(rig) == {"one": before["one"] + 1, "two": before["two"] + 3}
    assert len(rig.facts("issuer_bridge", "RequestReviewed")) == 2


def test_a_policy_that_stays_as_ready_as_it_was_is_not_told_of_again():
    rig = PolicyRig()
    rig.say(**PASS)
    rig.say(**DENY)
    old = rig.store.get(CERTIFICATE_REQUEST_POLICY, "", "a")
    rig.store.replace(CERTIFICATE_REQUEST_POLICY, {**old, "metadata": {**old["metadata"], "labels": {"x": "y"}}})
    rig.run(seconds=1)
    assert looks(rig, "CertificateRequestPolicy") == {"a": 2}
