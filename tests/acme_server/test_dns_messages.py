"""DNS messages of a stub resolver: what it asks, what it takes for an answer, and what that says."""

import struct
from ipaddress import ip_address

import pytest
from dnslib import AAAA, CAA, CNAME, MX, NS, QTYPE, RCODE, RR, SOA, SRV, TXT, A, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from acme_server.dns_messages import RTYPES, is_reply_to, is_truncated, read_reply, write_query
from acme_server.protocol.vantage import DnsAnswer, DnsRecord

QUERY = write_query("www.gravel.example", "TXT", 0x1234)


def reply(*lines, query=QUERY, **header):
    message = DNSRecord.parse(query).reply()
    for name, value in header.items():
        setattr(message.header, name, value)
    for line in lines:
        message.add_answer(*RR.fromZone(line))
    return message.pack()


@pytest.mark.parametrize("rtype", RTYPES)
@pytest.mark.parametrize("name", ["www.gravel.example", "_acme-challenge.gravel.example.", "a" * 63 + ".example", "."])
def test_a_query_asks_one_question_with_recursion_and_edns(name, rtype):
    message = DNSRecord.parse(write_query(name, rtype, 7))
    assert (message.header.id, message.header.rd, message.header.qr) == (7, 1, 0)
    assert [(name.removesuffix(".") + ".", rtype)] == [(str(q.qname), QTYPE[q.qtype]) for q in message.questions]
    assert [(item.rtype, item.edns_len) for item in message.ar] == [(QTYPE.OPT, 4096)]


@pytest.mark.parametrize("name", ["", "a..b", ".a", "a" * 64 + ".example", "ü.example", ".".join(["a" * 49] * 6)])
def test_a_name_that_does_not_fit_is_not_asked_for(name):
    with pytest.raises(ValueError, match="invalid name"):
        write_query(name, "A", 1)


def test_a_type_that_is_not_read_is_not_asked_for():
    with pytest.raises(ValueError, match="unsupported type ANY"):
        write_query("gravel.example", "ANY", 1)


@pytest.mark.parametrize(
    ("line", "rtype", "value"),
    [
        ("a.example 5 IN A 192.0.2.1", "A", "192.0.2.1"),
        ("a.example 5 IN AAAA 2001:db8::1", "AAAA", "2001:db8::1"),
        ("a.example 5 IN CNAME B.example.", "CNAME", "B.example."),
        ("a.example 5 IN NS ns.example.", "NS", "ns.example."),
        ("a.example 5 IN MX 10 mx.example.", "MX", "10 mx.example."),
        ("a.example 5 IN SRV 1 2 3 target.example.", "SRV", "1 2 3 target.example."),
        ("a.example 5 IN SOA ns.example. me.example. 1 2 3 4 5", "SOA", "ns.example. me.example. 1 2 3 4 5"),
        ('a.example 5 IN CAA 0 issue "ca.example"', "CAA", '0 issue "ca.example"'),
        ('a.example 5 IN TXT "one string"', "TXT", "one string"),
        ('a.example 5 IN TXT "two " "strings"', "TXT", "two strings"),
    ],
)
def test_every_type_has_its_presentation_form(line, rtype, value):
    assert read_reply(reply(line)) == DnsAnswer(records=(DnsRecord("a.example.", rtype, value, 5),))


def test_text_that_is_not_utf8_is_escaped():
    message = reply('a.example TXT "marks"').replace(b"marks", b"\xc3\xbc \xff!")
    assert read_reply(message).values("TXT") == (r"ü \xff!",)


def test_other_types_are_left_out():
    message = reply("a.example PTR b.example.", "a.example A 192.0.2.1")
    assert [record.rtype for record in read_reply(message).records] == ["A"]


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_a_reply_says_its_rcode_and_authority(rcode):
    message = DNSRecord.parse(reply(rcode=getattr(RCODE, rcode)))
    message.add_auth(*RR.fromZone("example 60 IN SOA ns.example. me.example. 1 2 3 4 5"))
    answer = read_reply(message.pack())
    assert (rcode, ["SOA"]) == (answer.rcode, [record.rtype for record in answer.authority])


