"""Signed messages, signed and read by dnspython: each algorithm, each way to fail (RFC 8945 section 5.2)."""

import struct
from datetime import UTC, datetime, timedelta

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from dns.rdtypes.ANY.TSIG import TSIG
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.dns.answer import answer
from solvers.dns.keys import ALGORITHMS, Key
from solvers.dns.tsig import BADKEY, BADSIG, BADTIME, BADTRUNC, Keyring
from solvers.dns.writers import Writers
from solvers.dns.zone import Zone

SECRET = b"a secret of 32 octets, or nearly"
START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Timepiece:
    """A clock that a test sets."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Timepiece()


@pytest.fixture(params=sorted(ALGORITHMS))
def algorithm(request):
    return ALGORITHMS[request.param]


def writers_of(clock, algorithm="hmac-sha256"):
    return Writers(Keyring([Key("writer.example", algorithm, SECRET)], clock))


def key_of(algorithm="hmac-sha256", name="writer.example", secret=SECRET):
    return dns.tsig.Key(dns.name.from_text(name), secret, algorithm)


def update():
    message = dns.update.UpdateMessage("example.test", id=4711)
    message.add("a", 60, "TXT", "v")
    return message


def blank(key, fudge=300):
    """Return a TSIG record that has no MAC yet."""
    return TSIG(255, 250, key.algorithm, int(START.timestamp()), fudge, b"", 4711, 0, b"")


def signed(message, key, when=START, fudge=300):
    """Return the message on the wire, signed at a moment."""
    bare = message.to_wire()
    record, _ = dns.tsig.sign(bare, key, blank(key, fudge), int(when.timestamp()))
    return with_tsig(bare, key.name, record)


def with_tsig(bare, owner, record):
    data = record.to_wire()
    (others,) = struct.unpack_from("!H", bare, 10)
    tail = owner.to_wire() + struct.pack("!HHIH", dns.rdatatype.TSIG, 255, 0, len(data)) + data
    return bare[:10] + struct.pack("!H", others + 1) + bare[12:] + tail


def replied(reply):
    """Return RCODE, TSIG error and MAC size, without verifying anything."""
    message = dns.message.from_wire(reply, ignore_trailing=False, keyring=False)
    return dns.rcode.to_text(message.rcode()), message.tsig_error, len(message.mac)


def verify(reply, key, request_mac, when):
    """Check a reply's signature by hand, as dnspython does at its own time."""
    message = dns.message.from_wire(reply, keyring=False)
    (record,) = message.tsig
    start = len(reply) - len(with_tsig(bytes(12), key.name, record)) + 12
    dns.tsig.validate(reply, key, message.keyname, record, int(when.timestamp()), request_mac, start)


def mac_of(wire):
    return dns.message.from_wire(wire, keyring=False).mac


def test_what_is_signed_is_done_and_its_reply_is_signed_by_every_algorithm(clock, algorithm):
    zone, wire = Zone(), signed(update(), key_of(algorithm))
    reply = answer(zone, wire, udp=True, writers=writers_of(clock, algorithm))
    verify(reply, key_of(algorithm), mac_of(wire), START)
    assert zone.own("a.example.test") == {"TXT": ("v",)}
    with pytest.raises(dns.tsig.BadSignature):
        verify(reply, key_of(algorithm, secret=b"other"), mac_of(wire), START)
    with pytest.raises(dns.tsig.BadSignature):
        verify(reply, key_of(algorithm), mac_of(wire)[1:], START)


def test_a_key_is_known_in_any_case(clock):
    wire = signed(update(), key_of(name="WRITER.Example"))
    assert replied(answer(Zone(), wire, udp=True, writers=writers_of(clock))) == ("NOERROR", 0, 32)


def test_what_is_not_signed_is_refused_and_its_reply_is_not_signed(clock):
    zone = Zone()
    reply = answer(zone, update().to_wire(), udp=True, writers=writers_of(clock))
    assert reply == struct.pack("!6H", 4711, 0xA805, 0, 0, 0, 0)
    assert zone.own("a.example.test") == {}


