"""The data of a zone: verbs, defaults, wildcards and apexes."""

import pytest

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.history import Asked
from solvers.dns.zone import MAX_TXT, TTL, Zone


def addresses(zone, name):
    rrsets = zone.rrsets(name)
    return None if rrsets is None else (rrsets.get("A"), rrsets.get("AAAA"))


def test_every_name_has_the_default_address():
    assert addresses(Zone(), "anything.at.all.test") == (("127.0.0.1",), ())


def test_the_default_addresses_can_be_set():
    zone = Zone(default_addresses=["192.0.2.1", "2001:db8::1"])
    assert addresses(zone, "www.example.test") == (("192.0.2.1",), ("2001:db8::1",))
    zone.set_default_addresses(["2001:DB8::0002"])
    assert addresses(zone, "www.example.test") == ((), ("2001:db8::2",))


def test_without_default_addresses_an_unknown_name_does_not_exist():
    zone = Zone(default_addresses=[])
    assert zone.rrsets("www.example.test") is None


def test_a_name_s_own_addresses_replace_the_default_ones_of_both_families():
    zone = Zone(default_addresses=["192.0.2.1", "2001:db8::1"])
    zone.set_addresses("WWW.example.test.", ["192.0.2.7"])
    assert addresses(zone, "www.example.test") == (("192.0.2.7",), ())
    zone.clear_addresses("www.example.TEST")
    assert addresses(zone, "www.example.test") == (("192.0.2.1",), ("2001:db8::1",))


def test_a_name_can_have_no_address_among_names_that_have_the_default():
    zone = Zone()
    zone.set_addresses("www.example.test", [])
    assert addresses(zone, "www.example.test") == ((), ())


def test_a_name_with_other_data_keeps_the_default_address():
    zone = Zone()
    zone.add_txt("www.example.test", "text")
    assert zone.rrsets("www.example.test") == {"A": ("127.0.0.1",), "AAAA": (), "TXT": ("text",)}


def test_a_name_has_many_txt_values_each_once_in_the_order_of_their_coming():
    zone = Zone()
    for value in ("one", "two", "one", "three"):
        zone.add_txt("example.test", value)
    assert zone.rrsets("example.test")["TXT"] == ("one", "two", "three")


def test_exactly_one_txt_value_is_removed():
    zone = Zone()
    zone.add_txt("a.example.test", "one")
    zone.add_txt("a.example.test", "One")
    zone.remove_txt("A.example.test", "one")
    zone.remove_txt("a.example.test", "one")
    zone.remove_txt("b.example.test", "one")
    assert zone.rrsets("a.example.test")["TXT"] == ("One",)


def test_all_txt_values_can_be_cleared():
    zone = Zone()
    zone.add_txt("example.test", "one")
    zone.add_txt("example.test", "two")
    zone.clear_txt("example.test")
    zone.clear_txt("example.test")
    assert "TXT" not in zone.rrsets("example.test")


def test_an_alias_hides_the_name_s_other_data_until_it_is_cleared():
    zone = Zone()
    zone.add_txt("www.example.test", "text")
    zone.set_cname("www.example.test", "Target.Example.test")
    assert zone.rrsets("www.example.test") == {"CNAME": ("target.example.test.",)}
    zone.clear_cname("www.example.test")
    assert zone.rrsets("www.example.test")["TXT"] == ("text",)


def test_a_name_without_data_stops_to_exist_with_the_names_that_it_held_up():
    zone = Zone(default_addresses=[])
    zone.add_txt("a.b.c.example.test", "text")
    zone.add_txt("c.example.test", "text")
    assert zone.rrsets("b.c.example.test") == {"A": (), "AAAA": ()}
    zone.clear_txt("a.b.c.example.test")
    assert zone.rrsets("b.c.example.test") is None
    assert zone.rrsets("c.example.test") is not None
    zone.clear_txt("c.example.test")
    assert zone.rrsets("c.example.test") is None


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("example.test", "example.test"),
        ("example.test", "_acme-challenge.www.example.test"),
        ("test", "test"),
        ("", ""),
        ("sub.example.test", "sub.example.test"),
        ("sub.example.test", "a.b.sub.example.test"),
        ("example.test", "notsub.example.test"),
        ("deep.a.b.test", "www.deep.a.b.test"),
        ("b.test", "a.b.test"),
    ],
)
def test_a_name_belongs_to_the_nearest_configured_apex_or_to_its_last_two_labels(expected, name):
    zone = Zone(apexes=["Sub.Example.test.", "deep.a.b.test"])
    assert expected == zone.apex_of(name)


def test_the_root_can_be_a_zone():
    zone = Zone(apexes=["."])
    assert zone.apex_of("www.example.test") == ""
    assert DnsRecord(".", "SOA", "ns. hostmaster. 1 3600 600 86400 1", TTL) == zone.soa("")


def test_an_apex_has_a_soa_and_a_nameserver_that_has_an_address():
    zone = Zone(default_addresses=[], nameserver_addresses=["192.0.2.53"], apexes=["sub.example.test"])
    for apex in ("example.test", "test", "sub.example.test"):
        rrsets = zone.rrsets(apex)
        assert (zone.soa(apex).value,) == rrsets["SOA"]
        assert (f"ns.{apex}.",) == rrsets["NS"]
        assert addresses(zone, f"ns.{apex}") == (("192.0.2.53",), ())


def test_a_nameserver_s_address_can_be_set_and_no_wildcard_takes_it():
    zone = Zone()
    zone.set_addresses("*.example.test", ["192.0.2.1"])
    assert addresses(zone, "ns.example.test") == (("127.0.0.1",), ())
    zone.set_addresses("ns.example.test", ["192.0.2.53"])
    assert addresses(zone, "ns.example.test") == (("192.0.2.53",), ())


