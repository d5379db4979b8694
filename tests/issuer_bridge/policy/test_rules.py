"""Rules in CEL, by the tables of approver-policy's `approver/validation`."""

import re

import pytest

from issuer_bridge.policy.rules import MAX_RULE, MAX_VALUE, RuleError, compiled
from tests.issuer_bridge.policy.policy_resources import request

COMPILES = {
    "no-var-use": "'www.example.com'.endsWith('.com')",
    "simple-checks": "size(cr.namespace) < 24",
    "standard-macros": "[1,2,3].all(i, i % 2 > 0)",
    "extended-string-function-library": "self.startsWith('spiffe://trust-domain.com/')",
    "doc-example": "['.svc', '.svc.cluster.local'].exists(d, self.endsWith(cr.namespace + d))",
    "check-username-property": "size(cr.username) > 0",
    "check-serviceaccount-getname": "self.startsWith(serviceAccount(cr.username).getName())",
    "check-serviceaccount-getnamespace": "self.startsWith(serviceAccount(cr.username).getNamespace())",
    "check-serviceaccount-isSA": "isServiceAccount(cr.username)",
    "check-groups-property": "size(cr.groups) > 0",
    "depends-on-the-value": "self.split('.')[7] == ''",
}
REFUSED = {
    "err-no-expression": ("", "Syntax error"),
    "err-undeclared-vars": ("foo == bar", "undeclared reference to 'foo'"),
    "err-must-return-bool": ("size('foo')", "must evaluate to a bool, and is INT"),
    "err-invalid-property": ("size(cr.foo) < 24", "undeclared reference to 'cr.foo'"),
    "err-undeclared-function": ("self.nofunc()", "undeclared reference to 'nofunc'"),
    "err-types": ("self + 1 == 'a'", "found no matching overload for '_+_'"),
    "err-service-account-of-a-number": ("isServiceAccount(42)", "found no matching overload for 'isServiceAccount'"),
    "err-name-of-no-service-account": ("self.getName() == ''", "found no matching overload for 'getName'"),
    "err-too-long": (f"self == '{'a' * MAX_RULE}'", f"more than {MAX_RULE} characters"),
    "err-bomb": ("self.replace('', self) == ''", "replace() is not offered"),
}
SPIFFE = "self.startsWith('spiffe://acme.com/ns/%s/sa/'.format([cr.namespace]))"
ACCOUNT = (
    "isServiceAccount(cr.username) && self.startsWith('spiffe://acme.com/ns/%s/sa/%s'"
    ".format([serviceAccount(cr.username).getNamespace(),serviceAccount(cr.username).getName()]))"
)
GROUPS = "cr.groups.exists(g, self.matches('tool-%s'.format([g])))"
HOLDS = [
    (SPIFFE, "spiffe://acme.com/ns/foo-ns/sa/bar", {"namespace": "foo-ns"}, True),
    (SPIFFE, "spiffe://acme.com/ns/foo-ns/sa/bar", {"namespace": "bar-ns"}, False),
    (SPIFFE, "spiffe://example.com", {"namespace": "foo-ns"}, False),
    (ACCOUNT, "spiffe://acme.com/ns/foo-ns/sa/bar", {"username": "system:serviceaccount:foo-ns:bar"}, True),
    (ACCOUNT, "spiffe://acme.com/ns/bar-ns/sa/foo", {"username": "system:serviceaccount:bar-ns:foo"}, True),
    (ACCOUNT, "spiffe://acme.com/ns/foo-ns/sa/foo", {"username": "system:serviceaccount:foo-ns:bar"}, False),
    (ACCOUNT, "spiffe://acme.com/ns/foo-ns/sa/bar", {"username": "system:serviceaccount:bar-ns:bar"}, False),
    (ACCOUNT, "spiffe://acme.com/ns/foo-ns/sa/bar", {"username": "bar"}, False),
    (ACCOUNT, "spiffe://example.com", {"username": "system:serviceaccount:foo-ns:bar"}, False),
    (GROUPS, "tool-team-a", {"groups": ["team-a"]}, True),
    (GROUPS, "tool-team-a", {"groups": ["admin", "team-a"]}, True),
    (GROUPS, "tool-team-b", {"groups": ["team-a"]}, False),
    (GROUPS, "tool-team-b", {"groups": []}, False),
    ("isServiceAccount(self)", "system:serviceaccount:default:my-sa", {}, True),
    ("isServiceAccount(self)", "not-valid", {}, False),
    ("isServiceAccount(self)", "", {}, False),
    ("!self.startsWith('*')", "*.example.com", {}, False),
    ("'%d%%' .format([7]) == self", "7%", {}, True),
]


@pytest.mark.parametrize("rule", COMPILES.values(), ids=COMPILES)
def test_a_rule_that_can_hold_is_taken(rule):
    assert compiled(rule)


@pytest.mark.parametrize(("rule", "why"), REFUSED.values(), ids=REFUSED)
def test_a_rule_that_never_can_is_refused_with_the_reason(rule, why):
    with pytest.raises(RuleError, match=re.escape(why)):
        compiled(rule)


@pytest.mark.parametrize(("rule", "value", "about", "expected"), HOLDS)
def test_a_rule_is_about_the_value_and_the_request(rule, value, about, expected):
    assert expected is compiled(rule).holds(value, request(**about))


LOOP = "[0,1,2,3,4,5,6,7,8,9].all(x, "


@pytest.mark.parametrize(
    ("rule", "value", "why"),
    [
        ("serviceAccount(self).getName() == 'a'", "not-one", "'not-one' is not the name of a service account"),
        ("self.split('.')[7] == ''", "a.b", "Index error: index=7 size=2"),
        ("self.matches('(')", "a", "missing )"),
        (LOOP * 8 + "self != ''" + ")" * 8, "a", "budget exceeded"),
        ("self != ''", "a" * (MAX_VALUE + 1), f"more than {MAX_VALUE} characters"),
    ],
)
def test_a_rule_that_fails_says_why(rule, value, why):
    with pytest.raises(RuleError, match=re.escape(why)):
        compiled(rule).holds(value, request())