def test_anyone_may_stay_unsigned_where_anyone_may_write_but_no_signature_may_be_bad(clock):
    zone, writers = Zone(), Writers(writers_of(clock).keyring, anyone=True)
    assert answer(zone, signed(update(), key_of(secret=b"other")), udp=True, writers=writers)[3] & 15 == 9
    assert zone.own("a.example.test") == {}
    assert answer(zone, update().to_wire(), udp=True, writers=writers)[3] & 15 == 0


FAILURES = [
    ("another key", {"name": "stranger.example"}, {}, BADKEY, 0),
    ("another algorithm of the same key", {"algorithm": "hmac-sha512"}, {}, BADKEY, 0),
    ("an unknown algorithm", {"algorithm": "hmac-sha256-128"}, {}, BADKEY, 0),
    ("another secret", {"secret": b"other"}, {}, BADSIG, 0),
    ("too late", {}, {"when": START - timedelta(seconds=301)}, BADTIME, 32),
    ("too early", {}, {"when": START + timedelta(seconds=301)}, BADTIME, 32),
    ("not at once", {}, {"when": START - timedelta(seconds=1), "fudge": 0}, BADTIME, 32),
    ("another secret, and late", {"secret": b"other"}, {"when": START - timedelta(days=1)}, BADSIG, 0),
]


@pytest.mark.parametrize(
    ("key", "how", "error", "mac"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES]
)
def test_a_bad_signature_does_nothing_and_the_reply_says_why(clock, key, how, error, mac):
    zone, wire = Zone(), signed(update(), key_of(**key), **how)
    assert replied(answer(zone, wire, udp=True, writers=writers_of(clock))) == ("NOTAUTH", error, mac)
    assert zone.own("a.example.test") == {}


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_holds_within_its_fudge(clock, seconds):
    wire = signed(update(), key_of(), START + timedelta(seconds=seconds))
    assert replied(answer(Zone(), wire, udp=True, writers=writers_of(clock))) == ("NOERROR", 0, 32)


def test_the_clock_is_the_one_that_was_given(clock):
    writers, wire = writers_of(clock), signed(update(), key_of())
    clock.now = START + timedelta(days=60)
    assert replied(answer(Zone(), wire, udp=True, writers=writers)) == ("NOTAUTH", BADTIME, 32)


def test_a_reply_about_time_has_the_client_s_time_and_says_the_server_s(clock):
    late = START - timedelta(hours=1)
    wire = signed(update(), key_of(), late)
    reply = answer(Zone(), wire, udp=True, writers=writers_of(clock))
    verify_at_client = dns.message.from_wire(reply, keyring=False).tsig[0]
    assert verify_at_client.time_signed == int(late.timestamp())
    assert int.from_bytes(verify_at_client.other, "big") == int(START.timestamp())
    with pytest.raises(dns.tsig.PeerBadTime):
        verify(reply, key_of(), mac_of(wire), late)


@pytest.mark.parametrize(("size", "rcode"), [(32, 0), (31, 9), (16, 9), (15, 1), (0, 1), (33, 1)], ids=str)
def test_a_shortened_mac_is_not_enough_and_a_very_short_one_is_malformed(clock, size, rcode):
    zone, message, key = Zone(), update(), key_of()
    record, _ = dns.tsig.sign(message.to_wire(), key, blank(key), int(START.timestamp()))
    wire = with_tsig(message.to_wire(), key.name, record.replace(mac=(record.mac + b"x")[:size]))
    reply = answer(zone, wire, udp=True, writers=writers_of(clock))
    assert reply[3] & 15 == rcode
    if rcode == 9:
        assert replied(reply) == ("NOTAUTH", BADTRUNC, 32)
    assert ("TXT" in zone.own("a.example.test")) == (rcode == 0)


def test_a_shortened_mac_that_is_wrong_is_bad(clock):
    message, key = update(), key_of()
    wire = with_tsig(message.to_wire(), key.name, blank(key).replace(mac=b"x" * 16))
    assert replied(answer(Zone(), wire, udp=True, writers=writers_of(clock))) == ("NOTAUTH", BADSIG, 0)


