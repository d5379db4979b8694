"""CAA (RFC 8659, RFC 8657): what records allow, where they are looked for, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from acme_server.authorizations import Authorization
from acme_server.caa import Claim, check, check_again, permits
from acme_server.lookups import MAX_ALIASES
from acme_server.protocol.identifier import Identifier
from acme_server.protocol.problem import Problem
from acme_server.protocol.vantage import TIMEOUT, DnsAnswer, DnsRecord
from acme_server.settings import Settings
from tests.acme_server.rig import Driver, registered

ACCOUNT = "https://acme.test:14000/account/1"
IDENTITIES = ("ca.test", "other-name.test")
SETTINGS = Settings(caa_identities=IDENTITIES)

# records -> whether they allow (a.test, *.a.test) to this account by dns-01
RECORDS = [
    ([], (True, True)),
    (['0 issue "ca.test"'], (True, True)),
    (['0 ISSUE "CA.Test"'], (True, True)),
    (['0 issue "other-name.test"'], (True, True)),
    (['0 issue "elsewhere.test"'], (False, False)),
    (['0 issue "elsewhere.test"', '0 issue " ca.test "'], (True, True)),
    (['0 issue ";"'], (False, False)),
    (['0 issue ""'], (False, False)),
    (['0 issue ";"', '0 issue "ca.test"'], (True, True)),
    (['0 issue "sub.ca.test"'], (False, False)),
    (['0 issue "ca.test."'], (False, False)),
    (['0 issue "%%%%"'], (False, False)),
    (['0 issuewild "ca.test"'], (True, True)),
    (['0 issuewild ";"'], (True, False)),
    (['0 issue ";"', '0 issuewild "ca.test"'], (False, True)),
    (['0 issue "ca.test"', '0 issuewild "elsewhere.test"'], (True, False)),
    (['0 iodef "mailto:a@b.test"'], (True, True)),
    (['128 iodef "mailto:a@b.test"'], (True, True)),
    (['0 tbs "unknown"'], (True, True)),
    (['128 tbs "unknown"'], (False, False)),
    (['128 tbs "unknown"', '0 issue "ca.test"'], (False, False)),
    (['64 tbs "unknown"', '0 issue "ca.test"'], (True, True)),
    (['128 issue "ca.test"'], (True, True)),
    (["nonsense"], (False, False)),
    ([f'0 issue "ca.test; accounturi={ACCOUNT}"'], (True, True)),
    ([f'0 issue "ca.test;accounturi = {ACCOUNT};"'], (True, True)),
    ([f'0 issue "ca.test; AccountUri={ACCOUNT}"'], (True, True)),
    ([f'0 issue "ca.test; accounturi={ACCOUNT}0"'], (False, False)),
    ([f'0 issue "ca.test; accounturi={ACCOUNT.upper()}"'], (False, False)),
    ([f'0 issue "ca.test; accounturi={ACCOUNT}; accounturi={ACCOUNT}"'], (False, False)),
    (['0 issue "ca.test; accounturi="'], (False, False)),
    (['0 issue "ca.test; validationmethods=dns-01"'], (True, True)),
    (['0 issue "ca.test; validationmethods=http-01,dns-01,ca-own"'], (True, True)),
    (['0 issue "ca.test; validationmethods=http-01"'], (False, False)),
    (['0 issue "ca.test; validationmethods="'], (False, False)),
    (['0 issue "ca.test; validationmethods=dns-01; validationmethods=dns-01"'], (False, False)),
    (['0 issue "ca.test; policy=ev"'], (True, True)),
    (['0 issue "ca.test; policy"'], (False, False)),
    (['0 issue "ca.test; a=b c=d"'], (False, False)),
]


@pytest.mark.parametrize(("records", "allowed"), RECORDS, ids=lambda value: str(value)[:70])
def test_records_allow_a_name_and_its_wildcard(records, allowed):
    claims = [Claim(Identifier("dns", name), ACCOUNT, "dns-01") for name in ("a.test", "*.a.test")]
    assert allowed == tuple(permits(records, claim, IDENTITIES) for claim in claims)


def conduct(inquiry, zone):
    """Answer CAA questions from a zone of name -> answer or texts; return the result, and the names that were asked."""
    asked = []
    try:
        question = next(inquiry)
        while True:
            assert question.rtype == "CAA"
            asked.append(question.name)
            found = zone.get(question.name, DnsAnswer())
            if not isinstance(found, DnsAnswer):
                found = DnsAnswer(records=tuple(DnsRecord(f"{question.name}.", "CAA", text) for text in found))
            question = inquiry.send(found)
    except StopIteration as stop:
        return stop.value, asked
    except Problem as problem:
        return problem, asked


def looked(zone, name="www.shop.a.test", method="dns-01"):
    return conduct(check(Claim(Identifier("dns", name), ACCOUNT, method), SETTINGS), zone)


OURS, THEIRS = ['0 issue "ca.test"'], ['0 issue "elsewhere.test"']
NXDOMAIN, SERVFAIL = DnsAnswer("NXDOMAIN"), DnsAnswer("SERVFAIL")


def alias(name, target, rcode="NOERROR", *texts):
    more = (DnsRecord(f"{target}.", "CAA", text) for text in texts)
    return DnsAnswer(rcode, (DnsRecord(f"{name}.", "CNAME", f"{target}."), *more))


CLIMBS = {
    "nothing anywhere": ({}, ["www.shop.a.test", "shop.a.test", "a.test", "test"], None),
    "no such names": (
        dict.fromkeys(["www.shop.a.test", "shop.a.test", "a.test", "test"], NXDOMAIN),
        ["www.shop.a.test", "shop.a.test", "a.test", "test"],
        None,
    ),
    "the nearest decides": ({"shop.a.test": OURS, "a.test": THEIRS}, ["www.shop.a.test", "shop.a.test"], None),
    "a parent forbids": (
        {"a.test": THEIRS},
        ["www.shop.a.test", "shop.a.test", "a.test"],
        ("caa", "CAA record for a.test prevents issuance"),
    ),
    "an alias is followed": ({"www.shop.a.test": alias("www.shop.a.test", "b.test", "NOERROR", *OURS)}, 1, None),
    "an alias that is left to us": (
        {"www.shop.a.test": alias("www.shop.a.test", "b.test"), "b.test": THEIRS},
        ["www.shop.a.test", "b.test"],
        ("caa", "CAA record for www.shop.a.test prevents issuance"),
    ),
    "an alias to nothing": (
        {"www.shop.a.test": alias("www.shop.a.test", "gone.test", "NXDOMAIN"), "shop.a.test": OURS},
        ["www.shop.a.test", "shop.a.test"],
        None,
    ),
    "the parents of an alias' target do not count": (
        {"www.shop.a.test": alias("www.shop.a.test", "x.b.test"), "b.test": THEIRS},
        ["www.shop.a.test", "x.b.test", "shop.a.test", "a.test", "test"],
        None,
    ),
    "a circle": (
        {"www.shop.a.test": alias("www.shop.a.test", "www.shop.a.test")},
        MAX_ALIASES,
        ("dns", f"DNS problem: more than {MAX_ALIASES} CNAMEs in a row looking up CAA for www.shop.a.test"),
    ),
    "a failure is no permission": (
        {"shop.a.test": SERVFAIL},
        ["www.shop.a.test", "shop.a.test"],
        (
            "dns",
            "DNS problem: SERVFAIL looking up CAA for shop.a.test - the domain's nameservers may be malfunctioning",
        ),
    ),
    "nor is silence": (
        {"a.test": DnsAnswer(error=TIMEOUT)},
        ["www.shop.a.test", "shop.a.test", "a.test"],
        ("dns", "DNS problem: query timed out looking up CAA for a.test"),
    ),
}


@pytest.mark.parametrize("case", CLIMBS)
def test_the_first_name_that_has_records_decides_going_up(case):
    zone, names, expected = CLIMBS[case]
    problem, asked = looked(zone)
    assert (names == asked) if isinstance(names, list) else (names == len(asked))
    if expected is None:
        assert problem is None
    else:
        kind, words = expected
        assert (problem.kind, problem.detail) == (kind, f"While processing CAA for www.shop.a.test: {words}")


def test_a_wildcards_records_are_looked_for_from_its_base_name():
    problem, asked = looked({"a.test": ['0 issuewild ";"']}, "*.a.test")
    assert (problem.kind, asked) == ("caa", ["a.test"])
    assert problem.detail == "While processing CAA for *.a.test: CAA record for a.test prevents issuance"


def test_addresses_have_no_caa_records():
    assert conduct(check(Claim(Identifier("ip", "192.0.2.1"), ACCOUNT, "http-01"), SETTINGS), {}) == (None, [])


def test_all_that_failed_again_is_said_in_one_problem():
    claims = [Claim(Identifier("dns", name), ACCOUNT, "dns-01") for name in ("a.test", "b.test", "*.c.test")]
    problem, asked = conduct(check_again(claims, SETTINGS), {"a.test": THEIRS, "b.test": OURS, "c.test": SERVFAIL})
    assert asked == ["a.test", "b.test", "c.test"]
    assert (problem.kind, problem.status) == ("caa", 403)
    assert problem.detail.startswith('Rechecking CAA for "a.test" and 1 more identifiers failed.')
    shown = [
        (each["type"].rpartition(":")[2], each["identifier"]["value"]) for each in problem.to_json()["subproblems"]
    ]
    assert shown == [("caa", "a.test"), ("dns", "*.c.test")]


@pytest.fixture
def zone(monkeypatch):
    """What the rig's network says about CAA: name -> texts; `asked` are the names."""
    data, asked, plain = {}, [], Driver.answer

    def answer(driver, question):
        if getattr(question, "rtype", None) != "CAA":
            return plain(driver, question)
        asked.append(question.name)
        return DnsAnswer(records=tuple(DnsRecord(question.name, "CAA", text) for text in data.get(question.name, ())))

    monkeypatch.setattr(Driver, "answer", answer)
    data["asked"] = asked
    return data


