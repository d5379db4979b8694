"""Updates as messages, written by dnspython: each prerequisite, each change, each way to be refused."""

import struct

import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataset
import dns.rrset
import dns.update
import pytest

from solvers.dns.answer import answer
from solvers.dns.history import Asked
from solvers.dns.writers import NOBODY, Writers
from solvers.dns.zone import Zone

ANYONE = Writers(anyone=True)
APEX = "example.test"


@pytest.fixture
def zone():
    zone = Zone()
    zone.add_txt("text.example.test", "one")
    zone.add_txt("text.example.test", "two")
    zone.set_addresses("host.example.test", ["192.0.2.1", "2001:db8::1"])
    zone.set_cname("alias.example.test", "host.example.test")
    zone.add_txt("*.wild.example.test", "wild")
    return zone


def send(zone, update, *, udp=True, writers=ANYONE):
    wire = update if isinstance(update, bytes) else update.to_wire()
    reply = dns.message.from_wire(answer(zone, wire, udp=udp, writers=writers))
    assert reply.id == struct.unpack("!H", wire[:2])[0]
    return dns.rcode.to_text(reply.rcode())


def serial(zone):
    return int(zone.soa(APEX).value.split()[2])


def held(zone, name):
    return {rtype: set(values) for rtype, values in zone.own(f"{name}.{APEX}").items()}


def add(name, rtype, *values):
    update = dns.update.UpdateMessage(APEX)
    update.add(name, 60, rtype, *values)
    return update


CHANGES = [
    ("add a text", "text", [("add", "text", 60, "TXT", "three")], {"TXT": {"one", "two", "three"}}),
    ("add to a new name", "new", [("add", "new", 60, "TXT", "v")], {"TXT": {"v"}}),
    ("add what is there", "text", [("add", "text", 9, "TXT", "one")], {"TXT": {"one", "two"}}),
    (
        "add an address",
        "host",
        [("add", "host", 60, "A", "192.0.2.2")],
        {"A": {"192.0.2.1", "192.0.2.2"}, "AAAA": {"2001:db8::1"}},
    ),
    (
        "add an IPv6 address",
        "host",
        [("add", "host", 60, "AAAA", "2001:db8::2")],
        {"A": {"192.0.2.1"}, "AAAA": {"2001:db8::1", "2001:db8::2"}},
    ),
    ("add an alias", "new", [("add", "new", 60, "CNAME", "www.other.test.")], {"CNAME": {"www.other.test."}}),
    ("move an alias", "alias", [("add", "alias", 60, "CNAME", "new")], {"CNAME": {"new.example.test."}}),
    ("no alias beside data", "text", [("add", "text", 60, "CNAME", "new")], {"TXT": {"one", "two"}}),
    ("no data beside an alias", "alias", [("add", "alias", 60, "TXT", "v")], {"CNAME": {"host.example.test."}}),
    ("delete an RRset", "host", [("delete", "host", "A")], {"AAAA": {"2001:db8::1"}}),
    ("delete an RRset that is not there", "text", [("delete", "text", "A")], {"TXT": {"one", "two"}}),
    ("delete a name", "host", [("delete", "host")], {}),
    ("delete a name that is not there", "new", [("delete", "new")], {}),
    ("delete one record", "text", [("delete", "text", "TXT", "one")], {"TXT": {"two"}}),
    ("delete one that is not there", "text", [("delete", "text", "TXT", "six")], {"TXT": {"one", "two"}}),
    ("delete the last record", "alias", [("delete", "alias", "CNAME", "host")], {}),
    ("delete a kind that is not kept", "text", [("delete", "text", "MX", "10 mail")], {"TXT": {"one", "two"}}),
    ("replace", "text", [("replace", "text", 60, "TXT", "new")], {"TXT": {"new"}}),
    (
        "one after the other",
        "alias",
        [("delete", "alias"), ("add", "alias", 60, "TXT", "v"), ("add", "alias", 60, "TXT", "w")],
        {"TXT": {"v", "w"}},
    ),
    ("in any case", "text", [("delete", "TEXT", "TXT", "one"), ("add", "TeXt", 60, "TXT", "v")], {"TXT": {"two", "v"}}),
    ("several strings are one", "new", [("add", "new", 60, "TXT", '"a b" "c"')], {"TXT": {"a bc"}}),
    ("a long text", "new", [("add", "new", 60, "TXT", f'"{"x" * 255}" "y"')], {"TXT": {"x" * 255 + "y"}}),
    ("add an MX", "new", [("add", "new", 60, "MX", "10 Mail")], {"MX": {"10 mail.example.test."}}),
    (
        "add services",
        "_s._tcp",
        [("add", "_s._tcp", 60, "SRV", "0 5 443 www"), ("add", "_s._tcp", 60, "SRV", "0 6 443 www")],
        {"SRV": {"0 5 443 www.example.test.", "0 6 443 www.example.test."}},
    ),
    (
        "add and delete a CAA",
        "new",
        [
            ("add", "new", 60, "CAA", '0 issue "ca.test"'),
            ("add", "new", 60, "CAA", '128 IssueWild "a b"'),
            ("delete", "new", "CAA", '0 issue "ca.test"'),
        ],
        {"CAA": {'128 issuewild "a b"'}},
    ),
    (
        "delete a CAA in another spelling",
        "new",
        [("add", "new", 60, "CAA", '0 issue "ca.test"'), ("delete", "new", "CAA", '0 ISSUE "ca.test"')],
        {},
    ),
    ("add a pointer", "7.0", [("add", "7.0", 60, "PTR", "www")], {"PTR": {"www.example.test."}}),
    ("a wildcard", "*.wild", [("add", "*.wild", 60, "TXT", "v")], {"TXT": {"wild", "v"}}),
]


