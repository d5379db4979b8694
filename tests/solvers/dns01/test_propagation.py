"""Whether a value can be seen: at the zone's own nameservers, or at the recursive ones alone."""

import pytest

from acme_server.protocol.vantage import DnsAnswer, Resolve
from solvers.dns01.authorities import Authorities
from solvers.dns01.propagation import Propagation
from solvers.dns01.queries import QueryError
from tests.solvers.dns01.rig import (
    NO_ANSWER,
    NOTHING,
    NXDOMAIN,
    ONE,
    SERVFAIL,
    TWO,
    address,
    clock,
    cname,
    ns,
    said,
    soa,
    txt,
)
from tests.solvers.vantages import perform

NAME = "example.com"
FOUND = [NOTHING, soa(NAME), ns(NAME, "ns1.example.com.")]
CACHE_TEST = "pkg/issuer/acme/dns/util/cache_test.go CheckTXTRecordPropagation"
UPSTREAM = [
    ("TXT found, useAuthoritative=false", NAME, False, [NOTHING, txt(NAME, "token123")], True),
    ("TXT not found (NXDOMAIN), useAuthoritative=false", NAME, False, [NOTHING, NXDOMAIN], False),
    ("TXT value mismatch, useAuthoritative=false", NAME, False, [NOTHING, txt(NAME, "wrong-token")], False),
    (
        "follows CNAME before checking TXT",
        "alias.example.com",
        False,
        [cname("alias.example.com.", "real.example.com."), NOTHING, txt("real.example.com", "token123")],
        True,
    ),
    (
        "TXT found via authoritative nameservers",
        NAME,
        True,
        [*FOUND, address("ns1.example.com", "192.0.2.1"), txt(NAME, "token123")],
        True,
    ),
    (
        "error from authoritative NS lookup propagates",
        NAME,
        True,
        [NOTHING, NXDOMAIN, NXDOMAIN],
        (
            'Could not determine the zone for "example.com.": Could not find the SOA record in the DNS tree '
            "for the domain 'example.com.' using nameservers [not-used]"
        ),
    ),
    ("checkAuthoritativeNss: happy path (wait_test.go)", NAME, False, [NOTHING, txt(NAME, "token123", "x")], True),
    (
        "checkAuthoritativeNss: errors out when DnsQuery fails (wait_test.go)",
        NAME,
        False,
        [NOTHING, NO_ANSWER],
        "NS not-used gave no answer for example.com.: timeout",
    ),
]


def look(answers, *nameservers, value="token123", name=NAME, **options):
    return perform(Propagation(nameservers or (ONE,), Authorities(clock), **options).shows(name, value), answers)


@pytest.mark.parametrize(
    ("source", "name", "authoritative", "answers", "expected"),
    UPSTREAM,
    ids=[f"{CACHE_TEST}: {row[0]}" for row in UPSTREAM],
)
def test_a_value_is_seen_as_upstream_sees_it(source, name, authoritative, answers, expected):
    if isinstance(expected, str):
        with pytest.raises(QueryError) as raised:
            look(answers, "not-used", name=name, authoritative=authoritative)
        assert str(raised.value) == expected
    else:
        assert look(answers, "not-used", name=name, authoritative=authoritative)[0] is expected


def test_recursive_nameservers_must_all_show_it_the_last_as_the_first():
    recursive = {"authoritative": False}
    shown, asked = look([NOTHING, txt(NAME, "token123"), txt(NAME, "token123")], ONE, TWO, **recursive)
    assert shown
    assert asked == [Resolve(NAME, "CNAME", ONE), Resolve(NAME, "TXT", ONE), Resolve(NAME, "TXT", TWO)]
    assert not look([NOTHING, txt(NAME, "token123"), txt(NAME, "stale")], ONE, TWO, **recursive)[0]


def test_the_first_miss_ends_it():
    shown, asked = look([NOTHING, NXDOMAIN], ONE, TWO, authoritative=False)
    assert not shown
    assert asked[-1] == Resolve(NAME, "TXT", ONE)


TWO_SERVERS = [NOTHING, soa(NAME), ns(NAME, "NS1.example.com.", "ns2.example.com.")]
FIRST, SECOND = address("ns1.example.com", "192.0.2.1"), address("ns2.example.com", "192.0.2.2")


def test_every_nameserver_of_the_zone_is_asked_at_its_own_address():
    shown, asked = look([*TWO_SERVERS, FIRST, txt(NAME, "token123"), SECOND, txt(NAME, "token123")])
    assert shown
    assert asked[3:] == [
        Resolve("ns1.example.com", "A", ONE),
        Resolve(NAME, "TXT", "192.0.2.1:53"),
        Resolve("ns2.example.com", "A", ONE),
        Resolve(NAME, "TXT", "192.0.2.2:53"),
    ]


@pytest.mark.parametrize("second", [NOTHING, NXDOMAIN, txt(NAME, "stale")], ids=["nothing", "NXDOMAIN", "stale"])
def test_one_nameserver_that_lags_behind_is_enough_to_wait(second):
    assert not look([*TWO_SERVERS, FIRST, txt(NAME, "token123"), SECOND, second])[0]


def test_the_port_of_the_zone_s_nameservers_is_a_choice():
    _, asked = look([*FOUND, FIRST, txt(NAME, "token123")], port=8053)
    assert asked[-1] == Resolve(NAME, "TXT", "192.0.2.1:8053")


def test_ipv6_is_asked_where_ipv4_is_silent():
    answers = [*FOUND, FIRST, NO_ANSWER, address("ns1.example.com", "2001:db8::1"), txt(NAME, "token123")]
    shown, asked = look(answers, port=8053)
    assert shown
    assert [question.server for question in asked[4:]] == ["192.0.2.1:8053", ONE, "[2001:db8::1]:8053"]


@pytest.mark.parametrize(
    ("answers", "text"),
    [
        ([FIRST, SERVFAIL], "NS ns1.example.com.:53 returned SERVFAIL for example.com."),
        ([FIRST, said(rcode="REFUSED")], "NS ns1.example.com.:53 returned REFUSED for example.com."),
        (
            [
                address("ns1.example.com", "192.0.2.2", "192.0.2.1"),
                DnsAnswer(error="connection refused"),
                NO_ANSWER,
                NOTHING,
            ],
            "NS ns1.example.com.:53 gave no answer for example.com.: 192.0.2.1:53: timeout; 192.0.2.2:53: connection refused",
        ),
        ([NXDOMAIN, NXDOMAIN], "NS ns1.example.com.:53 gave no answer for example.com.: it has no address"),
        ([NO_ANSWER], f"NS {ONE} gave no answer for ns1.example.com.: timeout"),
    ],
    ids=["SERVFAIL", "REFUSED", "silent", "without address", "address not told"],
)
def test_a_nameserver_that_cannot_say_is_named(answers, text):
    with pytest.raises(QueryError) as raised:
        look([*FOUND, *answers])
    assert str(raised.value) == text


@pytest.mark.parametrize(
    "answer",
    [txt(NAME, "Token123"), txt(NAME, "token123 "), txt(NAME, "token", "123"), said((f"{NAME}.", "CAA", "token123"))],
    ids=["other case", "longer", "in two records", "other type"],
)
def test_nearly_the_value_is_another_value(answer):
    assert not look([NOTHING, answer], authoritative=False)[0]