def test_a_validation_looks_at_caa_only_for_an_authority_that_has_a_name(zone):
    zone["example.org"] = THEIRS
    assert registered().issue("www.example.org").json["status"] == "valid"
    assert zone["asked"] == []
    client = registered(SETTINGS)
    order = client.order("www.example.org")
    client.authorize(order)
    assert zone["asked"] == ["www.example.org", "example.org"]
    (authorization,) = client.authorizations(order)
    error = authorization["challenges"][0]["error"]
    assert (authorization["status"], error["type"].rpartition(":")[2], error["status"]) == ("invalid", "caa", 403)
    assert client.get("/dir").json["meta"]["caaIdentities"] == list(IDENTITIES)


def test_the_account_and_the_method_are_those_of_the_challenge(zone):
    client = registered(SETTINGS)
    zone["example.org"] = [f'0 issue "ca.test; accounturi={client.kid}; validationmethods=dns-01"']
    assert client.issue("example.org", kind="dns-01").json["status"] == "valid"
    order = client.order("example.org")
    client.authorize(order, "http-01")
    assert client.authorizations(order)[0]["status"] == "invalid"


# hours between validation and finalize -> the names that are looked at again
AGES = [(7, []), (8, []), (8.01, ["a.test", "b.test"]), (100, ["a.test", "b.test"])]


