"""Replies as octets, with dnslib as the second opinion."""

from ipaddress import ip_address

import pytest
from dnslib import AAAA, CLASS, CNAME, NS, QTYPE, RCODE, RR, SOA, TXT, A, DNSLabel, DNSQuestion, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from acme_server.protocol.vantage import DnsRecord
from solvers.dns.lookup import Lookup
from solvers.dns.query import Edns, Query
from solvers.dns.reply import RCODES, write_reply

PLAIN = Query(7, True, (b"www", b"Gravel", b"example"), "www.gravel.example", QTYPE.A, CLASS.IN, None)
EDNS = Edns(0, 1232, True)

LABELS = st.text("abcxyz019-_", min_size=1, max_size=12)
# Few labels, so that names share their ends.
NAMES = st.lists(st.one_of(st.sampled_from(["www", "gravel", "example"]), LABELS), max_size=4).map(".".join)
TIMES = st.lists(st.integers(0, 0xFFFFFFFF), min_size=5, max_size=5)
VALUES = {
    "A": st.ip_addresses(v=4).map(str),
    "AAAA": st.ip_addresses(v=6).map(str),
    "CNAME": NAMES.map("{}.".format),
    "NS": NAMES.map("{}.".format),
    "SOA": st.builds(lambda a, b, times: f"{a}. {b}. {' '.join(map(str, times))}", NAMES, NAMES, TIMES),
    "TXT": st.text(st.characters(exclude_categories=["Cs"]), max_size=600),
}
RECORDS = st.lists(
    st.sampled_from(sorted(VALUES)).flatmap(
        lambda rtype: st.builds(
            DnsRecord, NAMES.map("{}.".format), st.just(rtype), VALUES[rtype], st.integers(0, 1 << 31)
        )
    ),
    max_size=4,
)


def value_of(record):
    """A record's value as dnslib reads it."""
    if record.rtype == QTYPE.TXT:
        return b"".join(record.rdata.data).decode()
    return str(ip_address(bytes(record.rdata.data))) if record.rtype in (QTYPE.A, QTYPE.AAAA) else str(record.rdata)


def read(section):
    return tuple(DnsRecord(str(each.rname), QTYPE[each.rtype], value_of(each), each.ttl) for each in section)


@given(RECORDS, RECORDS, st.sampled_from(sorted(RCODES)), st.sampled_from([None, EDNS]))
def test_what_is_written_dnslib_reads(answers, authority, rcode, edns):
    query = Query(7, True, (b"www", b"gravel", b"example"), "www.gravel.example", QTYPE.A, CLASS.IN, edns)
    message = DNSRecord.parse(write_reply(query, Lookup(rcode, tuple(answers), tuple(authority))))
    assert (read(message.rr), read(message.auth)) == (tuple(answers), tuple(authority))
    assert [(str(message.q.qname), message.q.qtype, message.q.qclass)] == [("www.gravel.example.", QTYPE.A, CLASS.IN)]
    assert (message.header.id, message.header.qr, message.header.rd, message.header.ra) == (7, 1, 1, 1)
    assert message.header.rcode == RCODES[rcode] & 0xF
    assert [(item.rtype, item.edns_len, item.edns_do, item.edns_rcode) for item in message.ar] == (
        [(QTYPE.OPT, 4096, 1, RCODES[rcode] >> 4)] if edns else []
    )


def by_dnslib(answers):
    """The same reply, packed by dnslib."""
    message = DNSRecord(q=DNSQuestion("www.gravel.example", QTYPE.A))
    message.header.id, message.header.qr, message.header.aa, message.header.ra = 7, 1, 1, 1
    build = {"A": A, "AAAA": AAAA, "CNAME": CNAME, "NS": NS}
    for each in answers:
        if each.rtype == "SOA":
            server, mailbox, *times = each.value.split(" ")
            data = SOA(server, mailbox, tuple(map(int, times)))
        elif each.rtype == "TXT":
            octets = each.value.encode()
            data = TXT([octets[start : start + 255] for start in range(0, len(octets), 255)] or [b""])
        else:
            data = build[each.rtype](each.value)
        message.add_answer(RR(DNSLabel(each.name), getattr(QTYPE, each.rtype), ttl=each.ttl, rdata=data))
    return bytes(message.pack())


@given(RECORDS)
def test_a_reply_is_no_longer_than_dnslibs(answers):
    query = Query(7, True, (b"www", b"gravel", b"example"), "www.gravel.example", QTYPE.A, CLASS.IN, None)
    assert len(write_reply(query, Lookup("NOERROR", tuple(answers)))) <= len(by_dnslib(answers))


def test_a_name_is_written_once_and_then_pointed_to():
    found = Lookup(
        "NOERROR",
        (
            DnsRecord("www.gravel.example.", "CNAME", "web.gravel.example.", 60),
            DnsRecord("web.gravel.example.", "A", "192.0.2.1", 60),
        ),
    )
    message = write_reply(PLAIN, found)
    assert message[12:32] == b"\3www\6Gravel\7example\0"
    # The question's name at its place, then a new name of the same last label, which the last record points to.
    assert message[36:] == (
        b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\x0d\3web\6gravel\xc0\x17" + b"\xc0\x30\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
    )


@pytest.mark.parametrize(
    ("value", "lengths"), [("", [0]), ("x", [1]), ("x" * 255, [255]), ("x" * 256, [255, 1]), ("ü" * 128, [255, 1])]
)
def test_text_is_cut_into_strings_of_255_octets(value, lengths):
    record = DnsRecord("www.gravel.example.", "TXT", value, 60)
    message = DNSRecord.parse(write_reply(PLAIN, Lookup("NOERROR", (record,))))
    assert [len(string) for string in message.rr[0].rdata.data] == lengths


def test_names_beyond_the_reach_of_a_pointer_are_written_out():
    filler = tuple(DnsRecord("www.gravel.example.", "TXT", "x" * 250, 60) for _ in range(70))
    late = tuple(DnsRecord("late.", "CNAME", "late.", 60) for _ in range(2))
    message = DNSRecord.parse(write_reply(PLAIN, Lookup("NOERROR", filler + late)))
    assert [(str(each.rname), str(each.rdata)) for each in message.rr[70:]] == [("late.", "late.")] * 2


def test_every_rcode_is_the_registrys():
    assert {name: getattr(RCODE, name) for name in RCODES if name != "BADVERS"} == {
        name: number for name, number in RCODES.items() if number < 16
    }
