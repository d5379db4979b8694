"""`allowed`, by the tables of approver-policy's `approver/allowed`: evaluator, rawbypass and stringtypes."""

import json

import pytest

from issuer_bridge.cert_manager.certificates.der import OCTET_STRING, SEQUENCE, der
from issuer_bridge.policy.allowing import not_allowed
from issuer_bridge.policy.requested import UnreadableNamesError, requested
from tests.issuer_bridge.policy.policy_resources import (
    BMP,
    COMMON_NAME,
    EMAIL,
    IA5,
    INTEGER,
    PRINTABLE,
    SERIAL_NUMBER,
    SUBJECT,
    UNIVERSAL,
    UPN,
    addresses,
    attribute,
    csr,
    dns,
    emails,
    other_name,
    request,
    uris,
)

LISTS = {
    "dnsNames": ["example.com", "foo.bar"],
    "ipAddresses": ["1.1.1.1", "2.3.4.5"],
    "uris": ["spiffe://cluster.local/ns/foo/sa/bar", "foo.bar.com"],
    "emailAddresses": ["foo@example.com", "bar@example.com"],
}
PARTS = {name: [f"{name}-1", f"{name}-2"] for name in SUBJECT}
EVERYTHING = csr(
    [
        attribute(COMMON_NAME, "hello-world"),
        *(attribute(SUBJECT[name], value) for name, values in PARTS.items() for value in values),
        attribute(SERIAL_NUMBER, "serial-1"),
    ],
    [
        *dns(*LISTS["dnsNames"]),
        *addresses(*LISTS["ipAddresses"]),
        *uris(*LISTS["uris"]),
        *emails(*LISTS["emailAddresses"]),
    ],
)
USAGES = ["crl sign", "client auth"]


def said(allowed, asked):
    return [f"{cause.field.removeprefix('spec.allowed.')}: {cause.message}" for cause in causes(allowed, asked)]


def causes(allowed, asked):
    return list(not_allowed(allowed, asked, requested(asked)))


def allowing(single, several, *, required=None, ca=None, usages=None):
    """An `allowed` in which every field says the same; single and several make a field from what is asked."""
    more = {} if required is None else {"required": required}

    def one(value):
        return single(value) | more

    def many(values):
        return several(values) | more

    subject = {name: many(values) for name, values in PARTS.items()} | {"serialNumber": one("serial-1")}
    allowed = {"commonName": one("hello-world"), **{name: many(values) for name, values in LISTS.items()}}
    extra = {"isCA": ca, "usages": usages}
    return allowed | {"subject": subject} | {name: value for name, value in extra.items() if value is not None}


def shown(values):
    return json.dumps(values, separators=(",", ":"))


def everything(**spec):
    return request(EVERYTHING, isCA=True, usages=USAGES, **spec)


def test_nothing_allowed_and_nothing_asked_passes():
    assert said({}, request()) == []


def test_nothing_allowed_refuses_everything_that_is_asked():
    assert said({}, everything()) == [
        'commonName: Invalid value: "hello-world": no allowed value',
        *(f"{name}: Invalid value: {shown(values)}: no allowed values" for name, values in LISTS.items()),
        "isCA: Invalid value: true: nil",
        'usages: Invalid value: ["crl sign","client auth"]: nil',
        *(f"subject.{name}: Invalid value: {shown(values)}: no allowed values" for name, values in PARTS.items()),
        'subject.serialNumber: Invalid value: "serial-1": no allowed value',
    ]


@pytest.mark.seed("B29", "B31")
def test_other_values_are_refused_with_all_patterns():
    allowed = allowing(
        lambda value: {"value": f"{value}2"},
        lambda values: {"values": [f"{value}2" for value in values]},
        ca=False,
        usages=["crl sign", "server auth"],
    )
    assert said(allowed, everything()) == [
        'commonName.value: Invalid value: "hello-world": hello-world2',
        *(
            f"{name}.values: Invalid value: {shown(values)}: {values[0]}2, {values[1]}2"
            for name, values in LISTS.items()
        ),
        "isCA: Invalid value: true: false",
        'usages: Invalid value: ["crl sign","client auth"]: crl sign, server auth',
        *(
            f"subject.{name}.values: Invalid value: {shown(values)}: {values[0]}2, {values[1]}2"
            for name, values in PARTS.items()
        ),
        'subject.serialNumber.value: Invalid value: "serial-1": serial-12',
    ]


@pytest.mark.seed("B29")
@pytest.mark.parametrize("usages", [USAGES, ["crl*", "client auth", "any"]])
@pytest.mark.parametrize("pattern", [lambda value: value, lambda value: value[:2] + "*", lambda value: "*" + value[2:]])
def test_equal_and_matching_values_pass(pattern, usages):
    allowed = allowing(
        lambda value: {"value": pattern(value)},
        lambda values: {"values": [pattern(value) for value in values]},
        ca=True,
        usages=usages,
    )
    assert said(allowed, everything()) == []


