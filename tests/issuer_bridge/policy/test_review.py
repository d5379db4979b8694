"""Reviews, by the table of approver-policy's `approver/manager/review_test.go`, and the other reading of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer_bridge.kube_api.rbac import Attributes
from issuer_bridge.kube_api.users import User
from issuer_bridge.policy.plugins import EvaluationError, Plugin
from issuer_bridge.policy.review import Court, Reading, Verdict, review, violations
from issuer_bridge.resources import ApiError
from tests.issuer_bridge.policy.policy_resources import (
    COURT,
    UNREADY,
    attribute,
    csr,
    dns,
    ended,
    everybody,
    policy,
    request,
)

ASKED = request(csr(names=dns("a.test")))
PASS, DENY = {"allowed": {"dnsNames": {"values": ["*.test"]}}}, {"allowed": {"dnsNames": {"values": ["b"]}}}
WHY = 'spec.allowed.dnsNames.values: Invalid value: ["a.test"]: b'
OTHER = {"selector": {"issuerRef": {"name": "other"}}}
NOT_SELECTED = "its issuerRef selects other issuers"


def verdict(*policies, asked=ASKED, court=COURT, labels=dict, **reading):
    return ended(review(asked, policies, labels, Court(court.access, Reading(**reading), court.plugins)))


def policies(*said):
    """Policies a, b, ... from specs; (spec, condition) has another Ready."""
    return [
        policy(name, ready=each[1], **each[0]) if isinstance(each, tuple) else policy(name, **each)
        for name, each in zip("abcdefgh", said, strict=False)
    ]


REVIEWS = {
    "no policies": ([], "Unprocessed", "No CertificateRequestPolicies exist", {}),
    "none that is about the request": (
        [OTHER],
        "Unprocessed",
        "No CertificateRequestPolicies bound or applicable",
        {"a": NOT_SELECTED},
    ),
    "one that denies": ([DENY], "Denied", f"No policy approved this request: [a: {WHY}]", {"a": WHY}),
    "one that passes": ([PASS], "Approved", 'Approved by CertificateRequestPolicy: "a"', {}),
    "two, one passes": ([DENY, PASS], "Approved", 'Approved by CertificateRequestPolicy: "b"', {"a": WHY}),
    "two that pass": ([PASS, PASS], "Approved", 'Approved by CertificateRequestPolicy: "a"', {}),
    "two that deny": (
        [DENY, DENY],
        "Denied",
        f"No policy approved this request: [a: {WHY}] [b: {WHY}]",
        {"a": WHY, "b": WHY},
    ),
    "one denies, one is not reconciled": (
        [DENY, (PASS, None)],
        "Unprocessed",
        f"Not all policies are ready for evaluation; refusing to deny pending policy readiness: [a: {WHY}]",
        {"a": WHY, "b": "it is not ready yet"},
    ),
    "one denies, one is broken": (
        [DENY, (PASS, UNREADY)],
        "Denied",
        f"No policy approved this request: [a: {WHY}]",
        {"a": WHY, "b": "it is broken"},
    ),
    "one passes, one is not reconciled": (
        [(DENY, None), PASS],
        "Approved",
        'Approved by CertificateRequestPolicy: "b"',
        {"a": "it is not ready yet"},
    ),
    "only one that is broken": (
        [(PASS, UNREADY)],
        "Unprocessed",
        "No CertificateRequestPolicies bound or applicable",
        {"a": "it is broken"},
    ),
}


@pytest.mark.seed("B33", "X1")
@pytest.mark.parametrize(("said", "result", "message", "reasons"), REVIEWS.values(), ids=REVIEWS)
def test_one_policy_that_passes_approves(said, result, message, reasons):
    assert Verdict(result, message, reasons) == verdict(*policies(*said))


ALL = {
    "both pass": ([PASS, PASS, OTHER], "Approved", 'Approved by CertificateRequestPolicies: "a", "b"'),
    "one denies": ([PASS, DENY], "Denied", f"Not all policies approved this request: [b: {WHY}]"),
    "one is not ready": ([PASS, (PASS, UNREADY)], "Unprocessed", "Not all policies are ready for evaluation"),
    "one is not reconciled": ([PASS, (PASS, None)], "Unprocessed", "Not all policies are ready for evaluation"),
    "one denies, one is not ready": (
        [DENY, (PASS, None)],
        "Denied",
        f"Not all policies approved this request: [a: {WHY}]",
    ),
    "none is about the request": ([OTHER], "Unprocessed", "No CertificateRequestPolicies bound or applicable"),
}


@pytest.mark.seed("B33", "X1")
@pytest.mark.parametrize(("said", "result", "message"), ALL.values(), ids=ALL)
def test_mode_all_wants_every_policy_to_pass(said, result, message):
    found = verdict(*policies(*said), mode="all")
    assert (result, message) == (found.result, found.message)


@pytest.mark.seed("B32")
@pytest.mark.parametrize(
    ("said", "result"),
    [
        ([], "Denied"),
        ([OTHER], "Denied"),
        ([(PASS, UNREADY)], "Denied"),
        ([(PASS, None)], "Unprocessed"),
        ([PASS], "Approved"),
    ],
)
def test_on_no_match_deny_denies_what_no_policy_is_about(said, result):
    assert verdict(*policies(*said), on_no_match="deny").result == result


def test_all_evaluators_are_heard():
    both = policy(
        "a", **DENY, constraints={"maxDuration": "1h"}, plugins={"no": {"values": {"because": "it is Friday"}}}
    )

    def refuse(values, request):
        yield from ()
        return values["because"]

    found = verdict(both, court=Court(everybody, plugins={"no": Plugin(refuse)}))
    duration = 'spec.constraints.maxDuration: Invalid value: "nil": 1h0m0s'
    assert found.message == f"No policy approved this request: [a: {WHY}, {duration}, it is Friday]"


def test_several_violations_are_in_brackets_and_each_is_there_once():
    asked = request(csr([attribute("2.5.4.3", "x"), attribute("2.5.4.3", "x")], dns("a.test")))
    rule = {"validations": [{"rule": "self == 'y'"}]}
    found = ended(violations(asked, policy(allowed={"commonName": {"value": "x"}, "dnsNames": rule}), {}))
    assert found == "spec.allowed.dnsNames.validations[0]: Invalid value: \"a.test\": failed rule: self == 'y'"
    found = ended(violations(asked, policy(allowed={}), {}))
    assert found.startswith(
        '[spec.allowed.commonName[0]: Invalid value: "x": no allowed value, spec.allowed.commonName[1]'
    )


def test_names_that_cannot_be_read_are_denied():
    found = verdict(policy(), asked=request(csr(extensions=[b"\x30\x05\x82"])))
    assert (found.result, "could not be decoded" in found.message) == ("Denied", True)


def unknown_namespace():
    raise LookupError("there is no namespace default")


def unreachable(user, asked):
    yield from ()
    raise ApiError(503, "ServiceUnavailable", "try again")


@pytest.mark.parametrize(
    ("said", "court", "labels", "why"),
    [
        ({"selector": {"namespace": {"matchLabels": {"a": "b"}}}}, COURT, unknown_namespace, "there is no namespace"),
        (PASS, Court(unreachable), dict, "who may use a is unknown: try again"),
        ({"plugins": {"gone": {}}, **PASS}, COURT, dict, "there is no plugin gone"),
    ],
)
def test_what_cannot_be_evaluated_is_no_verdict(said, court, labels, why):
    with pytest.raises(EvaluationError, match=why):
        verdict(policy("a", **said), court=court, labels=labels)


def test_a_request_that_does_not_parse_is_no_verdict():
    with pytest.raises(EvaluationError, match=r"spec\.request: it is the base64 of something else"):
        verdict(policy(**PASS), asked=request("bm8gUEVN"))


def test_the_recorded_requester_is_asked_about_in_the_namespace_of_the_request():
    asked = []

    def ask(user, attributes):
        asked.append((user, attributes))
        yield from ()
        return False

    spec = {"username": "ada", "groups": ["a", "b"], "uid": "7", "extra": {"scopes": ["x"]}}
    found = verdict(policy("a", **PASS), asked=request(namespace="shop", **spec), court=Court(ask))
    wanted = Attributes("use", "policy.cert-manager.io", "certificaterequestpolicies", namespace="shop", name="a")
    assert asked == [(User("ada", ("a", "b"), "7", {"scopes": ("x",)}), wanted)]
    assert (found.result, found.policies) == ("Unprocessed", {"a": 'ada may not "use" it in namespace shop'})


def test_nobody_is_asked_about_a_policy_that_is_not_about_the_request():
    assert verdict(policy("a", **OTHER), court=Court(unreachable)).policies == {"a": NOT_SELECTED}


SAID = st.lists(st.sampled_from([PASS, DENY, OTHER, (PASS, UNREADY), (PASS, None), (DENY, UNREADY)]), max_size=7)


@given(SAID, st.integers(0, 7), st.sampled_from(["pending", "deny"]))
def test_adding_a_passing_policy_always_approves(said, place, on_no_match):
    more = policies(*said)
    more.insert(place, policy("z", **PASS))
    assert verdict(*more, on_no_match=on_no_match).result == "Approved"


@given(SAID, SAID)
def test_adding_policies_never_takes_an_approval_back(said, more):
    before = policies(*said)
    if verdict(*before).result == "Approved":
        added = [{**each, "metadata": {"name": f"z-{each['metadata']['name']}"}} for each in policies(*more)]
        assert verdict(*before, *added).result == "Approved"


@given(SAID)
def test_what_mode_all_approves_any_approves(said):
    if verdict(*policies(*said), mode="all").result == "Approved":
        assert verdict(*policies(*said)).result == "Approved"