def test_an_alias_at_an_apex_leaves_soa_and_ns_where_they_are():
    zone = Zone()
    zone.set_cname("example.test", "www.example.test")
    assert list(zone.rrsets("example.test")) == ["SOA", "NS", "CNAME"]


def test_a_configured_apex_exists_without_data_and_holds_back_the_wildcards_above_it():
    zone = Zone(default_addresses=[], apexes=["sub.example.test"])
    zone.add_txt("*.example.test", "wild")
    zone.add_txt("x.sub.example.test", "text")
    zone.clear_txt("x.sub.example.test")
    assert zone.rrsets("y.sub.example.test") is None
    assert "SOA" in zone.rrsets("sub.example.test")


def test_the_serial_counts_changes_and_only_those():
    zone = Zone()
    serials = [int(zone.soa("example.test").value.split()[2])]
    for change in (
        lambda: zone.add_txt("a.test", "one"),
        lambda: zone.remove_txt("a.test", "one"),
        lambda: zone.set_addresses("a.test", ["192.0.2.1"]),
        lambda: zone.clear_addresses("a.test"),
        lambda: zone.set_cname("a.test", "b.test"),
        lambda: zone.clear_cname("a.test"),
        lambda: zone.set_default_addresses([]),
    ):
        change()
        serials.append(int(zone.soa("example.test").value.split()[2]))
    assert sorted(set(serials)) == serials
    zone.add_txt("c.test", "one")
    serials.append(int(zone.soa("example.test").value.split()[2]))
    for nothing in (
        lambda: zone.clear_cname("c.test"),
        lambda: zone.remove_txt("c.test", "two"),
        lambda: zone.add_txt("c.test", "one"),
        lambda: zone.remove_txt("a.test", "one"),
        lambda: zone.clear_addresses("a.test"),
        lambda: zone.clear_cname("b.test"),
    ):
        nothing()
        assert serials[-1] == int(zone.soa("example.test").value.split()[2])


@pytest.mark.parametrize(
    "change",
    [
        lambda zone: zone.add_txt("a..test", "text"),
        lambda zone: zone.add_txt("a.test", "x" * (MAX_TXT + 1)),
        lambda zone: zone.add_txt("a.test", "\ud800"),
        lambda zone: zone.set_addresses("a.test", ["localhost"]),
        lambda zone: zone.set_addresses("a.test", ["192.0.2.1", "fe80::1%1"]),
        lambda zone: zone.set_addresses("a b.test", ["192.0.2.1"]),
        lambda zone: zone.set_cname("a.test", "not a name"),
        lambda zone: zone.set_default_addresses(["127.1"]),
    ],
)
def test_what_no_zone_can_hold_is_refused_and_changes_nothing(change):
    zone = Zone(default_addresses=[])
    with pytest.raises(ValueError):
        change(zone)
    assert zone.soa("test") == Zone().soa("test")
    assert zone.rrsets("x.a.test") is None


def test_an_apex_must_leave_room_for_its_hostmaster():
    with pytest.raises(ValueError, match="is not a domain name"):
        Zone(apexes=[".".join(["a" * 63] * 3 + ["b" * 61])])


def test_the_history_keeps_the_last_questions():
    zone = Zone(history=2)
    for name in ("a", "b", "c"):
        zone.history.append(Asked(name, "A", "NOERROR", "udp"))
    assert [asked.name for asked in zone.history] == ["b", "c"]


def test_a_copy_has_the_same_data_and_goes_its_own_way():
    zone = Zone(default_addresses=["192.0.2.1"], nameserver_addresses=["192.0.2.2"], apexes=["a.b.test"], history=5)
    zone.add_txt("x.a.b.test", "kept")
    zone.history.append(Asked("a", "A", "NOERROR", "udp"))
    copy = zone.copy()
    names = ("x.a.b.test", "ns.a.b.test", "a.b.test", "any.test", "b.test")
    assert [copy.rrsets(name) for name in names] == [zone.rrsets(name) for name in names]
    assert (list(copy.history), copy.history.maxlen) == (list(zone.history), 5)
    kept = zone.rrsets("x.a.b.test")
    copy.add_txt("x.a.b.test", "more")
    copy.history.clear()
    assert (zone.rrsets("x.a.b.test"), len(zone.history)) == (kept, 1)


def test_a_zone_can_become_what_another_was():
    zone, other = Zone(), Zone(default_addresses=())
    other.add_txt("x.test", "other")
    zone.become(other)
    other.clear_txt("x.test")
    assert zone.rrsets("x.test")["TXT"] == ("other",)
    assert zone.rrsets("un.known.test") is None


CHANGES = {
    "a text": lambda zone: zone.add_txt("a.test", "v"),
    "a text less": lambda zone: zone.remove_txt("held.test", "v"),
    "addresses": lambda zone: zone.set_default_addresses(["127.0.0.2"]),
    "an alias": lambda zone: zone.set_cname("a.test", "b.test"),
    "records": lambda zone: zone.set_records("a.test", "MX", ["10 mx.test"]),
    "an update": lambda zone: zone.replace({"a.test": {"TXT": ("v",)}, "b.test": {"TXT": ("v",)}}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_follows_a_zone_is_called_when_a_change_is_whole(change):
    zone, serials = Zone(), []
    zone.add_txt("held.test", "v")
    zone.changed = lambda: serials.append((zone.serial, zone.stored("a.test"), zone.stored("b.test")))
    change(zone)
    assert serials == [(zone.serial, zone.stored("a.test"), zone.stored("b.test"))]
