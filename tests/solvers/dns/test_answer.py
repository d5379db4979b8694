"""DNS messages, read by dnslib: what is answered, what is refused, what is cut short."""

import struct
from ipaddress import ip_address

import pytest
from dnslib import CLASS, EDNS0, OPCODE, QTYPE, RCODE, RR, A, DNSHeader, DNSLabel, DNSQuestion, DNSRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Resolve
from solvers.dns.answer import answer, answer_question
from solvers.dns.history import Asked
from solvers.dns.zone import TTL, Zone


def query(name="www.example.test", rtype="A", *, edns=None, qclass=CLASS.IN, **header):
    message = DNSRecord(DNSHeader(id=4711, **header), q=DNSQuestion(DNSLabel(name), getattr(QTYPE, rtype), qclass))
    if edns is not None:
        message.add_ar(EDNS0(**edns))
    return bytes(message.pack())


def ask(zone, message, *, udp=True):
    reply = DNSRecord.parse(answer(zone, message, udp=udp))
    assert reply.header.id == 4711
    assert reply.header.qr == 1
    return reply


def read(reply):
    """Return a message as the answer that an inquiry would be sent."""

    def records(section):
        return tuple(DnsRecord(str(r.rname).lower(), QTYPE.get(r.rtype), value(r), r.ttl) for r in section)

    def value(record):
        if record.rtype == QTYPE.TXT:
            return b"".join(record.rdata.data).decode()
        return str(ip_address(str(record.rdata))) if record.rtype == QTYPE.AAAA else str(record.rdata)

    return DnsAnswer(RCODE.get(reply.header.rcode), records(reply.rr), records(reply.auth))


def size_of_udp_reply(zone, edns=None):
    reply = answer(zone, query("big.test", "TXT", edns=edns), udp=True)
    return len(reply), bool(DNSRecord.parse(reply).header.tc)


def test_a_reply_is_authoritative_offers_recursion_and_repeats_the_question():
    reply = ask(Zone(), query("wWw.Example.tesT", rd=1))
    assert tuple(getattr(reply.header, name) for name in ("aa", "tc", "rd", "ra", "rcode")) == (
        1,
        0,
        1,
        1,
        RCODE.NOERROR,
    )
    assert reply.q.qname.label == (b"wWw", b"Example", b"tesT")
    assert reply.a.rname.label == (b"wWw", b"Example", b"tesT")
    assert str(reply.a.rdata) == "127.0.0.1"


def test_recursion_desired_is_copied():
    assert ask(Zone(), query(bitmap=0)).header.rd == 0


def test_every_kind_of_record_goes_over_the_wire():
    zone = Zone(default_addresses=["192.0.2.1", "::ffff:192.0.2.1"])
    zone.add_txt("example.test", "x" * 300)
    zone.add_txt("example.test", "")
    zone.add_txt("example.test", "größe")
    reply = ask(zone, query("example.test", "ANY"))
    assert answer_question(zone, Resolve("example.test", "ANY")) == read(reply)
    assert [len(string) for string in next(r for r in reply.rr if r.rtype == QTYPE.TXT).rdata.data] == [255, 45]


def test_a_negative_reply_has_the_soa_in_its_authority():
    reply = ask(Zone(default_addresses=[]), query("missing.example.test"))
    assert (
        reply.header.rcode,
        reply.header.aa,
        len(reply.rr),
        [record.rtype for record in reply.auth],
    ) == (RCODE.NXDOMAIN, 1, 0, [QTYPE.SOA])


def test_a_loop_of_aliases_is_a_server_failure_without_authority():
    zone = Zone()
    zone.set_cname("a.test", "a.test")
    reply = ask(zone, query("a.test"))
    assert (reply.header.rcode, reply.header.aa, len(reply.rr)) == (RCODE.SERVFAIL, 0, 1)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x00" * 11,
        query(qr=1),
        bytes(DNSRecord(DNSHeader(id=1, qr=1, opcode=OPCODE.UPDATE)).pack()),
    ],
    ids=["empty", "short", "reply", "update reply"],
)
def test_what_is_no_query_is_not_answered(message):
    assert answer(Zone(), message, udp=True) is None