@pytest.mark.parametrize("udp", [True, False])
@pytest.mark.parametrize(("name", "verbs", "after"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_change_leaves_what_the_rfc_says(zone, name, verbs, after, udp):
    update, before, number = dns.update.UpdateMessage(APEX), held(zone, name), serial(zone)
    for verb, *arguments in verbs:
        getattr(update, verb)(*arguments)
    assert send(zone, update, udp=udp) == "NOERROR"
    assert held(zone, name) == after
    assert serial(zone) == number + (before != after)


def test_soa_and_ns_of_an_apex_cannot_be_deleted(zone):
    number = serial(zone)
    for arguments in ([], ["SOA"], ["NS"], ["NS", "ns"]):
        update = dns.update.UpdateMessage(APEX)
        update.delete("@", *arguments)
        assert send(zone, update) == "NOERROR"
    assert list(zone.own(APEX)) == ["SOA", "NS"]
    assert serial(zone) == number


def test_an_apex_takes_more_nameservers_and_keeps_one(zone):
    assert send(zone, add("@", "NS", "other.test.")) == "NOERROR"
    assert zone.own(APEX)["NS"] == ("ns.example.test.", "other.test.")
    update = dns.update.UpdateMessage(APEX)
    update.delete("@", "NS", "ns")
    update.delete("@", "NS", "other.test.")
    assert send(zone, update) == "NOERROR"
    assert zone.own(APEX)["NS"] == ("other.test.",)
    update = dns.update.UpdateMessage(APEX)
    update.delete("@", "NS")
    update.delete("@")
    assert send(zone, update) == "NOERROR"
    assert zone.own(APEX)["NS"] == ("other.test.",)


@pytest.mark.parametrize("nameserver", ["ns.other.test.", "ns.sub.example.test."])
def test_a_name_is_delegated_and_taken_back(zone, nameserver):
    zone.add_txt("x.sub.example.test", "one")
    assert send(zone, add("sub", "NS", nameserver)) == "NOERROR"
    assert zone.apex_of("x.sub.example.test") == "sub.example.test"
    assert zone.own("sub.example.test")["NS"] == (nameserver,)
    assert send(zone, add("x.sub", "TXT", "two")) == "NOTZONE"
    update = dns.update.UpdateMessage("sub.example.test")
    update.add("x", 60, "TXT", "two")
    assert send(zone, update) == "NOERROR"
    update = dns.update.UpdateMessage(APEX)
    update.delete("sub", "NS")
    assert send(zone, update) == "NOERROR"
    assert zone.apex_of("x.sub.example.test") == APEX
    assert zone.own("x.sub.example.test") == {"TXT": ("one", "two")}


def test_an_apex_is_no_alias(zone):
    assert send(zone, add("@", "CNAME", "other.test.")) == "NOERROR"
    assert list(zone.own(APEX)) == ["SOA", "NS"]


def test_an_added_address_takes_the_place_of_the_default_ones_until_it_is_deleted(zone):
    zone.set_default_addresses(["127.0.0.1", "::1"])
    assert send(zone, add("www", "A", "192.0.2.9")) == "NOERROR"
    assert zone.rrsets("www.example.test") == {"A": ("192.0.2.9",), "AAAA": ()}
    update = dns.update.UpdateMessage(APEX)
    update.delete("www", "A")
    assert send(zone, update) == "NOERROR"
    assert zone.rrsets("www.example.test") == {"A": ("127.0.0.1",), "AAAA": ("::1",)}


def test_a_name_that_was_told_to_have_no_address_keeps_none(zone):
    zone.set_addresses("bare.example.test", [])
    assert send(zone, add("bare", "TXT", "v")) == "NOERROR"
    assert zone.rrsets("bare.example.test") == {"A": (), "AAAA": (), "TXT": ("v",)}


def test_a_name_that_was_deleted_does_not_exist():
    zone = Zone(default_addresses=[])
    assert send(zone, add("a.b", "TXT", "v")) == "NOERROR"
    update = dns.update.UpdateMessage(APEX)
    update.delete("a.b")
    assert send(zone, update) == "NOERROR"
    assert [zone.rrsets(name) for name in ("a.b.example.test", "b.example.test")] == [None, None]


PREREQUISITES = [
    ("present", ["text"], "NOERROR"),
    ("present", ["new"], "NXDOMAIN"),
    ("present", ["x.wild"], "NXDOMAIN"),
    ("present", ["wild"], "NXDOMAIN"),
    ("present", ["@"], "NOERROR"),
    ("present", ["text", "TXT"], "NOERROR"),
    ("present", ["text", "A"], "NXRRSET"),
    ("present", ["alias", "A"], "NXRRSET"),
    ("present", ["@", "SOA"], "NOERROR"),
    ("present", ["text", "TXT", "two", "one"], "NOERROR"),
    ("present", ["text", "TXT", "one"], "NXRRSET"),
    ("present", ["text", "TXT", "one", "two", "three"], "NXRRSET"),
    ("present", ["text", "TXT", "ONE", "two"], "NXRRSET"),
    ("present", ["host", "A", "192.0.2.1"], "NOERROR"),
    ("present", ["host", "AAAA", "2001:DB8:0::1"], "NOERROR"),
    ("present", ["alias", "CNAME", "HOST"], "NOERROR"),
    ("present", ["alias", "CNAME", "text"], "NXRRSET"),
    ("present", ["@", "NS", "ns"], "NOERROR"),
    ("present", ["@", "MX", "10 mail"], "NXRRSET"),
    ("absent", ["new"], "NOERROR"),
    ("absent", ["x.wild"], "NOERROR"),
    ("absent", ["text"], "YXDOMAIN"),
    ("absent", ["@"], "YXDOMAIN"),
    ("absent", ["text", "A"], "NOERROR"),
    ("absent", ["text", "TXT"], "YXRRSET"),
]


@pytest.mark.parametrize(("verb", "arguments", "rcode"), PREREQUISITES)
def test_a_prerequisite_lets_all_through_or_nothing(zone, verb, arguments, rcode):
    update, number = add("changed", "TXT", "v"), serial(zone)
    getattr(update, verb)(*arguments)
    assert send(zone, update) == rcode
    assert ("TXT" in held(zone, "changed")) == (rcode == "NOERROR")
    assert serial(zone) == number + (rcode == "NOERROR")


def test_a_prerequisite_may_name_the_soa_that_is_there(zone):
    for value, rcode in ((zone.soa(APEX).value, "NOERROR"), ("ns.example.test. a. 1 2 3 4 5", "NXRRSET")):
        update = dns.update.UpdateMessage(APEX)
        update.present("@", "SOA", value)
        assert send(zone, update) == rcode


ZONES = [
    ("example.test", "NOERROR"),
    ("EXAMPLE.test", "NOERROR"),
    ("sub.example.test", "NOTAUTH"),
    ("text.example.test", "NOTAUTH"),
    ("delegated.example.test", "NOERROR"),
]


@pytest.mark.parametrize(("apex", "rcode"), ZONES)
def test_an_update_is_for_a_zone_of_this_server(apex, rcode):
    update = dns.update.UpdateMessage(apex)
    update.add("a", 60, "TXT", "v")
    assert send(Zone(apexes=["delegated.example.test"]), update) == rcode


@pytest.mark.parametrize("name", ["www.example.org.", "test.", "a.delegated.example.test.", "delegated"])
@pytest.mark.parametrize("section", ["update", "prerequisite"])
def test_an_update_is_for_names_in_its_zone(name, section):
    zone, update = Zone(apexes=["delegated.example.test"]), dns.update.UpdateMessage(APEX)
    if section == "update":
        update.add("fine", 60, "TXT", "v")
        update.add(name, 60, "TXT", "v")
    else:
        update.absent(name)
    assert send(zone, update) == "NOTZONE"
    assert zone.own("fine.example.test") == {}


IN, CH, NONE, ANY = 1, 3, 254, 255
A, SOA, TXT, AXFR, ALL = 1, 6, 16, 252, 255


def record(rtype, rclass, ttl=0, data=b"", name=b"\x01a\xc0\x0c"):
    return name + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data


def raw(*, zone=b"\x07example\x04test\x00", ztype=SOA, zclass=IN, zones=1, before=(), changes=(), others=(), tail=b""):
    counts = (zones, len(before), len(changes), len(others))
    section = zone + struct.pack("!HH", ztype, zclass)
    return struct.pack("!6H", 4711, 0x2800, *counts) + section * zones + b"".join((*before, *changes, *others)) + tail


MALFORMED = {
    "no zone": raw(zones=0),
    "two zones": raw(zones=2),
    "zone not asked by SOA": raw(ztype=A),
    "octet too many": raw(tail=b"\x00"),
    "cut": raw(changes=[record(TXT, IN, 60, b"\x01v")])[:-1],
    "record missing": struct.pack("!6H", 4711, 0x2800, 1, 0, 1, 0) + raw()[12:],
    "prerequisite with a TTL": raw(before=[record(ALL, ANY, 1)]),
    "value with a TTL": raw(before=[record(TXT, IN, 1, b"\x01v")]),
    "presence with data": raw(before=[record(TXT, ANY, 0, b"\x01v")]),
    "absence with data": raw(before=[record(TXT, NONE, 0, b"\x01v")]),
    "prerequisite of another class": raw(before=[record(TXT, CH)]),
    "change of another class": raw(changes=[record(TXT, CH, 0, b"\x01v")]),
    "add any": raw(changes=[record(ALL, IN, 60)]),
    "add a transfer": raw(changes=[record(AXFR, IN, 60)]),
    "delete RRset with a TTL": raw(changes=[record(TXT, ANY, 1)]),
    "delete RRset with data": raw(changes=[record(TXT, ANY, 0, b"\x01v")]),
    "delete a transfer": raw(changes=[record(AXFR, ANY)]),
    "delete record with a TTL": raw(changes=[record(TXT, NONE, 1, b"\x01v")]),
    "delete record of any type": raw(changes=[record(ALL, NONE)]),
    "address of 3 octets": raw(changes=[record(A, IN, 60, b"\x7f\x00\x01")]),
    "IPv6 address of 4": raw(changes=[record(28, IN, 60, b"\x7f\x00\x00\x01")]),
    "text without a string": raw(changes=[record(TXT, IN, 60)]),
    "text beyond its data": raw(changes=[record(TXT, IN, 60, b"\x02v")]),
    "alias with more than a name": raw(changes=[record(5, IN, 60, b"\x01v\x00\x00")]),
    "SOA with too few numbers": raw(before=[record(SOA, IN, 0, b"\x00\x00\x00")]),
    "pointer to itself": raw(changes=[record(TXT, ANY, name=b"\xc0\x1e")]),
    "pointer forward": raw(changes=[record(TXT, ANY, name=b"\xc0\x20")]),
    "pointer into the header": raw(changes=[record(TXT, ANY, name=b"\xc0\x03")]),
    "label of 64": raw(changes=[record(TXT, ANY, name=b"\x40" + b"a" * 64 + b"\xc0\x0c")]),
    "name of 256": raw(changes=[record(TXT, ANY, name=(b"\x3f" + b"a" * 63) * 3 + b"\x31" + b"a" * 49 + b"\xc0\x0c")]),
    "two OPT": raw(others=[record(41, 1232, name=b"\x00")] * 2),
    "OPT with an owner": raw(others=[record(41, 1232)]),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_update_is_a_format_error(zone, message):
    number = serial(zone)
    assert send(zone, message) == "FORMERR"
    assert serial(zone) == number


@pytest.mark.parametrize(("links", "rcode"), [(126, "NOERROR"), (127, "FORMERR")])
def test_a_name_has_no_more_pointers_than_it_may_have_labels(zone, links, rcode):
    first = len(raw()) + 4 + 10
    targets = [12, *(first + 2 * link for link in range(links))]
    chain = b"".join(struct.pack("!H", 0xC000 | target) for target in targets[:-1])
    name = b"\x01a" + struct.pack("!H", 0xC000 | targets[-1])
    changes = [record(65280, NONE, 0, chain), record(TXT, IN, 60, b"\x01v", name=name)]
    assert send(zone, raw(changes=changes)) == rcode
    assert ("TXT" in held(zone, "a")) == (rcode == "NOERROR")


def test_what_is_malformed_or_refused_at_the_end_undoes_all_before_it(zone):
    good = record(TXT, IN, 60, b"\x01v")
    for bad, rcode in ((record(ALL, IN, 60), "FORMERR"), (record(17, IN, 60, b"\x00\x00"), "REFUSED")):
        assert send(zone, raw(changes=[good, bad])) == rcode
        assert held(zone, "a") == {}
    assert send(zone, raw(changes=[good])) == "NOERROR"
    assert held(zone, "a") == {"TXT": {"v"}}


def test_a_zone_of_another_class_is_not_served(zone):
    assert send(zone, raw(zclass=CH)) == "NOTAUTH"


UNKEPT = {
    "SOA": record(SOA, IN, 60, b"\x00\x00" + bytes(20)),
    "NS of a wildcard": record(2, IN, 60, b"\x00", name=b"\x01*\xc0\x0c"),
    "a tag that is none": record(257, IN, 60, b"\x00\x01-v"),
    "unknown type": record(65280, IN, 60, b"data"),
    "octets that are no text": record(TXT, IN, 60, b"\x01\xff"),
    "a name that a zone file would escape": record(TXT, IN, 60, b"\x01v", name=b"\x01\x00\xc0\x0c"),
    "an alias to such a name": record(5, IN, 60, b"\x03a.b\xc0\x0c"),
    "more text than a message could carry": record(TXT, IN, 60, (b"\xff" + b"x" * 255) * 255),
}


@pytest.mark.parametrize("change", UNKEPT.values(), ids=UNKEPT)
def test_what_the_zone_cannot_keep_is_refused(zone, change):
    assert send(zone, raw(changes=[change]), udp=False) == "REFUSED"
    assert held(zone, "a") == {}


def test_nobody_may_update_unless_told_so(zone):
    assert send(zone, add("a", "TXT", "v"), writers=NOBODY) == "REFUSED"
    assert held(zone, "a") == {}


def test_a_reply_to_an_update_is_a_header_and_edns_where_it_was_offered(zone):
    assert len(answer(zone, raw(), udp=True, writers=ANYONE)) == 12
    update = add("a", "TXT", "v")
    update.use_edns(0, payload=1232)
    reply = dns.message.from_wire(answer(zone, update.to_wire(), udp=True, writers=ANYONE))
    assert (reply.edns, reply.payload, reply.rcode()) == (0, 4096, dns.rcode.NOERROR)


def test_another_version_of_edns_is_bad(zone):
    update = add("a", "TXT", "v")
    update.use_edns(1)
    assert send(zone, update) == "BADVERS"
    assert held(zone, "a") == {}


def test_an_update_is_in_the_history_with_what_it_changes_and_what_came_of_it(zone):
    update = add("a", "TXT", "v", "w")
    update.delete("b", "A")
    send(zone, update)
    update.present("missing")
    send(zone, update, udp=False)
    send(zone, raw())
    assert list(zone.history) == [
        Asked("a.example.test", "TXT", "NOERROR", "udp", "UPDATE"),
        Asked("b.example.test", "A", "NOERROR", "udp", "UPDATE"),
        Asked("a.example.test", "TXT", "NXDOMAIN", "tcp", "UPDATE"),
        Asked("b.example.test", "A", "NXDOMAIN", "tcp", "UPDATE"),
        Asked("example.test", "SOA", "NOERROR", "udp", "UPDATE"),
    ]
