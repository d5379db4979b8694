"""What is found for a question: RFC 1034 section 4.3.2, with RFC 4592's own examples."""

import pytest

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.lookup import MAX_CHAIN, UNANSWERED, Lookup, lookup
from solvers.dns.zone import TTL, Zone


def values(zone, name, rtype):
    """Return the rcode, and each answer as `NAME TYPE VALUE`."""
    found = lookup(zone, name, rtype)
    return found.rcode, [f"{record.name} {record.rtype} {record.value}" for record in found.answers]


@pytest.fixture
def rfc4592():
    """RFC 4592 section 2.2.1, TXT standing in for SRV."""
    zone = Zone(default_addresses=[], apexes=["example"])
    zone.add_txt("*.example", "this is a wildcard")
    zone.add_txt("sub.*.example", "this is not a wildcard")
    zone.set_addresses("host1.example", ["192.0.2.1"])
    zone.add_txt("_ssh._tcp.host1.example", "ssh")
    zone.add_txt("_ssh._tcp.host2.example", "ssh")
    return zone


@pytest.mark.parametrize(
    ("expected", "name", "rtype"),
    [
        (("NOERROR", ["host3.example. TXT this is a wildcard"]), "host3.example", "TXT"),
        (("NOERROR", []), "host3.example", "A"),
        (("NOERROR", ["foo.bar.example. TXT this is a wildcard"]), "foo.bar.example", "TXT"),
        (("NOERROR", []), "host1.example", "TXT"),
        (("NOERROR", ["sub.*.example. TXT this is not a wildcard"]), "sub.*.example", "TXT"),
        (("NXDOMAIN", []), "_telnet._tcp.host1.example", "TXT"),
        (("NXDOMAIN", []), "ghost.*.example", "TXT"),
        (("NOERROR", ["*.example. TXT this is a wildcard"]), "*.example", "TXT"),
        (("NOERROR", []), "_tcp.host2.example", "TXT"),
        (("NOERROR", []), "host2.example", "TXT"),
    ],
)
def test_wildcards_are_rfc_4592_s(rfc4592, expected, name, rtype):
    assert expected == values(rfc4592, name, rtype)


def test_a_wildcard_alias_is_followed_from_each_name_below_it():
    zone = Zone()
    zone.set_cname("*.apps.example.test", "ingress.example.test")
    zone.set_addresses("ingress.example.test", ["192.0.2.80"])
    expected = ["x.y.apps.example.test. CNAME ingress.example.test.", "ingress.example.test. A 192.0.2.80"]
    assert ("NOERROR", expected) == values(zone, "x.y.apps.example.test", "A")


def test_a_wildcard_s_addresses_come_before_the_default_ones():
    zone = Zone()
    zone.set_addresses("*.example.test", ["192.0.2.1"])
    assert values(zone, "www.example.test", "A") == ("NOERROR", ["www.example.test. A 192.0.2.1"])
    assert values(zone, "example.test", "A") == ("NOERROR", ["example.test. A 127.0.0.1"])


def test_a_wildcard_without_addresses_leaves_the_default_ones():
    zone = Zone()
    zone.add_txt("*.example.test", "wild")
    assert values(zone, "www.example.test", "A") == ("NOERROR", ["www.example.test. A 127.0.0.1"])


@pytest.mark.parametrize(
    ("expected", "rtype"),
    [
        (["www.example.test. A 192.0.2.1", "www.example.test. A 192.0.2.2"], "A"),
        (["www.example.test. AAAA 2001:db8::1"], "AAAA"),
        (["www.example.test. TXT text"], "TXT"),
        ([], "CNAME"),
        ([], "CAA"),
        ([], "TYPE65280"),
    ],
)
def test_a_question_gets_the_records_of_its_type(expected, rtype):
    zone = Zone()
    zone.set_addresses("www.example.test", ["192.0.2.1", "2001:db8::1", "192.0.2.2"])
    zone.add_txt("www.example.test", "text")
    assert ("NOERROR", expected) == values(zone, "www.example.test", rtype)


def test_any_gets_all_of_them():
    zone = Zone()
    zone.add_txt("example.test", "text")
    soa = zone.soa("example.test").value
    expected = [
        f"example.test. SOA {soa}",
        "example.test. NS ns.example.test.",
        "example.test. A 127.0.0.1",
        "example.test. TXT text",
    ]
    assert ("NOERROR", expected) == values(zone, "example.test", "ANY")