@pytest.mark.parametrize("opcode", [1, OPCODE.STATUS, 3, OPCODE.NOTIFY, 6, 15])
def test_other_opcodes_are_not_implemented(opcode):
    reply = ask(Zone(), query(opcode=opcode))
    assert (RCODE.NOTIMP, opcode, 0, []) == (
        reply.header.rcode,
        reply.header.opcode,
        reply.header.aa,
        reply.questions,
    )


@pytest.mark.parametrize("rtype", [249, 250, 253, 254])
def test_types_that_are_about_no_name_are_not_implemented(rtype):
    message = DNSRecord(DNSHeader(id=4711), q=DNSQuestion("www.example.test", rtype)).pack()
    assert ask(Zone(), bytes(message)).header.rcode == RCODE.NOTIMP


def header(questions=1, answers=0, authority=0, additional=0):
    return struct.pack("!HHHHHH", 4711, 0, questions, answers, authority, additional)


QUESTION = b"\x03www\x04test\x00\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    "message",
    [
        header(0),
        header(2) + QUESTION * 2,
        header(2) + QUESTION,
        header(65535, 65535, 65535, 65535) + QUESTION,
        header(1),
        header(1) + QUESTION[:-1],
        header(1) + QUESTION + b"\x00",
        header(1) + b"\x40" + b"a" * 64 + b"\x00\x00\x01\x00\x01",
        header(1) + (b"\x3f" + b"a" * 63) * 4 + b"\x00\x00\x01\x00\x01",
        header(1) + b"\xc0\x0c\x00\x01\x00\x01",
        header(1) + b"\xc0\x20\x00\x01\x00\x01",
        header(1) + b"\xc0\x02\x00\x01\x00\x01",
        header(1, additional=1) + QUESTION,
        header(1, additional=1) + QUESTION + OPT[:-1] + b"\x01",
        header(1, additional=1) + QUESTION + b"\x01a" + OPT,
        header(1, additional=2) + QUESTION + OPT * 2,
        header(1, additional=65535) + QUESTION + OPT[:2] + b"\x01" + OPT[3:],
        header(1) + b"\x01a" * 2000 + b"\xc0\x0c\x00\x01\x00\x01",
    ],
    ids=[
        "no question",
        "two questions",
        "two questions, but one",
        "counts of nothing",
        "question missing",
        "question cut",
        "octet too many",
        "label of 64",
        "name of 256",
        "pointer to itself",
        "pointer forward",
        "pointer into the header",
        "record missing",
        "record data missing",
        "OPT not at the root",
        "two OPT",
        "records missing",
        "endless name",
    ],
)
@pytest.mark.parametrize("udp", [True, False])
def test_a_malformed_query_is_a_format_error_and_no_more(message, udp):
    zone = Zone()
    reply = ask(zone, message, udp=udp)
    assert (reply.header.rcode, reply.header.aa, len(reply.questions)) == (RCODE.FORMERR, 0, 0)
    assert len(answer(zone, message, udp=udp)) == 12
    assert list(zone.history) == []


@pytest.mark.parametrize("qclass", [3, 4, 255, 0])
def test_only_the_internet_class_is_served(qclass):
    reply = ask(Zone(), query(qclass=qclass))
    assert (reply.header.rcode, reply.header.aa, len(reply.questions)) == (RCODE.REFUSED, 0, 1)


def test_transfers_are_refused():
    assert ask(Zone(), query("example.test", "AXFR"), udp=False).header.rcode == RCODE.REFUSED


def test_records_that_a_query_brings_along_are_passed_over():
    message = DNSRecord(DNSHeader(id=4711), q=DNSQuestion("www.example.test"))
    message.add_auth(RR("example.test", rdata=A("192.0.2.1")))
    message.add_ar(RR("example.test", rdata=A("192.0.2.1")), EDNS0(udp_len=1232))
    reply = ask(Zone(), bytes(message.pack()))
    assert (reply.header.rcode, [record.rtype for record in reply.ar]) == (RCODE.NOERROR, [QTYPE.OPT])


def test_a_query_may_be_padded_beyond_what_udp_carries():
    message = header(1, additional=1) + QUESTION + OPT[:-2] + b"\xff\x00" + b"\x00" * 0xFF00
    assert ask(Zone(), message, udp=False).header.rcode == RCODE.NOERROR


