"""Selectors, by the tables of approver-policy's `approver/manager/predicate/predicate_test.go`: 10 by issuer, 12 by namespace."""

import pytest

from issuer_bridge.policy.selecting import unselected
from tests.issuer_bridge.policy.policy_resources import policy, request

EXACT = {"name": "test-name", "kind": "test-kind", "group": "test-group"}
OTHER = {"name": "name", "kind": "kind", "group": "group"}
ANY = {"name": "*", "kind": "*", "group": "*"}
DEFAULTS = {"name": "my-issuer", "kind": "Issuer", "group": "cert-manager.io"}
ISSUERS = {
    "no policies": ({}, []),
    "the defaults of cert-manager, which the request leaves out": (
        {"issuer": {"name": "my-issuer"}},
        [(DEFAULTS, True)],
    ),
    "one that does not match": ({}, [(OTHER, False)]),
    "two that do not match": ({}, [(OTHER, False), ({**OTHER, "name": "name-2"}, False)]),
    "one of two with nothing set": ({}, [({}, True), (OTHER, False)]),
    "one of two with wildcards": ({}, [(ANY, True), (OTHER, False)]),
    "both with nothing set": ({}, [({}, True), ({}, True)]),
    "both with wildcards": ({}, [(ANY, True), (ANY, True)]),
    "one that matches exactly": ({}, [(EXACT, True), (OTHER, False)]),
    "exact, wildcard and mixed": (
        {},
        [(EXACT, True), (OTHER, False), (ANY, True), ({"name": "test-*", "kind": "*-kind", "group": "*up"}, True)],
    ),
}
FOO_BAR, BAR_FOO = {"foo": "bar"}, {"bar": "foo"}
NAMESPACES = {
    "names of a namespace that does not exist": (None, [({"matchNames": ["bar"]}, False)]),
    "no policies": ({}, []),
    "a name that does not match": ({}, [({"matchNames": ["foo"]}, False)]),
    "labels that do not match": (BAR_FOO, [({"matchLabels": FOO_BAR}, False)]),
    "two that do not match": (BAR_FOO, [({"matchNames": ["foo"]}, False), ({"matchLabels": FOO_BAR}, False)]),
    "one of two with nothing set": ({}, [({}, True), ({"matchNames": ["foo"]}, False)]),
    "one of two with a wildcard": ({}, [({"matchNames": ["*"]}, True), ({"matchNames": ["foo"]}, False)]),
    "a wildcard at the end": ({}, [({"matchNames": ["test-*"]}, True), ({"matchNames": ["foo"]}, False)]),
    "a wildcard at the beginning": ({}, [({"matchNames": ["*-namespace"]}, True), ({"matchNames": ["foo"]}, False)]),
    "both with nothing set": ({}, [({}, True), ({"matchNames": []}, True)]),
    "one by name, not the other by labels": (
        {},
        [({"matchNames": ["test-namespace"]}, True), ({"matchLabels": FOO_BAR}, False)],
    ),
    "a mix of names and labels": (
        FOO_BAR,
        [
            ({"matchNames": ["test-namespace"]}, True),
            ({"matchNames": ["*"]}, True),
            ({"matchLabels": FOO_BAR}, True),
            ({"matchLabels": BAR_FOO}, False),
            ({"matchNames": ["test-namespace"], "matchLabels": FOO_BAR}, True),
            ({"matchNames": ["namespace-test"], "matchLabels": FOO_BAR}, False),
            ({"matchNames": ["test-namespace"], "matchLabels": BAR_FOO}, False),
        ],
    ),
}


def unlabelled():
    raise LookupError("there is no such namespace")


@pytest.mark.seed("B29")
@pytest.mark.parametrize(("asked", "selectors"), ISSUERS.values(), ids=ISSUERS)
def test_issuers_are_selected_by_all_that_is_named_of_them(asked, selectors):
    policies = [policy(selector={"issuerRef": selector}) for selector, _ in selectors]
    found = [unselected(each, request(**asked), unlabelled) is None for each in policies]
    assert [expected for _, expected in selectors] == found


@pytest.mark.seed("B29")
@pytest.mark.parametrize(("labels", "selectors"), NAMESPACES.values(), ids=NAMESPACES)
def test_namespaces_are_selected_by_a_name_and_by_all_labels(labels, selectors):
    policies = [policy(selector={"namespace": selector}) for selector, _ in selectors]
    told = unlabelled if labels is None else lambda: labels
    found = [unselected(each, request(namespace="test-namespace"), told) is None for each in policies]
    assert [expected for _, expected in selectors] == found


@pytest.mark.seed("X6")
@pytest.mark.parametrize(
    ("group", "kind", "selected"),
    [("cert-manager.io", "ClusterIssuer", False), ("pki.mycompany.io", "InternalClusterIssuer", True)],
)
def test_issuers_of_ones_own_are_selected_by_their_own_group(group, kind, selected):
    asked = request(issuer={"name": "pki", "kind": "InternalClusterIssuer", "group": "pki.mycompany.io"})
    selector = {"issuerRef": {"name": "pki", "kind": kind, "group": group}}
    assert (unselected(policy(selector=selector), asked, unlabelled) is None) is selected


def test_labels_of_a_namespace_that_does_not_exist_are_an_error():
    with pytest.raises(LookupError):
        unselected(policy(selector={"namespace": {"matchLabels": FOO_BAR}}), request(), unlabelled)


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ({"issuerRef": OTHER, "namespace": {}}, "its issuerRef selects other issuers"),
        ({"issuerRef": {}, "namespace": {"matchNames": ["x"]}}, "its namespace selector selects other namespaces"),
        ({"issuerRef": EXACT, "namespace": {"matchNames": ["default"]}}, None),
        ({}, None),
    ],
)
def test_both_must_match_where_both_are_given(selector, why):
    assert unselected(policy(selector=selector), request(), unlabelled) == why