def test_a_forwarder_may_give_a_message_another_number(clock):
    wire = signed(update(), key_of())
    reply = answer(Zone(), b"\x00\x07" + wire[2:], udp=True, writers=writers_of(clock))
    assert (reply[:2], replied(reply)) == (b"\x00\x07", ("NOERROR", 0, 32))


def test_a_signed_query_gets_a_signed_answer(clock):
    query = dns.message.make_query("a.example.test", "A", id=4711)
    wire = signed(query, key_of())
    reply = answer(Zone(), wire, udp=True, writers=writers_of(clock))
    verify(reply, key_of(), mac_of(wire), START)
    (found,) = dns.message.from_wire(reply, keyring=False).answer
    assert [str(record) for record in found] == ["127.0.0.1"]


@pytest.mark.parametrize("excess", [0, 1])
def test_a_signature_counts_for_the_length_of_a_reply(clock, excess):
    zone, question = Zone(), 12 + len(b"\x03big\x04test\x00") + 4
    signature = len(signed(update(), key_of())) - len(update().to_wire())
    zone.add_txt("big.test", "x" * 200)
    zone.add_txt("big.test", "y" * (512 - signature - question - 2 * 13 - 200 + excess))
    query = dns.message.make_query("big.test", "TXT", use_edns=False, id=4711)
    reply = answer(zone, signed(query, key_of()), udp=True, writers=writers_of(clock))
    found = dns.message.from_wire(reply, keyring=False)
    assert (bool(found.flags & dns.flags.TC), len(found.question), len(found.answer)) == (excess, 1, 1 - excess)
    assert len(reply) == (question + signature if excess else 512)
    whole = answer(zone, signed(query, key_of()), udp=False, writers=writers_of(clock))
    assert len(whole) == 512 + excess


@pytest.mark.parametrize("number", [1, 2], ids=["last of two", "first of two"])
def test_there_is_one_signature_at_most_and_it_is_the_last_record(clock, number):
    wire = signed(update(), key_of())
    record = wire[len(update().to_wire()) :]
    other = b"\x00\x00\x10\x00\x01\x00\x00\x00\x00\x00\x02\x01v"
    wire = wire[:10] + b"\x00\x02" + wire[12:] + (record if number == 1 else other)
    reply = answer(Zone(), wire, udp=True, writers=writers_of(clock))
    assert reply == struct.pack("!6H", 4711, 0xA801, 0, 0, 0, 0)


def test_a_signature_outside_the_additional_section_is_malformed(clock):
    wire = signed(update(), key_of())
    moved = wire[:8] + b"\x00\x02\x00\x00" + wire[12:]
    reply = answer(Zone(), moved, udp=True, writers=writers_of(clock))
    assert reply == struct.pack("!6H", 4711, 0xA801, 0, 0, 0, 0)


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_no_damaged_signature_raises_or_gets_through(data):
    wire = bytearray(signed(update(), key_of()))
    position, octet = data.draw(st.integers(0, len(wire) - 1)), data.draw(st.integers(0, 255))
    before, wire[position] = wire[position], octet
    zone = Zone()
    reply = answer(zone, bytes(wire), udp=True, writers=writers_of(lambda: START))
    harmless = before == octet or position < 2 or chr(before).lower() == chr(octet).lower()
    assert reply is None or harmless or reply[3] & 15
    assert harmless or zone.own("a.example.test") == {}


@settings(deadline=None, max_examples=500)
@given(st.binary(max_size=300), st.integers(0, 3))
def test_no_octets_in_place_of_a_signature_raise(octets, others):
    bare = update().to_wire()
    owner = dns.name.from_text("writer.example").to_wire()
    head = bare[:10] + struct.pack("!H", others) + bare[12:]
    for tail in (octets, owner + struct.pack("!HHIH", 250, 255, 0, len(octets)) + octets):
        reply = answer(Zone(), head + tail, udp=True, writers=writers_of(lambda: START))
        assert reply[3] & 15
