"""Malformed packets against a server on sockets: whatever comes, the next good question is answered.

GRAVEL_FUZZ says how many packets are sent; `make fuzz` sends 100,000.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime

import dns.asyncquery
import dns.message
import dns.rcode
import dns.tsig
import dns.update
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.dns.disturbance import Disturbance
from solvers.dns.keys import read_key
from solvers.dns.server import serve_dns
from solvers.dns.tsig import Keyring
from solvers.dns.writers import Writers
from solvers.dns.zone import Zone

BATCH, OVER_TCP = 20, 2
PACKETS = int(os.environ.get("GRAVEL_FUZZ", "2000"))
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0"
KEYRING = Keyring([read_key(f"key:{SECRET}")], lambda: datetime.now(UTC))
WRITERS = (Writers(KEYRING), Writers(anyone=True))


def good_messages():
    """Return a message of every kind that the server reads."""
    query = dns.message.make_query("_acme-challenge.www.example.test", "TXT", use_edns=0, want_dnssec=True)
    update = dns.update.UpdateMessage("example.test")
    update.present("www")
    for rtype, value in (
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("CAA", '0 issue "ca.test"'),
        ("CNAME", "a.example.test."),
        ("MX", "10 mail"),
        ("NS", "ns.sub"),
        ("SRV", "0 5 443 www"),
        ("TXT", '"one" "two"'),
    ):
        update.add("sub", 60, rtype, value)
    update.delete("www", "TXT")
    signed = dns.update.UpdateMessage("example.test")
    signed.add("www", 60, "TXT", "signed")
    signed.use_tsig(dns.tsig.Key("key", SECRET, "hmac-sha256"))
    plain = dns.message.make_query("a.b.c.d.e.example.test", "ANY", use_edns=False)
    return [message.to_wire() for message in (query, update, signed, plain)]


POSITIONS = st.integers(0, 10_000)
OCTETS = st.binary(min_size=1, max_size=4)
# Labels of 64, pointers to themselves, forward and back, and counts that nothing follows.
NASTY = st.sampled_from([b"\xc0\x0c", b"\xff\xff", b"\x00\x00", b"\x40", b"\x3f", b"\xc0\x00", b"\xc1\xff", b"\x80"])


def overwrite(message, position, octets):
    start = position % (len(message) + 1)
    return message[:start] + octets + message[start + len(octets) :]


def insert(message, position, octets):
    start = position % (len(message) + 1)
    return message[:start] + octets + message[start:]


def cut(message, position, octets):
    start = position % (len(message) + 1)
    return message[:start] + message[start + len(octets) :]


def end(message, position, _):
    return message[: position % (len(message) + 1)]


DAMAGES = st.lists(
    st.tuples(st.sampled_from([overwrite, insert, cut, end]), POSITIONS, OCTETS | NASTY), min_size=1, max_size=4
)


@st.composite
def damaged(draw):
    message = draw(st.sampled_from(good_messages()))
    for damage, position, octets in draw(DAMAGES):
        message = damage(message, position, octets)
    return message


async def send(packets, writers, disturbance):
    """Send packets to a new server; return the replies to good questions after them, and what went wrong unseen."""
    unseen = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unseen.append(context))
    zone = Zone(apexes=["sub.example.test"])
    server = await serve_dns(zone, "127.0.0.1", 0, writers, lambda *_: disturbance)
    host, port = server.address.split(":")
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(host, int(port)))
    for packet in packets:
        transport.sendto(packet)
        await asyncio.sleep(0)
    for packet in packets[:OVER_TCP]:
        reader, writer = await asyncio.open_connection(host, int(port))
        with suppress(OSError):
            writer.write(len(packet).to_bytes(2, "big") + packet)
            writer.write_eof()
            await reader.read()
        writer.close()
    good = dns.message.make_query("good.other.test", "A")
    replies = [await over(good, host, timeout=30, port=int(port)) for over in (dns.asyncquery.udp, dns.asyncquery.tcp)]
    transport.close()
    await server.close()
    return replies, unseen


@pytest.mark.timeout(3600)
@settings(max_examples=max(PACKETS // BATCH, 1))
@given(
    st.lists(damaged() | st.binary(max_size=600), min_size=BATCH, max_size=BATCH),
    st.sampled_from(WRITERS),
    st.sampled_from([None, Disturbance(ttl=7, order=b"seed"), Disturbance(truncated=True)]),
)
def test_the_server_answers_after_whatever_came(packets, writers, disturbance):
    replies, unseen = asyncio.run(send(packets, writers, disturbance))
    assert unseen == []
    assert [reply.rcode() for reply in replies] == [dns.rcode.NOERROR] * 2
