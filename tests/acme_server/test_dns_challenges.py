"""dns-account-01 and dns-persist-01 (drafts of the ACME working group): where they look, and what will do."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.dns_persist import judge
from acme_server.issue_value import IssueValue, read_issue_value
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.key_authorization import KeyAuthorization, account_label
from acme_server.protocol.problem import Problem
from acme_server.settings import CHALLENGE_TYPES, Settings
from acme_server.validation_authority import CHECKS
from tests.acme_server.rig import START, registered

ACCOUNT = "https://acme.test:14000/account/1"
IDENTITIES = ("ca.test", "other-name.test")
ALL = Settings(challenge_types=CHALLENGE_TYPES, caa_identities=IDENTITIES)
NOW = int(START.timestamp())


def test_every_type_that_can_be_offered_is_checked():
    assert tuple(CHECKS) == CHALLENGE_TYPES


def test_the_label_of_an_account_is_that_of_the_draft():
    # draft-ietf-acme-dns-account-label, section 3.2.
    assert account_label("https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye"


OFFERED = [
    ({"type": "dns", "value": "a.test"}, CHALLENGE_TYPES),
    ({"type": "dns", "value": "*.a.test"}, ("dns-01", "dns-account-01", "dns-persist-01")),
    ({"type": "ip", "value": "192.0.2.1"}, ("http-01", "tls-alpn-01")),
]


@pytest.mark.parametrize(("identifier", "types"), OFFERED)
def test_what_is_offered_can_prove_control(identifier, types):
    client = registered(ALL)
    order = client.post(f"{client.base}/new-order", {"identifiers": [identifier]})
    (authorization,) = client.authorizations(order)
    assert types == tuple(each["type"] for each in authorization["challenges"])


@pytest.mark.parametrize(
    ("types", "identifier", "what"),
    [
        (("http-01",), {"type": "dns", "value": "*.a.test"}, "a wildcard"),
        (("dns-01",), {"type": "ip", "value": "::1"}, "an address"),
    ],
)
def test_an_order_for_which_nothing_can_be_offered_is_rejected(types, identifier, what):
    client = registered(Settings(challenge_types=types))
    refused = client.post(f"{client.base}/new-order", {"identifiers": [identifier]})
    assert refused.outcome == (403, "rejectedIdentifier")
    assert refused.json["detail"] == f"no challenge is offered here that proves control of {what}"
    assert [each["identifier"] for each in refused.json["subproblems"]] == [identifier]


def begin(name, kind):
    client = registered(ALL)
    order = client.order(name)
    (authorization,) = client.authorizations(order)
    return client, order, next(each for each in authorization["challenges"] if each["type"] == kind)


def answered(client, order, challenge, owner, *values):
    client.driver.txt[owner] = list(values)
    client.post(challenge["url"], {})
    client.driver.run()
    return client.authorizations(order)[0]


@pytest.mark.parametrize("name", ["a.test", "*.a.test"])
def test_dns_account_01_looks_below_the_label_of_the_account(name):
    client, order, challenge = begin(name, "dns-account-01")
    value = KeyAuthorization(challenge["token"], client.thumbprint).dns_value
    owner = f"{account_label(client.kid)}._acme-challenge.a.test"
    assert answered(client, order, challenge, owner, value)["status"] == "valid"
    client, order, challenge = begin(name, "dns-account-01")
    assert answered(client, order, challenge, "_acme-challenge.a.test", value)["status"] == "invalid"


def test_dns_persist_01_has_no_token_and_names_issuer_and_account():
    client, _, challenge = begin("a.test", "dns-persist-01")
    assert "token" not in challenge
    assert challenge["accounturi"] == client.kid
    assert challenge["issuer-domain-names"] == list(IDENTITIES)


@pytest.mark.parametrize("name", ["a.test", "*.a.test"])
def test_dns_persist_01_is_met_by_a_record_that_stays(name):
    client, order, challenge = begin(name, "dns-persist-01")
    value = f"ca.test; accounturi={client.kid}; policy=wildcard"
    assert answered(client, order, challenge, "_validation-persist.a.test", value)["status"] == "valid"


OURS = f"ca.test; accounturi={ACCOUNT}"
GOOD = [
    [OURS],
    [f"CA.test;accounturi={ACCOUNT}"],
    [f"other-name.test; accounturi={ACCOUNT}"],
    [f"{OURS}; policy=wildcard"],
    [f"{OURS}; policy=anything; unknown=x; unknown=y"],
    [f"{OURS}; persistUntil={NOW + 1}"],
    [f"{OURS}; PERSISTUNTIL={NOW + 1}"],
    ["v=spf1 -all", "elsewhere.test", "ca.test; accounturi", OURS],
]


@pytest.mark.parametrize("values", GOOD, ids=str)
def test_one_record_that_will_do_is_enough(values):
    judge(values, Identifier("dns", "a.test"), ACCOUNT, IDENTITIES, START)


BAD = [
    ([], "unauthorized", "No TXT record for ca.test or other-name.test found at _validation-persist.a.test"),
    (["v=spf1 -all", f"elsewhere.test; accounturi={ACCOUNT}"], "unauthorized", "No TXT record for"),
    (["elsewhere.test; accounturi"], "unauthorized", "No TXT record for"),
    (["ca.test"], "malformed", "has no accounturi"),
    (["ca.test; accounturi"], "malformed", "has a parameter that is not TAG=VALUE"),
    ([f"{OURS}; accounturi={ACCOUNT}"], "malformed", "has accounturi more than once"),
    ([f"{OURS}; policy=a; policy=b"], "malformed", "has policy more than once"),
    ([f"{OURS}; persistUntil=soon"], "malformed", "has a persistUntil that is not a number of seconds"),
    ([f"{OURS}; persistUntil={'9' * 5000}"], "malformed", "has a persistUntil that is not a number of seconds"),
    ([f"{OURS}; persistUntil=-1"], "malformed", "has a persistUntil that is not a number of seconds"),
    ([f"{OURS}0"], "unauthorized", f"is for another account than {ACCOUNT}"),
    ([f"{OURS}; persistUntil={NOW - 1}"], "unauthorized", "is over, as its persistUntil says"),
]


@pytest.mark.parametrize(("values", "kind", "words"), BAD, ids=str)
def test_a_record_that_will_not_do_is_quoted_with_the_reason(values, kind, words):
    with pytest.raises(Problem) as caught:
        judge(values, Identifier("dns", "a.test"), ACCOUNT, IDENTITIES, START)
    assert caught.value.kind == kind
    assert words in caught.value.detail


@pytest.mark.parametrize("more", ["", "; policy=", "; policy=specific"])
def test_a_wildcard_wants_a_record_that_says_so(more):
    wildcard = Identifier("dns", "*.a.test")
    judge([f"{OURS}; policy=WildCard"], wildcard, ACCOUNT, IDENTITIES, START)
    with pytest.raises(Problem, match=r"has no policy=wildcard"):
        judge([OURS + more], wildcard, ACCOUNT, IDENTITIES, START)


def test_a_record_ends_in_the_worlds_time():
    value = f"{OURS}; persistUntil={NOW + 60}"
    for passed, fine in ((59, True), (61, False)):
        try:
            judge([value], Identifier("dns", "a.test"), ACCOUNT, IDENTITIES, START + timedelta(seconds=passed))
        except Problem:
            assert not fine
        else:
            assert fine


VALUES = [
    ("", IssueValue("")),
    (" ;", IssueValue("")),
    ("ca.test", IssueValue("ca.test")),
    ("\tA-b.Test ; ", IssueValue("a-b.test")),
    ("ca.test; a=b;C-d\t= e:/?=", IssueValue("ca.test", (("a", "b"), ("c-d", "e:/?=")))),
    ("; a=", IssueValue("", (("a", ""),))),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_value_is_an_issuer_and_parameters(text, value):
    assert value == read_issue_value(text)


@pytest.mark.parametrize(
    "text",
    ["ca_.test", "ca..test", ".test", "ca.test.", "-ca.test", "ca test", "ca.test; a", "a; =b", "a; -b=c", "a; b=ü"],
)
def test_a_value_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r"does not begin with|has a parameter"):
        read_issue_value(text)


@given(st.text(alphabet="ab.-=; \t%ü", max_size=200))
def test_no_value_does_more_than_be_read_or_refused(text):
    with suppress(ValueError):
        assert read_issue_value(text).issuer in text.lower()
