"""Updates of every kind against a plain dict, and messages of every kind against the server."""

import dns.message
import dns.rcode
import dns.update
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.dns.answer import answer
from solvers.dns.writers import Writers
from solvers.dns.zone import Zone

ANYONE = Writers(anyone=True)
APEX = "example.test"
LABELS = st.sampled_from(["@", "a", "b", "a.b", "*.b"])
VALUES = {
    "A": ["192.0.2.1", "192.0.2.2"],
    "AAAA": ["2001:db8::1", "2001:db8::2"],
    "CAA": ['0 issue "ca.test"', '128 issuewild ";"'],
    "CNAME": [f"a.{APEX}.", "www.other.test."],
    "MX": [f"10 mail.{APEX}.", "0 ."],
    "TXT": ["one", "two"],
}
RECORDS = st.sampled_from([(rtype, value) for rtype, values in VALUES.items() for value in values])
VERBS = st.one_of(
    st.tuples(st.just("add"), LABELS, RECORDS),
    st.tuples(st.just("delete record"), LABELS, RECORDS),
    st.tuples(st.just("delete rrset"), LABELS, st.sampled_from(sorted(VALUES))),
    st.tuples(st.just("delete name"), LABELS),
)
PREREQUISITES = st.one_of(
    st.tuples(st.sampled_from(["present", "absent"]), LABELS),
    st.tuples(st.sampled_from(["present", "absent"]), LABELS, st.sampled_from(sorted(VALUES))),
    st.tuples(st.just("present"), LABELS, RECORDS),
)


class Model:
    """RFC 2136 on a dict of label -> type -> values."""

    def __init__(self):
        self.names = {}

    def at(self, label):
        return {rtype: values for rtype, values in self.names.get(label, {}).items() if values}

    def met(self, verb, label, what=None):
        held = self.at(label)
        if what is None:
            found = bool(held) or label == "@"
        elif isinstance(what, tuple):
            return held.get(what[0], set()) == {what[1]}
        else:
            found = what in held
        return found == (verb == "present")

    def change(self, verb, label, what=None):
        held = self.names.setdefault(label, {})
        if verb == "delete name":
            held.clear()
        elif verb == "delete rrset":
            held.pop(what, None)
        elif verb == "delete record":
            held.get(what[0], set()).discard(what[1])
        elif what[0] == "CNAME" and set(self.at(label)) <= {"CNAME"} and label != "@":
            held["CNAME"] = {what[1]}
        elif what[0] != "CNAME" and "CNAME" not in self.at(label):
            held.setdefault(what[0], set()).add(what[1])


def message(prerequisites, changes):
    update = dns.update.UpdateMessage(APEX)
    for verb, label, *what in prerequisites:
        getattr(update, verb)(label, *(what[0] if what and isinstance(what[0], tuple) else what))
    for verb, label, *what in changes:
        if verb == "add":
            update.add(label, 60, *what[0])
        elif verb == "delete record":
            update.delete(label, *what[0])
        else:
            update.delete(label, *what)
    return update.to_wire()


def held(zone, label):
    own = zone.own(APEX if label == "@" else f"{label}.{APEX}")
    return {rtype: set(values) for rtype, values in own.items() if rtype in VALUES}


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.lists(PREREQUISITES, max_size=1), st.lists(VERBS, max_size=5)), max_size=8))
def test_a_zone_is_what_a_dict_would_be(updates):
    zone, model = Zone(), Model()
    for prerequisites, changes in updates:
        before, serial = {label: model.at(label) for label in model.names}, zone.soa(APEX).value.split()[2]
        reply = dns.message.from_wire(answer(zone, message(prerequisites, changes), udp=False, writers=ANYONE))
        met = all(model.met(*prerequisite) for prerequisite in prerequisites)
        assert met == (reply.rcode() == dns.rcode.NOERROR)
        # The model's sets change in place, so what was there before is copied.
        before = {label: {rtype: set(values) for rtype, values in rrsets.items()} for label, rrsets in before.items()}
        for change in changes if met else ():
            model.change(*change)
        for label in ("@", "a", "b", "a.b", "*.b"):
            assert held(zone, label) == model.at(label)
        changed = any(model.at(label) != before.get(label, {}) for label in model.names)
        assert (zone.soa(APEX).value.split()[2] != serial) == changed


GOOD = message([("absent", "b"), ("present", "a")], [("add", "a.b", ("TXT", "one")), ("delete name", "*.b")])


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_no_damaged_update_raises(data):
    damaged = bytearray(GOOD)
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=4)):
        damaged[position] = data.draw(st.integers(0, 255))
    damaged = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    reply = answer(Zone(), damaged, udp=True, writers=ANYONE)
    assert (reply is None) == (len(damaged) < 12 or damaged[2] & 0x80 == 0x80)


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=600), st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_no_update_of_random_octets_raises(octets, counts):
    head = b"\x00\x01\x28\x00" + b"".join(count.to_bytes(2, "big") for count in counts)
    reply = answer(Zone(), head + octets, udp=True, writers=ANYONE)
    assert reply[:3] == b"\x00\x01\xa8"


@settings(deadline=None, max_examples=300)
@given(st.binary(min_size=1, max_size=63), st.sampled_from([b"\x00\x10", b"\x00\x05"]), st.binary(max_size=80))
def test_what_was_put_can_be_asked_for(label, rtype, data):
    """Whatever an update leaves behind, questions about it get an answer."""
    name = bytes([len(label)]) + label
    zone = Zone()
    section = b"\x07example\x04test\x00\x00\x06\x00\x01"
    record = name + b"\xc0\x0c" + rtype + b"\x00\x01\x00\x00\x00\x3c" + len(data).to_bytes(2, "big") + data
    update = b"\x00\x01\x28\x00\x00\x01\x00\x00\x00\x01\x00\x00" + section + record
    answer(zone, update, udp=False, writers=ANYONE)
    question = b"\x00\x02\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00" + name + b"\x07example\x04test\x00\x00\xff\x00\x01"
    assert answer(zone, question, udp=False)[:2] == b"\x00\x02"
