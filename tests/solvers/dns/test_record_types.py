"""Records of several words: how they are spelled, shown, and what begins a zone."""

from __future__ import annotations

import dns.message
import pytest

from acme_server.dns_messages import read_reply
from acme_server.protocol.vantage import Resolve
from solvers.dns.answer import answer, answer_question
from solvers.dns.lookup import lookup
from solvers.dns.zone import Zone

SPELLINGS = [
    ("CAA", '0 issue "ca.test"', '0 issue "ca.test"'),
    ("CAA", '128 IssueWild ";"', '128 issuewild ";"'),
    ("CAA", '0 iodef "mailto:a@b.test"', '0 iodef "mailto:a@b.test"'),
    ("CAA", '0 issue ""', '0 issue ""'),
    ("MX", "010 Mail.Example.test", "10 mail.example.test."),
    ("MX", "0 .", "0 ."),
    ("NS", "NS.other.test.", "ns.other.test."),
    ("PTR", "www.example.test", "www.example.test."),
    ("SRV", "0 5 443 www.example.test", "0 5 443 www.example.test."),
]


@pytest.mark.parametrize(("rtype", "given", "shown"), SPELLINGS)
def test_a_record_has_one_spelling_and_every_reader_sees_it(rtype, given, shown):
    zone = Zone()
    zone.add_records("x.example.test", rtype, [given])
    zone.add_records("x.example.test", rtype, [shown])
    assert zone.stored("x.example.test") == {rtype: (shown,)}
    assert answer_question(zone, Resolve("x.example.test", rtype)).values(rtype) == (shown,)
    message = answer(zone, dns.message.make_query("x.example.test", rtype).to_wire(), udp=True)
    (rrset,) = dns.message.from_wire(message).answer
    assert [record.to_text() for record in rrset] == [shown]
    if rtype != "PTR":  # which no validation asks for
        assert read_reply(message).values(rtype) == (shown,)


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        ("CAA", "0 issue ca.test"),
        ("CAA", '256 issue "ca.test"'),
        ("CAA", '0 is-sue "ca.test"'),
        ("CAA", '0  "ca.test"'),
        ("CAA", "0 issue " + '"' + "x" * 60001 + '"'),
        ("CAA", '0 issue "\ud800"'),
        ("MX", "mail.test"),
        ("MX", "65536 mail.test"),
        ("MX", "-1 mail.test"),
        ("MX", "10 ma il.test"),
        ("MX", "10 a..test"),
        ("NS", "not a name"),
        ("PTR", "a..b"),
        ("SRV", "0 443 www.test"),
        ("SRV", "0 5 ² www.test"),
    ],
)
def test_what_is_no_record_of_its_type_is_refused_and_changes_nothing(rtype, text):
    zone = Zone()
    with pytest.raises(ValueError):
        zone.add_records("x.example.test", rtype, [text])
    assert (zone.stored("x.example.test"), zone.serial) == ({}, 1)


def test_records_are_added_set_and_cleared():
    zone = Zone()
    zone.add_records("a.test", "MX", ["10 a.test", "20 b.test", "10 a.test."])
    assert zone.stored("a.test")["MX"] == ("10 a.test.", "20 b.test.")
    zone.set_records("a.test", "MX", ["30 c.test"])
    assert zone.stored("a.test")["MX"] == ("30 c.test.",)
    zone.set_records("a.test", "MX", [])
    zone.add_records("a.test", "MX", ["10 a.test"])
    zone.clear_records("a.test", "MX")
    assert zone.stored("a.test") == {}


def test_the_name_of_a_service_is_not_compressed():
    zone = Zone()
    zone.add_records("www.example.test", "SRV", ["0 5 443 www.example.test"])
    message = answer(zone, dns.message.make_query("www.example.test", "SRV").to_wire(), udp=True)
    assert message.count(b"\x03www\x07example\x04test\x00") == 2


def walk(zone, name):
    """Walk as cert-manager does, asking for SOA label by label; return the zone and the rcodes on the way."""
    rcodes = []
    while True:
        found = lookup(zone, name, "SOA")
        rcodes.append(found.rcode)
        if found.answers:
            return found.answers[0].name, rcodes
        assert found.authority
        name = name.partition(".")[2]


@pytest.mark.parametrize("default", [[], ["127.0.0.1"]])
def test_a_zone_walk_ends_at_what_is_delegated(default):
    zone = Zone(default_addresses=default)
    zone.add_records("sub.example.test", "NS", ["ns.other.test"])
    apex, rcodes = walk(zone, "_acme-challenge.www.sub.example.test")
    assert (apex, rcodes) == ("sub.example.test.", [*["NOERROR" if default else "NXDOMAIN"] * 2, "NOERROR"])
    assert lookup(zone, "sub.example.test", "NS").answers[0].value == "ns.other.test."
    assert zone.soa("sub.example.test").value.startswith("ns.other.test. hostmaster.sub.example.test. ")
    assert walk(zone, "www.example.test")[0] == "example.test."
    zone.clear_records("sub.example.test", "NS")
    assert walk(zone, "_acme-challenge.www.sub.example.test")[0] == "example.test."


def test_an_apex_has_more_nameservers_beside_its_own_or_in_their_place():
    zone = Zone(nameservers=["127.0.0.1", "127.0.0.2"])
    zone.add_records("example.test", "NS", ["ns.other.test"])
    names = [record.value for record in lookup(zone, "example.test", "NS").answers]
    assert names == ["ns1.example.test.", "ns2.example.test.", "ns.other.test."]
    zone.set_records("example.test", "NS", ["ns.other.test"])
    assert [record.value for record in lookup(zone, "example.test", "NS").answers] == ["ns.other.test."]


def test_a_wildcard_delegates_nothing():
    with pytest.raises(ValueError, match="a wildcard delegates nothing"):
        Zone().add_records("*.example.test", "NS", ["ns.test"])


def test_where_no_zone_is_implied_only_configured_ones_are_served():
    zone = Zone(apexes=["example.test"], implied=False)
    zone.set_cname("www.example.test", "www.other.test")
    assert lookup(zone, "other.test", "A").rcode == "REFUSED"
    assert lookup(zone, "a.example.test", "A").rcode == "NOERROR"
    found = lookup(zone, "www.example.test", "A")
    assert (found.rcode, [record.rtype for record in found.answers], found.authority) == ("NOERROR", ["CNAME"], ())
