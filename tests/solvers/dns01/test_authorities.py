"""Zones and their nameservers: upstream's tables (pkg/issuer/acme/dns/util at cert-manager 2d0d7f7f74), and the cache."""

from datetime import timedelta

import pytest

from acme_server.protocol.vantage import DnsAnswer, Resolve
from solvers.dns01.authorities import TIDY_EVERY, Authorities
from solvers.dns01.queries import QueryError
from tests.solvers.dns01.rig import (
    NO_ANSWER,
    NOTHING,
    NXDOMAIN,
    ONE,
    SERVFAIL,
    START,
    TWO,
    clock,
    cname,
    ns,
    said,
    soa,
)
from tests.solvers.vantages import perform

ALIAS_WITH_FOREIGN_SOA = DnsAnswer(
    records=(*cname("cross-zone-example.assets.sh.", "example.com.").records, *soa("example.com").records)
)
ALIAS_WITH_SOA_BESIDE = DnsAnswer(
    records=cname("mail.google.com.", "googlemail.l.google.com.").records, authority=soa("google.com").records
)
NXDOMAIN_WITH_SOA = DnsAnswer("NXDOMAIN", authority=soa("cert-manager.io").records)
SUB = "sub.example.com"
UNUSED = "using nameservers [not-used]"
WALKS = [
    ("wait_test.go TestFindZoneByFqdn", "mail.google.com", [ALIAS_WITH_SOA_BESIDE, soa("google.com")], "google.com"),
    (
        "wait_test.go TestFindZoneByFqdn",
        "cross-zone-example.assets.sh",
        [ALIAS_WITH_FOREIGN_SOA, soa("assets.sh")],
        "assets.sh",
    ),
    (
        "wait_test.go TestFindZoneByFqdn",
        "nonexistent.cert-manager.io",
        [NXDOMAIN_WITH_SOA, soa("cert-manager.io")],
        "cert-manager.io",
    ),
    ("wait_test.go TestFindZoneByFqdn", "example.com.ac", [NXDOMAIN, NXDOMAIN, soa("ac")], "ac"),
    ("cache_test.go NXDOMAIN: climbs to zone apex", SUB, [NXDOMAIN, soa("example.com")], "example.com"),
    (
        "cache_test.go CNAME at label is skipped per RFC 2181",
        SUB,
        [cname("sub.example.com.", "other.com."), soa("example.com")],
        "example.com",
    ),
]
LOST = [
    (
        "cache_test.go SERVFAIL stops the search and returns an error",
        [SERVFAIL],
        (
            f"When querying the SOA record for the domain '{SUB}.' {UNUSED}, "
            "rcode was expected to be 'NOERROR' or 'NXDOMAIN', but got 'SERVFAIL'"
        ),
    ),
    (
        "cache_test.go no SOA found anywhere in the tree returns error",
        [NXDOMAIN] * 3,
        f"Could not find the SOA record in the DNS tree for the domain '{SUB}.' {UNUSED}",
    ),
    ("cache_test.go AllNameserversFail", [NO_ANSWER], f"NS not-used gave no answer for {SUB}.: timeout"),
]


def ids(rows):
    return [f"{row[0]}: {row[1]}" if isinstance(row[1], str) else row[0] for row in rows]


def zone_of(name, answers, *nameservers):
    return perform(Authorities(clock).zone_of(name, nameservers or ("not-used",)), answers)


@pytest.mark.parametrize(("source", "name", "answers", "zone"), WALKS, ids=ids(WALKS))
def test_the_zone_is_found_as_upstream_finds_it(source, name, answers, zone):
    found, asked = zone_of(name, answers)
    assert found == zone
    labels = name.split(".")
    assert [question.name for question in asked] == [".".join(labels[start:]) for start in range(len(answers))]


@pytest.mark.parametrize(("source", "answers", "text"), LOST, ids=ids(LOST))
def test_no_zone_is_an_error_in_upstream_s_words(source, answers, text):
    with pytest.raises(QueryError) as raised:
        zone_of(SUB, answers)
    assert str(raised.value) == text


def test_a_soa_record_in_another_section_is_none():
    authority = DnsAnswer(authority=soa("example.com").records)
    assert zone_of(SUB, [authority, soa("example.com")])[0] == "example.com"


@pytest.mark.parametrize("first", [NO_ANSWER, SERVFAIL], ids=["no answer", "SERVFAIL"])
def test_the_next_nameserver_is_asked_when_one_has_no_zone(first):
    """cache_test.go NameserverFallthrough."""
    found, asked = zone_of(SUB, [first, NXDOMAIN, soa("example.com")], ONE, TWO)
    assert found == "example.com"
    assert [question.server for question in asked] == [ONE, TWO, TWO]


def test_an_error_names_all_nameservers():
    with pytest.raises(QueryError, match=rf"using nameservers \[{ONE} {TWO}\]"):
        zone_of(SUB, [NO_ANSWER, SERVFAIL], ONE, TWO)