ANY = (lambda _: {"value": "*"}, lambda _: {"values": ["*"]})


def test_what_is_required_and_not_asked_is_told():
    paths = ["commonName", *LISTS, *(f"subject.{name}" for name in PARTS), "subject.serialNumber"]
    assert said(allowing(*ANY, required=True), request()) == [
        f"{path}.required: Required value: true" for path in paths
    ]


@pytest.mark.parametrize("required", [True, False])
def test_what_is_required_or_not_and_asked_passes(required):
    assert said(allowing(*ANY, required=required), request(EVERYTHING)) == []


def test_what_is_not_required_may_be_missing():
    assert said(allowing(*ANY, required=False), request()) == []


def test_an_empty_list_of_patterns_that_is_required_never_passes():
    allowed = {"dnsNames": {"values": [], "required": True}}
    assert said(allowed, request()) == ["dnsNames.required: Required value: true"]
    asked = request(csr(names=dns("a.test")))
    assert said(allowed, asked) == ['dnsNames.values: Invalid value: ["a.test"]: ']


def test_a_request_without_usages_passes():
    assert said({}, request()) == said({"usages": []}, request()) == []


def test_rules_are_asked_of_each_value():
    single = {"validations": [{"rule": "self.contains('cn-1')"}]}
    several = {
        "validations": [{"rule": "self.endsWith('1')", "message": "must end with 1"}, {"rule": "size(self) > 3"}]
    }
    allowed = {"commonName": single, "dnsNames": several, "subject": {"organizations": several}}
    asked = request(
        csr([attribute(COMMON_NAME, "cn-2"), attribute(SUBJECT["organizations"], "Org 1")], dns("a.test1", "b.test"))
    )
    assert said(allowed, asked) == [
        "commonName.validations[0]: Invalid value: \"cn-2\": failed rule: self.contains('cn-1')",
        'dnsNames.validations[0]: Invalid value: "b.test": must end with 1',
    ]


def test_rules_and_patterns_must_both_hold_and_are_not_asked_of_what_is_missing():
    allowed = {"dnsNames": {"values": ["*.test"], "validations": [{"rule": "!self.startsWith('*')"}]}}
    assert said(allowed, request(csr(names=dns("*.test")))) == [
        "dnsNames.validations[0]: Invalid value: \"*.test\": failed rule: !self.startsWith('*')"
    ]
    assert said(allowed, request(csr(names=dns("a.example")))) == [
        'dnsNames.values: Invalid value: ["a.example"]: *.test'
    ]
    assert said(allowed, request()) == []


def test_a_rule_that_fails_denies():
    allowed = {"commonName": {"validations": [{"rule": "self.split('.')[9] == 'x'"}]}}
    [told] = said(allowed, request(csr([attribute(COMMON_NAME, "a")])))
    assert told.startswith("commonName.validations[0]: Internal error: UNKNOWN: Index error")


# -- What is smuggled past libraries


TWO_NAMES = csr([attribute(COMMON_NAME, "app"), attribute(COMMON_NAME, "kubernetes-admin")])
TWO_NUMBERS = csr([attribute(SERIAL_NUMBER, "ok-1"), attribute(SERIAL_NUMBER, "smuggled-2")])
USER = csr(names=[other_name("administrator@victim.corp")])
MAILED = csr([attribute(EMAIL, "root@victim.corp", IA5)])
NAMED = {"oid": UPN, "values": ["*@victim.corp"]}
SMUGGLED = {
    "dual-CN": (
        {"commonName": {"value": "app"}},
        TWO_NAMES,
        ['commonName[1].value: Invalid value: "kubernetes-admin": app'],
    ),
    "dual-CN, both allowed": ({"commonName": {"value": "*"}}, TWO_NAMES, []),
    "dual-SerialNumber": (
        {"subject": {"serialNumber": {"value": "ok-*"}}},
        TWO_NUMBERS,
        ['subject.serialNumber[1].value: Invalid value: "smuggled-2": ok-*'],
    ),
    "otherName": (
        {},
        USER,
        [f'otherNames[{UPN}]: Invalid value: ["administrator@victim.corp"]: no allowed values'],
    ),
    "otherName that is allowed": ({"otherNames": [NAMED]}, USER, []),
    "otherName of another value": (
        {"otherNames": [{"oid": UPN, "values": ["*@else.corp"]}]},
        USER,
        [f'otherNames[{UPN}].values: Invalid value: ["administrator@victim.corp"]: *@else.corp'],
    ),
    "otherName that is required": (
        {"otherNames": [NAMED | {"required": True}]},
        csr(),
        [f"otherNames[{UPN}].required: Required value: true"],
    ),
    "otherName in hexadecimal": (
        {},
        csr(names=[other_name("ab", OCTET_STRING)]),
        [f'otherNames[{UPN}]: Invalid value: ["04026162"]: no allowed values'],
    ),
    "attribute of an unknown OID": (
        {},
        MAILED,
        [f'subject.otherAttributes[{EMAIL}]: Invalid value: ["root@victim.corp"]: no allowed values'],
    ),
    "attribute that is allowed": ({"subject": {"otherAttributes": [{"oid": EMAIL, "values": ["root@*"]}]}}, MAILED, []),
    "attribute of another value": (
        {"subject": {"otherAttributes": [{"oid": EMAIL, "values": ["me@*"]}]}},
        MAILED,
        [f'subject.otherAttributes[{EMAIL}].values: Invalid value: ["root@victim.corp"]: me@*'],
    ),
    "attribute that is required": (
        {"subject": {"otherAttributes": [{"oid": EMAIL, "values": ["*"], "required": True}]}},
        csr(),
        [f"subject.otherAttributes[{EMAIL}].required: Required value: true"],
    ),
    "DNS names alone": ({"dnsNames": {"values": ["*.test"]}}, csr(names=dns("a.test", "b.test")), []),
    "organizations in two types of string": (
        {"subject": {"organizations": {"values": ["Acme*"]}}},
        csr([attribute(SUBJECT["organizations"], "Acme", PRINTABLE), attribute(SUBJECT["organizations"], "Acme 2")]),
        [],
    ),
}