@pytest.mark.parametrize(("hours", "again"), AGES)
def test_finalize_looks_at_every_name_again_once_the_last_look_is_old(zone, hours, again):
    zone |= {"a.test": OURS, "b.test": OURS}
    client = registered(SETTINGS)
    order = client.order("a.test", "*.b.test")
    client.authorize(order)
    zone["asked"].clear()
    client.driver.pass_time(hours=hours)
    finalized = client.finalize(order, ["a.test", "*.b.test"])
    assert finalized.json["status"] == ("processing" if again else "valid")
    assert client.driver.run() == bool(again)
    assert zone["asked"] == again
    assert client.post(order.header("Location")).json["status"] == "valid"


def test_an_order_fails_when_caa_forbids_by_now_what_it_allowed(zone):
    client = registered(Settings(caa_identities=IDENTITIES, caa_recheck=timedelta(0)))
    order = client.order("a.test", "*.b.test", "c.test")
    client.authorize(order)
    zone |= {"b.test": ['0 issuewild ";"'], "c.test": THEIRS}
    client.driver.pass_time(seconds=1)
    client.finalize(order, ["a.test", "*.b.test", "c.test"])
    client.driver.run()
    failed = client.post(order.header("Location")).json
    assert (failed["status"], "certificate" in failed) == ("invalid", False)
    assert failed["error"]["type"].endswith(":caa")
    assert [each["identifier"]["value"] for each in failed["error"]["subproblems"]] == ["*.b.test", "c.test"]


def test_a_server_that_finds_everything_valid_looks_at_no_caa(zone):
    client = registered(Settings(caa_identities=IDENTITIES, caa_recheck=timedelta(0), always_valid=True))
    order = client.order("a.test")
    client.post(client.authorizations(order)[0]["challenges"][0]["url"], {})
    client.driver.pass_time(hours=9)
    assert client.finalize(order, ["a.test"]).json["status"] == "valid"
    assert (client.driver.waiting, len(client.server.world.store.all(Authorization))) == ([], 1)
