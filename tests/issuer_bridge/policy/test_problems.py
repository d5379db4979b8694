"""Policies that are refused, by the tables of approver-policy's `webhook` and of its `validation.go`s."""

import pytest

from issuer_bridge.kube_api.validation import check_new
from issuer_bridge.policy.plugins import Plugin
from issuer_bridge.policy.problems import problems, unready
from issuer_bridge.policy.review import together
from issuer_bridge.resources import CERTIFICATE_REQUEST_POLICY, ApiError
from tests.issuer_bridge.policy.policy_resources import EMAIL, SUBJECT, UPN, policy

VALUES = "at least one of 'values' or 'validations' must be defined if field is 'required'"
VALUE = VALUES.replace("values", "value", 1)
ONE, MANY = {"required": True, "value": "*"}, {"required": True, "values": ["*"]}
BARE = {"required": True}
NAMES = ("dnsNames", "ipAddresses", "uris", "emailAddresses")
FULL = {
    "commonName": ONE,
    **dict.fromkeys(NAMES, MANY),
    "subject": {**dict.fromkeys(SUBJECT, MANY), "serialNumber": ONE, "otherAttributes": [{"oid": EMAIL, **MANY}]},
    "otherNames": [{"oid": UPN, **MANY}],
    "isCA": True,
    "usages": ["server auth"],
}
NAMES_RULE = {"validations": [{"rule": "self.size() =< 24"}]}
KEY = "spec.constraints.privateKey"
REFUSED = {
    "no selector": (
        {"selector": {}},
        [
            "spec.selector: Required value: one of issuerRef or namespace must be defined, hint: `{}` on either matches everything"
        ],
    ),
    "labels that are none": (
        {"selector": {"namespace": {"matchLabels": {"$%234": "8dsdk"}}}},
        ['spec.selector.namespace.matchLabels: Invalid value: "$%234=8dsdk": is no label'],
    ),
    "required without values": (
        {"allowed": {"commonName": BARE, "dnsNames": BARE, "subject": {"organizations": BARE, "serialNumber": BARE}}},
        [
            f"spec.allowed.dnsNames.values: Required value: {VALUES}",
            f"spec.allowed.subject.organizations.values: Required value: {VALUES}",
            f"spec.allowed.commonName.value: Required value: {VALUE}",
            f"spec.allowed.subject.serialNumber.value: Required value: {VALUE}",
        ],
    ),
    "bad entries by OID": (
        {"allowed": {"otherNames": [{"oid": UPN, **BARE}], "subject": {"otherAttributes": [{"oid": EMAIL, **BARE}]}}},
        [
            f"spec.allowed.otherNames[0].values: Required value: {VALUES}",
            f"spec.allowed.subject.otherAttributes[0].values: Required value: {VALUES}",
        ],
    ),
    "algorithm, sizes and durations": (
        {
            "constraints": {
                "minDuration": "-1m",
                "maxDuration": "-2m",
                "privateKey": {"algorithm": "bad-alg", "minSize": 9999, "maxSize": -1},
            }
        },
        [
            f'{KEY}.algorithm: Unsupported value: "bad-alg": supported values: "RSA", "ECDSA", "Ed25519"',
            f"{KEY}.maxSize: Invalid value: -1: must be between 0 and 8192 inclusive",
            f"{KEY}.minSize: Invalid value: 9999: must be between 0 and 8192 inclusive",
            f"{KEY}.maxSize: Invalid value: -1: maxSize must be the same value as minSize or larger",
            'spec.constraints.maxDuration: Invalid value: "-2m0s": maxDuration must be a value greater or equal to 0',
            'spec.constraints.minDuration: Invalid value: "-1m0s": minDuration must be a value greater or equal to 0',
            'spec.constraints.maxDuration: Invalid value: "-2m0s": maxDuration must be the same value as minDuration or larger',
        ],
    ),
    "sizes of Ed25519": (
        {"constraints": {"privateKey": {"algorithm": "Ed25519", "minSize": 100, "maxSize": 500}}},
        [
            f"{KEY}.maxSize: Invalid value: 500: maxSize cannot be defined with algorithm constraint Ed25519",
            f"{KEY}.minSize: Invalid value: 100: minSize cannot be defined with algorithm constraint Ed25519",
        ],
    ),
    "a duration that is none": (
        {"constraints": {"maxDuration": "soon"}},
        ['spec.constraints.maxDuration: Invalid value: "soon": must be a duration such as 2160h or 1h30m'],
    ),
}
TAKEN = {
    "nothing allowed": {},
    "everything required, with values": {"allowed": FULL},
    "rules": {"allowed": {"commonName": {"required": True, "validations": [{"rule": "self.endsWith('.com')"}]}}},
    "selected by namespace": {"selector": {"namespace": {"matchLabels": {"example.com/team": "a"}}}},
    "constraints": {
        "constraints": {"minDuration": "1h", "maxDuration": "1h", "privateKey": {"minSize": 0, "maxSize": 8192}}
    },
}