LISTS = [
    (
        "cache_test.go CNAME at label: zone found at parent",
        "en.wikipedia.org",
        [
            cname("en.wikipedia.org.", "dyna.wikimedia.org."),
            soa("wikipedia.org"),
            ns("wikipedia.org", "ns1.wikimedia.org.", "ns2.wikimedia.org.", "NS0.wikimedia.org."),
        ],
        ("ns1.wikimedia.org", "ns2.wikimedia.org", "ns0.wikimedia.org"),
    ),
    (
        "cache_test.go SOA only in authority section: zone found at parent",
        "www.google.com",
        [NOTHING, soa("google.com"), ns("google.com", "ns1.google.com.", "ns2.google.com.")],
        ("ns1.google.com", "ns2.google.com"),
    ),
    (
        "cache_test.go SOA at queried label",
        "physics.georgetown.edu",
        [soa("physics.georgetown.edu"), ns("physics.georgetown.edu", "ns4.georgetown.edu.")],
        ("ns4.georgetown.edu",),
    ),
]
UNLISTED = [
    (
        "cache_test.go zone not found returns error",
        [NXDOMAIN, NXDOMAIN],
        (
            'Could not determine the zone for "example.com.": Could not find the SOA record in the DNS tree '
            f"for the domain 'example.com.' {UNUSED}"
        ),
    ),
    (
        "cache_test.go no NS records in response returns error",
        [soa("example.com"), NOTHING],
        'Could not determine authoritative nameservers for "example.com."',
    ),
    (
        "cache_test.go LookupAuthoritativeNameservers_AllNameserversFail",
        [NO_ANSWER],
        'Could not determine the zone for "example.com.": NS not-used gave no answer for example.com.: timeout',
    ),
]


@pytest.mark.parametrize(("source", "name", "answers", "hosts"), LISTS, ids=ids(LISTS))
def test_the_nameservers_are_found_as_upstream_finds_them(source, name, answers, hosts):
    assert perform(Authorities(clock).nameservers_of(name, ("not-used",)), answers)[0] == hosts


@pytest.mark.parametrize(("source", "answers", "text"), UNLISTED, ids=ids(UNLISTED))
def test_no_nameserver_is_an_error_in_upstream_s_words(source, answers, text):
    with pytest.raises(QueryError) as raised:
        perform(Authorities(clock).nameservers_of("example.com", ("not-used",)), answers)
    assert str(raised.value) == text


class TestMemory:
    """cache_test.go CacheHit, CacheExpiry, PerNameserverCaching, Clean, LookupAuthoritativeNameservers_CacheHit."""

    @pytest.fixture
    def passed(self):
        return [timedelta()]

    @pytest.fixture
    def authorities(self, passed):
        return Authorities(lambda: START + passed[0])

    def test_what_was_found_is_not_asked_again_before_its_ttl_is_over(self, authorities, passed):
        perform(authorities.zone_of(SUB, (ONE,)), [NXDOMAIN, soa("example.com", ttl=300)])
        passed[0] = timedelta(seconds=299)
        assert perform(authorities.zone_of(SUB, (ONE,)), []) == ("example.com", [])
        passed[0] = timedelta(seconds=300)
        assert perform(authorities.zone_of(SUB, (ONE,)), [soa(SUB)])[0] == SUB

    def test_a_ttl_of_zero_is_no_time(self, authorities):
        for _ in range(2):
            perform(authorities.zone_of(SUB, (ONE,)), [NXDOMAIN, soa("example.com", ttl=0)])

    def test_each_nameserver_s_word_is_kept_for_itself(self, authorities):
        perform(authorities.zone_of(SUB, (ONE,)), [NXDOMAIN, soa("example.com")])
        perform(authorities.zone_of(SUB, (TWO,)), [soa(SUB)])
        assert perform(authorities.zone_of(SUB, (ONE, TWO)), []) == ("example.com", [])
        assert perform(authorities.zone_of(SUB, (TWO, ONE)), []) == (SUB, [])

    def test_nameservers_are_kept_for_their_shortest_ttl(self, authorities, passed):
        records = said(("example.com.", "NS", "a.test.", 300), ("example.com.", "NS", "b.test.", 20))
        perform(authorities.nameservers_of("example.com", (ONE,)), [soa("example.com"), records])
        passed[0] = timedelta(seconds=19)
        assert perform(authorities.nameservers_of("example.com", (ONE,)), []) == (("a.test", "b.test"), [])
        passed[0] = timedelta(seconds=20)
        found, asked = perform(authorities.nameservers_of("example.com", (ONE,)), [ns("example.com", "c.test.")])
        assert found == ("c.test",)
        assert asked == [Resolve("example.com", "NS", ONE)]

    def test_failures_are_not_kept(self, authorities):
        with pytest.raises(QueryError):
            perform(authorities.zone_of(SUB, (ONE,)), [SERVFAIL])
        assert perform(authorities.zone_of(SUB, (ONE,)), [soa(SUB)])[0] == SUB

    def test_what_has_expired_is_thrown_away(self, authorities, passed):
        for number in range(50):
            perform(authorities.zone_of(f"{number}.test", (ONE,)), [soa(f"{number}.test", ttl=10)])
        passed[0] = TIDY_EVERY
        perform(authorities.zone_of(SUB, (ONE,)), [soa(SUB)])
        assert len(authorities._found) == 1