@pytest.mark.parametrize("name", ["missing.example.test", "missing.example.test.sub.example.test"])
def test_a_name_that_does_not_exist_is_nxdomain_with_the_zone_s_soa(name):
    zone = Zone(default_addresses=[], apexes=["sub.example.test"])
    assert Lookup("NXDOMAIN", (), (zone.soa(zone.apex_of(name)),)) == lookup(zone, name, "A")


def test_a_name_without_the_type_is_nodata_with_the_zone_s_soa():
    zone = Zone(default_addresses=[])
    zone.add_txt("_acme-challenge.www.example.test", "text")
    nodata = Lookup("NOERROR", (), (zone.soa("example.test"),))
    assert nodata == lookup(zone, "_acme-challenge.www.example.test", "A")
    assert nodata == lookup(zone, "www.example.test", "TXT")


def test_a_positive_answer_has_no_authority():
    assert lookup(Zone(), "www.example.test", "A").authority == ()


@pytest.mark.parametrize("default", [[], ["127.0.0.1"]])
@pytest.mark.parametrize("name", ["_acme-challenge.a.b.example.test", "example.test", "test"])
def test_every_zone_walk_ends(default, name):
    """As cert-manager walks: ask for SOA, label by label, until it is in the answer."""
    zone = Zone(default_addresses=default)
    labels = name.split(".")
    walk = [lookup(zone, ".".join(labels[start:]), "SOA") for start in range(len(labels))]
    apex = zone.apex_of(name)
    assert next(found.answers for found in walk if found.answers) == (zone.soa(apex),)
    for found in walk[: len(labels) - len(apex.split("."))]:
        assert (zone.soa(apex),) == found.authority


def test_the_nameserver_of_an_apex_has_an_address():
    zone = Zone(default_addresses=[])
    assert values(zone, "example.test", "NS") == ("NOERROR", ["example.test. NS ns.example.test."])
    assert values(zone, "ns.example.test", "A") == ("NOERROR", ["ns.example.test. A 127.0.0.1"])


def test_aliases_are_followed_to_the_records():
    zone = Zone()
    zone.set_cname("_acme-challenge.example.test", "a.other.test")
    zone.set_cname("a.other.test", "b.other.test")
    zone.add_txt("b.other.test", "text")
    expected = [
        "_acme-challenge.example.test. CNAME a.other.test.",
        "a.other.test. CNAME b.other.test.",
        "b.other.test. TXT text",
    ]
    assert ("NOERROR", expected) == values(zone, "_acme-challenge.example.test", "TXT")


def test_a_question_for_an_alias_gets_the_alias_alone():
    zone = Zone()
    zone.set_cname("a.test", "b.test")
    zone.set_cname("b.test", "c.test")
    assert values(zone, "a.test", "CNAME") == ("NOERROR", ["a.test. CNAME b.test."])
    assert (
        lookup(zone, "a.test", "ANY").rcode,
        [record.rtype for record in lookup(zone, "a.test", "ANY").answers],
    ) == ("NOERROR", ["SOA", "NS", "CNAME"])


@pytest.mark.parametrize(("expected", "default"), [("NXDOMAIN", []), ("NOERROR", ["2001:db8::1"])])
def test_an_alias_to_nothing_says_so_with_the_soa_of_where_it_leads(expected, default):
    zone = Zone(default_addresses=default)
    zone.set_cname("www.example.test", "gone.other.test")
    alias = DnsRecord("www.example.test.", "CNAME", "gone.other.test.", TTL)
    assert Lookup(expected, (alias,), (zone.soa("other.test"),)) == lookup(zone, "www.example.test", "A")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_loop_of_aliases_is_a_server_failure_with_what_there_is(length):
    zone = Zone()
    for number in range(length):
        zone.set_cname(f"{number}.example.test", f"{(number + 1) % length}.example.test")
    found = lookup(zone, "0.example.test", "A")
    assert found.rcode == "SERVFAIL"
    assert [f"{number}.example.test." for number in range(length)] == [record.name for record in found.answers]


def test_a_chain_of_aliases_has_a_bound():
    zone = Zone()
    for number in range(MAX_CHAIN):
        zone.set_cname(f"{number}.example.test", f"{number + 1}.example.test")
    assert lookup(zone, "1.example.test", "A").rcode == "NOERROR"
    assert lookup(zone, "0.example.test", "A").rcode == "SERVFAIL"


@pytest.mark.parametrize(("rtype", "rcode"), UNANSWERED.items())
def test_questions_that_are_not_about_a_name_are_not_answered(rtype, rcode):
    assert Lookup(rcode) == lookup(Zone(), "example.test", rtype)


def test_transfers_are_refused():
    assert lookup(Zone(), "example.test", "AXFR").rcode == "REFUSED"