def test_the_owner_of_a_record_that_is_passed_over_may_be_compressed():
    signature = b"\x03key\xc0\x0c\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x02ab"
    reply = ask(Zone(), header(1, additional=2) + QUESTION + OPT + signature)
    assert (reply.header.rcode, len(reply.ar)) == (RCODE.NOERROR, 1)


def test_edns_is_answered_only_where_it_was_offered():
    assert ask(Zone(), query()).ar == []
    (opt,) = ask(Zone(), query(edns={"udp_len": 1232, "flags": "do"})).ar
    assert (opt.rtype, opt.edns_len, opt.edns_ver, opt.edns_do) == (QTYPE.OPT, 4096, 0, 1)


def test_another_version_of_edns_is_bad():
    zone = Zone()
    reply = ask(zone, query(edns={"version": 1, "udp_len": 1232}))
    (opt,) = reply.ar
    assert (
        opt.edns_rcode << 4 | reply.header.rcode,
        opt.edns_ver,
        reply.header.aa,
        reply.rr,
        len(reply.questions),
    ) == (16, 0, 0, [], 1)


@pytest.mark.parametrize(
    ("limit", "edns"),
    [
        (512, None),
        (512, {"udp_len": 0}),
        (512, {"udp_len": 511}),
        (1232, {"udp_len": 1232}),
        (4096, {"udp_len": 4096}),
        (4096, {"udp_len": 65535}),
    ],
)
def test_a_reply_over_udp_is_as_long_as_the_client_can_take_and_never_over_4096(limit, edns):
    fixed = 12 + len(b"\x03big\x04test\x00") + 4 + (0 if edns is None else 11)
    for excess in (0, 1):
        zone, left = Zone(), limit - fixed + excess
        while left:
            record = left if left <= 200 else min(left - 100, 200)
            zone.add_txt("big.test", f"{left}-".ljust(record - 13, "x"))
            left -= record
        assert (fixed if excess else limit, bool(excess)) == size_of_udp_reply(zone, edns)


def test_a_truncated_reply_keeps_question_and_edns_and_nothing_else():
    zone = Zone()
    zone.add_txt("big.test", "x" * 2000)
    reply = ask(zone, query("big.test", "TXT", edns={"udp_len": 1232}))
    assert (reply.header.tc, len(reply.questions), reply.rr, reply.auth, len(reply.ar)) == (1, 1, [], [], 1)


def test_over_tcp_nothing_is_truncated():
    zone = Zone()
    for number in range(1000):
        zone.add_txt("big.test", f"value-{number:037}")
    reply = ask(zone, query("big.test", "TXT"), udp=False)
    assert (reply.header.tc, len(reply.rr)) == (0, 1000)


def test_what_no_message_can_carry_is_a_server_failure():
    zone = Zone()
    zone.add_txt("big.test", "a" * 65000)
    zone.add_txt("big.test", "b" * 65000)
    reply = ask(zone, query("big.test", "TXT"), udp=False)
    assert (reply.header.rcode, reply.rr) == (RCODE.SERVFAIL, [])
    zone.remove_txt("big.test", "b" * 65000)
    assert read(ask(zone, query("big.test", "TXT"), udp=False)).records[0].value == "a" * 65000


def test_odd_octets_in_a_name_come_back_as_they_came():
    question = b"\x03a.B\x03\x00\\\xff\x04TEST\x00\x00\x01\x00\x01"
    zone = Zone()
    reply = answer(zone, header(1) + question, udp=True)
    assert reply[12:] == question + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\x7f\x00\x00\x01"
    assert zone.history[0].name == r"a\046b.\000\092\255.test"
    negative = answer(zone, header(1) + question[:-4] + b"\x00\x10\x00\x01", udp=True)
    assert b"\xc0\x0c\x00\x06" not in negative
    assert b"\x03\x00\\\xff\x04test\x00\x00\x06\x00\x01" in negative


def test_a_dot_within_a_label_does_not_reach_another_name():
    zone = Zone()
    zone.add_txt("a.b.test", "secret")
    message = header(1) + b"\x03a.b\x04test\x00\x00\x10\x00\x01"
    assert ask(zone, message).rr == []