def test_an_rcode_without_a_name_is_a_number():
    assert read_reply(reply(rcode=15)).rcode == "15"


def test_a_reply_is_known_by_id_question_and_direction():
    assert is_reply_to(QUERY, reply())
    assert is_reply_to(QUERY, reply(query=write_query("WWW.Gravel.example", "TXT", 0x1234)))
    for stray in (
        QUERY,
        reply()[:12],
        b"",
        reply(id=0x1235),
        reply(query=write_query("xxx.gravel.example", "TXT", 0x1234)),
        reply(query=write_query("www.gravel.example", "A", 0x1234)),
    ):
        assert not is_reply_to(QUERY, stray)


def test_a_truncated_reply_says_so():
    assert [is_truncated(reply(tc=bit)) for bit in (0, 1)] == [False, True]


ONE_QUESTION, ONE_ANSWER = b"\x12\x34\x84\0\0\1\0\0\0\0\0\0", b"\x12\x34\x84\0\0\0\0\1\0\0\0\0"


def pointer(offset):
    return (0xC000 | offset).to_bytes(2, "big")


def ladder(rungs):
    """A TXT record whose data are pointers, each to the one before it, and a question that names the last."""
    header = b"\x12\x34\x84\0\0\0\0\2\0\0\0\0"
    data = b"\0" + b"".join(pointer(23 if rung == 0 else 22 + 2 * rung) for rung in range(rungs))
    first = b"\0" + b"\0\x0a\0\1\0\0\0\0" + len(data).to_bytes(2, "big") + data
    return header + first + pointer(len(header) + len(first) - 2) + b"\0\1\0\1\0\0\0\0\0\4\1\2\3\4"


def with_data(rtype, data, rclass=1):
    """One answer, of a type, with any data."""
    return ONE_ANSWER + b"\0" + struct.pack("!HHIH", getattr(QTYPE, rtype), rclass, 60, len(data)) + data


def question(*labels):
    return ONE_QUESTION + b"".join(bytes([len(label)]) + label for label in labels) + b"\0\0\1\0\1"


LONGEST = [b"a" * 63] * 3 + [b"a" * 61]


GARBAGE = {
    "a question cut short": question(b"a")[:-1],
    "a label that is neither a length nor a pointer": ONE_QUESTION + b"\x40" + b"a" * 64 + b"\0\0\1\0\1",
    "a pointer to its own label": ONE_QUESTION + b"\1a" + pointer(12) + b"\0\1\0\1",
    "half a pointer": ONE_QUESTION + b"\xc0",
    "a name that is too long": question(*LONGEST, b"a"),
    "a record cut short": with_data("PTR", b"\0")[:-1],
    "an additional record cut short": with_data("A", b"\1\2\3\4")[:11] + b"\1" + with_data("A", b"\1\2\3\4")[12:],
    "an IPv4 address of three octets": with_data("A", b"\1\2\3"),
    "an IPv4 address of five octets": with_data("A", b"\1\2\3\4\5"),
    "an IPv6 address of four octets": with_data("AAAA", b"\1\2\3\4"),
    "a name longer than its record": with_data("CNAME", b"\1a")[:-2] + b"\1a\0",
    "a name shorter than its record": with_data("CNAME", b"\1a\0\0"),
    "a preference alone": with_data("MX", b"\0\1"),
    "a service without name": with_data("SRV", b"\0\1\0\1\0\1"),
    "an SOA without times": with_data("SOA", b"\0\0"),
    "an SOA with a time too many": with_data("SOA", b"\0\0" + bytes(24)),
    "a tag longer than its record": with_data("CAA", b"\0\5issu"),
    "a CAA record of one octet": with_data("CAA", b"\0"),
    "no string": with_data("TXT", b""),
    "a string cut short": with_data("TXT", b"\2a"),
    "nothing": b"",
    "half a header": reply()[:6],
    "a name that points at itself": ONE_QUESTION + pointer(12) + b"\0\x10\0\1",
    "a name that points onward": ONE_ANSWER + pointer(14) + pointer(12) + b"\0\x10\0\1",
    "pointers to pointers": ladder(2000),
    "an answer cut short": reply('a.example TXT "x"')[:-1],
    "an answer that is missing": reply()[:6] + b"\0\1" + reply()[8:],
    "a string longer than its record": reply('a.example TXT "marks"').replace(b"\5marks", b"\6marks"),
}