def told(found):
    return [f"{cause.field}: {cause.message}" for cause in found]


@pytest.mark.parametrize(("spec", "expected"), REFUSED.values(), ids=REFUSED)
def test_a_policy_that_can_not_be_meant_is_refused(spec, expected):
    assert expected == told(problems(policy(**spec)))


@pytest.mark.parametrize("spec", TAKEN.values(), ids=TAKEN)
def test_a_policy_that_says_something_is_taken(spec):
    check_new(CERTIFICATE_REQUEST_POLICY, policy(**spec))


@pytest.mark.parametrize("field", ["commonName", *NAMES])
def test_a_rule_that_does_not_compile_is_refused_where_it_stands(field):
    [line] = told(problems(policy(allowed={field: NAMES_RULE})))
    assert line.startswith(f'spec.allowed.{field}.validations[0]: Invalid value: "self.size() =< 24": ERROR: <input>:1')


@pytest.mark.parametrize("oid", ["", "1", "x", "1.2.", "01.2", "1.02.3", "3.1", "0.40", "1.2.-3", "1..2"])
def test_an_oid_must_be_canonical(oid):
    [line] = told(problems(policy(allowed={"otherNames": [{"oid": oid, "values": []}]})))
    assert line.startswith(f'spec.allowed.otherNames[0].oid: Invalid value: "{oid}": must be a canonical dotted')


@pytest.mark.parametrize("oid", ["1.2", "2.999", "0.39.1", UPN])
def test_an_oid_that_is_canonical_is_taken(oid):
    assert told(problems(policy(allowed={"otherNames": [{"oid": oid, "values": []}]}))) == []


def test_an_attribute_with_a_field_of_its_own_belongs_there():
    entry = {"oid": SUBJECT["organizations"], "values": ["*"]}
    [line] = told(problems(policy(allowed={"subject": {"otherAttributes": [entry]}})))
    assert "this OID has a field of its own" in line


def test_the_api_refuses_it_when_it_is_written():
    with pytest.raises(ApiError, match="one of issuerRef or namespace must be defined") as refused:
        check_new(CERTIFICATE_REQUEST_POLICY, policy(selector={}))
    assert refused.value.code == 422


def test_a_plugin_that_there_is_not_keeps_a_policy_from_being_ready():
    named = policy(plugins={"foo": {}, "bar": {}})
    nothing = Plugin(lambda values, request: iter(()))
    assert together(unready(named, {"foo": nothing, "baz": nothing})) == (
        'spec.plugins: Unsupported value: "bar": supported values: "foo", "baz"'
    )


def test_what_the_api_would_refuse_keeps_it_from_being_ready_where_nothing_refuses():
    assert together(unready(policy(allowed={"commonName": NAMES_RULE}), {})).startswith("spec.allowed.commonName")