def test_every_question_goes_into_the_history():
    zone = Zone(default_addresses=[])
    answer(zone, query("Missing.test.example", "TXT"), udp=True)
    answer(zone, query("test.example", "SOA"), udp=False)
    answer_question(zone, Resolve("www.test.example", "caa"))
    assert [
        Asked("missing.test.example", "TXT", "NXDOMAIN", "udp"),
        Asked("test.example", "SOA", "NOERROR", "tcp"),
        Asked("www.test.example", "CAA", "NXDOMAIN", "virtual"),
    ] == list(zone.history)


def test_a_question_as_a_value_gets_records_in_presentation_form():
    zone = Zone()
    zone.set_cname("www.example.test", "other.test")
    assert DnsAnswer(
        "NOERROR",
        (
            DnsRecord("www.example.test.", "CNAME", "other.test.", TTL),
            DnsRecord("other.test.", "A", "127.0.0.1", TTL),
        ),
    ) == answer_question(zone, Resolve("WWW.example.test.", "a"))


def test_a_question_for_what_is_no_name_gets_no_answer():
    reply = answer_question(Zone(), Resolve("not a name", "A"))
    assert reply.error == "'not a name' is not a domain name"


NAMES = st.sampled_from(
    ["test", "a.test", "b.a.test", "*.a.test", "c.b.a.test", "x.*.a.test", "z.test", "*.test", "ns.a.test", "q.z.test"]
)
RTYPES = st.sampled_from(["A", "AAAA", "CNAME", "TXT", "SOA", "NS", "ANY", "CAA", "MX", "SRV", "AXFR", "TSIG"])
ADDRESSES = st.lists(st.ip_addresses().map(str).filter(lambda text: "%" not in text), max_size=2)
CHANGES = st.one_of(
    st.tuples(st.just("add_txt"), NAMES, st.text(st.characters(exclude_categories=["Cs"]), max_size=300)),
    st.tuples(st.just("clear_txt"), NAMES),
    st.tuples(st.just("set_addresses"), NAMES, ADDRESSES),
    st.tuples(st.just("clear_addresses"), NAMES),
    st.tuples(st.just("set_cname"), NAMES, NAMES),
    st.tuples(st.just("clear_cname"), NAMES),
    st.tuples(st.just("add_records"), NAMES, st.just("CAA"), st.just(['0 issue "ca.test"'])),
    st.tuples(st.just("add_records"), NAMES, st.just("MX"), st.just(["10 b.a.test", "5 z.test"])),
    st.tuples(st.just("set_records"), NAMES, st.just("SRV"), st.just(["0 5 443 b.a.test."])),
    st.tuples(st.just("set_records"), NAMES.filter(lambda name: name[0] != "*"), st.just("NS"), st.just(["c.b.test"])),
    st.tuples(st.just("set_default_addresses"), ADDRESSES),
)


@settings(deadline=None)
@given(st.lists(CHANGES, max_size=8), st.sampled_from([[], ["a.test"]]), NAMES, RTYPES)
def test_the_wire_and_virtual_time_say_the_same(changes, apexes, name, rtype):
    zone = Zone(apexes=apexes)
    for verb, *arguments in changes:
        getattr(zone, verb)(*arguments)
    assert answer_question(zone, Resolve(name, rtype)) == read(ask(zone, query(name, rtype), udp=False))


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=600), st.booleans())
def test_no_message_raises(message, udp):
    reply = answer(Zone(), message, udp=udp)
    assert reply is None or message[:2] == reply[:2]


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_no_damaged_query_raises(data):
    message = bytearray(query("www.example.test", "TXT", edns={"udp_len": 1232}))
    for position in data.draw(st.lists(st.integers(0, len(message) - 1), min_size=1, max_size=4)):
        message[position] = data.draw(st.integers(0, 255))
    message = bytes(message[: data.draw(st.integers(0, len(message)))])
    reply = answer(Zone(), message, udp=True)
    assert (reply is None) == (len(message) < 12 or message[2] & 0x80 == 0x80)
    if reply is not None and reply[5]:
        assert reply[4:6] == b"\x00\x01"
        assert message[12:16] == reply[12:16]
