"""DNS messages of a stub resolver: what it asks, what it takes for an answer, and what that says."""

import pytest
from dnslib import QTYPE, RCODE, RR, DNSRecord
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


GARBAGE = {
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