@pytest.mark.parametrize(("allowed", "signed", "expected"), SMUGGLED.values(), ids=SMUGGLED)
def test_what_a_signer_would_copy_is_seen(allowed, signed, expected):
    assert expected == said(allowed, request(signed))


@pytest.mark.parametrize(
    ("tag", "kind"),
    [(0xA3, "x400Address"), (0xA4, "directoryName"), (0xA5, "ediPartyName"), (0x88, "registeredID")],
)
def test_names_of_these_kinds_are_always_denied(tag, kind):
    asked = request(csr(names=[der(tag, b""), *dns("a.test")]))
    assert said(allowing(*ANY), asked) == [
        f'subjectAltName.{kind}: Invalid value: "{kind}": {kind} SAN entries are not permitted'
    ]


@pytest.mark.parametrize(
    ("extensions", "why"),
    [
        ([der(SEQUENCE, dns("a.test")[0]), der(SEQUENCE, dns("b.test")[0])], "multiple SAN extensions"),
        ([b"\x30\x05\x82"], "a value ends beyond its container"),
        ([der(SEQUENCE, der(0x8F, b"?"))], "unknown name type"),
        ([der(SEQUENCE, der(0x87, b"123"))], "does not appear to be an IPv4 or IPv6 address"),
        ([der(SEQUENCE, der(0x82, b"\xff.test"))], "can't decode"),
        ([der(SEQUENCE, der(0xA0, der(INTEGER, b"\0") + der(0xA0, b"")))], "could not be decoded"),
        ([b"\x04\0"], "where 0x30 belongs"),
        ([b""], "could not be decoded"),
    ],
)
def test_names_that_cannot_be_read_are_no_names_that_may_be_signed(extensions, why):
    with pytest.raises(UnreadableNamesError, match=why):
        requested(request(csr(extensions=extensions)))


@pytest.mark.parametrize(
    ("tag", "octets"),
    [(PRINTABLE, b"app-1"), (IA5, b"app-1"), (0x14, b"app-1"), (BMP, "app-1".encode("utf-16-be")), (0x0C, b"app-1")],
)
def test_common_names_in_these_strings_are_read(tag, octets):
    asked = request(csr([attribute(COMMON_NAME, octets, tag)]))
    assert said({"commonName": {"value": "app-*"}}, asked) == []
    assert said({"commonName": {"value": "b"}}, asked) == ['commonName.value: Invalid value: "app-1": b']


@pytest.mark.parametrize(
    ("dotted", "path"),
    [
        (COMMON_NAME, "commonName"),
        (SERIAL_NUMBER, "subject.serialNumber"),
        (SUBJECT["organizations"], "subject.organizations"),
        (EMAIL, f"subject.otherAttributes[{EMAIL}]"),
    ],
)
@pytest.mark.parametrize(
    ("tag", "octets"), [(UNIVERSAL, "app".encode("utf-32-be")), (INTEGER, b"\x01"), (OCTET_STRING, b"app")]
)
def test_a_value_that_is_no_string_that_is_read_is_denied_with_advice(dotted, path, tag, octets):
    allowed = allowing(*ANY, required=True) | {"otherNames": []}
    allowed["subject"]["otherAttributes"] = [{"oid": EMAIL, "values": ["*"], "required": True}]
    asked = request(csr([attribute(dotted, octets, tag)]))
    [told] = [each for each in said(allowed, asked) if each.startswith(path)]
    assert told.startswith(f'{path}: Invalid value: "<non-string value>": unsupported ASN.1 type or string encoding')
    assert "UTF8String or PrintableString" in told


@pytest.mark.parametrize("field", ["", "!", "bm8gUEVN", None])
def test_what_is_no_csr_is_no_reason_to_deny(field):
    with pytest.raises(ValueError) as told:
        requested(request() | {"spec": {"request": field}})
    assert not isinstance(told.value, UnreadableNamesError)