@pytest.mark.parametrize("fault", GARBAGE)
def test_garbage_is_malformed_and_no_traceback(fault):
    with pytest.raises(ValueError, match="malformed reply"):
        read_reply(GARBAGE[fault])


def test_a_name_may_be_as_long_as_names_can_be():
    assert read_reply(question(*LONGEST)) == DnsAnswer()


def test_records_of_another_class_are_left_out():
    assert read_reply(with_data("A", b"\1\2\3\4", rclass=3)) == DnsAnswer()


@pytest.mark.parametrize(
    ("label", "text"), [(b"A-b_1*", "A-b_1*"), (b"a.b", r"a\046b"), (b"\\ \x7f\xff", r"\092\032\127\255")]
)
def test_a_label_cannot_pass_for_another(label, text):
    message = with_data("CNAME", bytes([len(label)]) + label + b"\0")
    assert read_reply(message).values("CNAME") == (text + ".",)


LABELS = st.text("abcXYZ019-_", min_size=1, max_size=12)
NAMES = st.lists(LABELS, max_size=5).map(".".join)
SHORTS, LONGS = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)
DATA = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda octets: A(tuple(octets))),
    st.binary(min_size=16, max_size=16).map(lambda octets: AAAA(tuple(octets))),
    NAMES.map(CNAME),
    NAMES.map(NS),
    st.builds(MX, NAMES, SHORTS),
    st.builds(SRV, SHORTS, SHORTS, SHORTS, NAMES),
    st.builds(SOA, NAMES, NAMES, st.tuples(LONGS, LONGS, LONGS, LONGS, LONGS)),
    st.lists(st.binary(max_size=255), min_size=1, max_size=4).map(TXT),
    st.builds(CAA, st.integers(0, 255), st.sampled_from(["issue", "iodef"]), st.text("abc.:;= ", max_size=20)),
)
RECORDS = st.lists(st.tuples(NAMES, LONGS, DATA), max_size=5)


def by_dnslib(section):
    """What dnslib reads; its addresses in the form of RFC 5952, its text decoded."""

    def value(record):
        data = record.rdata
        if record.rtype == QTYPE.TXT:
            return b"".join(data.data).decode("utf-8", "backslashreplace")
        return str(ip_address(bytes(data.data))) if record.rtype in (QTYPE.A, QTYPE.AAAA) else str(data)

    return tuple(DnsRecord(str(each.rname), QTYPE[each.rtype], value(each), each.ttl) for each in section)


@given(RECORDS, RECORDS, RECORDS, st.integers(0, 10))
def test_what_dnslib_writes_is_read_as_dnslib_reads_it(answers, authority, additional, rcode):
    message = DNSRecord.parse(QUERY).reply()
    message.header.rcode = rcode
    for records, add in (
        (answers, message.add_answer),
        (authority, message.add_auth),
        (additional, message.add_ar),
    ):
        for name, ttl, data in records:
            add(RR(name, getattr(QTYPE, type(data).__name__), ttl=ttl, rdata=data))
    octets = bytes(message.pack())
    parsed = DNSRecord.parse(octets)
    assert read_reply(octets) == DnsAnswer(RCODE[rcode], by_dnslib(parsed.rr), by_dnslib(parsed.auth))


FULL = reply('a.example TXT "x"', "a.example A 192.0.2.1", "a.example MX 1 b.example.", 'a.example CAA 0 issue "x"')


@given(st.lists(st.tuples(st.integers(0, len(FULL) - 1), st.integers(0, 255)), max_size=6))
def test_no_damage_raises_anything_but_a_value_error(changes):
    message = bytearray(FULL)
    for place, octet in changes:
        message[place] = octet
    try:
        read_reply(bytes(message))
    except ValueError as error:
        assert str(error) == "malformed reply"  # noqa: PT017 - either outcome is fine, a third is not
