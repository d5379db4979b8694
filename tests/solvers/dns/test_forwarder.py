"""Names in no zone, asked of another server: a real one, and one that behaves badly."""

from __future__ import annotations

import asyncio

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest

from solvers.dns import forwarder as module
from solvers.dns.answer import Forward, answer
from solvers.dns.disturbance import Disturbance
from solvers.dns.forwarder import Forwarder
from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone

LOOPBACK = "127.0.0.1"


def port_of(server):
    return int(server.address.rpartition(":")[2])


@pytest.fixture
async def chain():
    """Serve example.test, and forward the rest to a server with every other name; return how to ask the first."""
    there = Zone()
    there.add_txt("a.other.test", "there")
    for number in range(100):
        there.add_txt("big.other.test", f"value {number:03}")
    here = Zone(apexes=["example.test"], implied=False)
    upstream = await serve_dns(there, LOOPBACK, 0)
    state = {"disturbance": None}
    server = await serve_dns(
        here, LOOPBACK, 0, disturb=lambda *_: state["disturbance"], forwarder=Forwarder(LOOPBACK, port_of(upstream))
    )

    async def ask(name, over=dns.asyncquery.udp, disturbance=None, **options):
        state["disturbance"] = disturbance
        query = dns.message.make_query(name, "TXT", **options)
        reply = await over(query, LOOPBACK, timeout=20, port=port_of(server))
        assert query.is_response(reply)
        return reply

    ask.here, ask.there = here, there
    yield ask
    await server.close()
    await upstream.close()


def texts(reply):
    return [record.to_text().strip('"') for rrset in reply.answer for record in rrset]


@pytest.mark.parametrize("over", [dns.asyncquery.udp, dns.asyncquery.tcp])
async def test_the_other_server_s_answer_is_passed_back(chain, over):
    assert texts(await chain("a.other.test", over)) == ["there"]
    assert texts(await chain("A.oTher.test", over)) == ["there"]
    assert [(asked.name, asked.rcode) for asked in chain.here.history] == [("a.other.test", "NOERROR")] * 2


async def test_what_is_served_here_is_not_asked_there(chain):
    assert (await chain("a.example.test")).rcode() == dns.rcode.NOERROR
    assert list(chain.there.history) == []


async def test_an_error_is_passed_back_and_noted(chain):
    chain.there.set_default_addresses([])
    assert (await chain("missing.other.test")).rcode() == dns.rcode.NXDOMAIN
    assert [asked.rcode for asked in chain.here.history] == ["NXDOMAIN"]


async def test_what_is_cut_is_asked_over_tcp_and_cut_again_where_it_does_not_fit(chain):
    cut = await chain("big.other.test", use_edns=False)
    assert (bool(cut.flags & dns.flags.TC), texts(cut)) == (True, [])
    assert [asked.transport for asked in chain.there.history] == ["udp", "tcp"]
    assert len(texts(await chain("big.other.test", dns.asyncquery.tcp))) == 100


@pytest.mark.parametrize(
    ("disturbance", "rcode", "asked"),
    [
        (Disturbance(rcode="REFUSED"), dns.rcode.REFUSED, 0),
        (Disturbance(no_data=True), dns.rcode.NOERROR, 0),
        (Disturbance(truncated=True), dns.rcode.NOERROR, 0),
        (Disturbance(ttl=5), dns.rcode.NOERROR, 1),
    ],
    ids=str,
)
async def test_a_fault_comes_first(chain, disturbance, rcode, asked):
    assert (await chain("a.other.test", disturbance=disturbance)).rcode() == rcode
    assert len(chain.there.history) == asked


def test_who_has_no_forwarder_says_that_it_failed():
    zone = Zone(apexes=["example.test"], implied=False)
    answered = answer(zone, dns.message.make_query("a.other.test", "A").to_wire(), udp=True)
    assert isinstance(answered, Forward)
    assert dns.message.from_wire(answered.finish(None)).rcode() == dns.rcode.SERVFAIL


class Upstream(asyncio.DatagramProtocol):
    """Sends what a function makes of each query, if anything."""

    def __init__(self, make):
        self.make, self.seen = make, []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.seen.append(data)
        for reply in self.make(dns.message.from_wire(data)):
            self.transport.sendto(reply, addr)


@pytest.fixture
async def upstream():
    opened = []

    async def start(make):
        transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Upstream(make), local_addr=(LOOPBACK, 0)
        )
        opened.append(transport)
        return protocol, Forwarder(LOOPBACK, transport.get_extra_info("sockname")[1])

    yield start
    for transport in opened:
        transport.close()


QUERY = dns.message.make_query("a.other.test", "A", id=4711)


def reply_to(query, rcode=dns.rcode.NOERROR):
    reply = dns.message.make_response(query)
    reply.set_rcode(rcode)
    return reply.to_wire()


async def test_strays_and_forgeries_are_passed_over(upstream):
    def make(query):
        other = dns.message.make_query("b.other.test", "A", id=query.id)
        wrong = dns.message.make_query("a.other.test", "A", id=query.id ^ 1)
        return b"", b"x" * 12, query.to_wire(), reply_to(other), reply_to(wrong), reply_to(query, dns.rcode.YXDOMAIN)

    _, forwarder = await upstream(make)
    reply = dns.message.from_wire(await forwarder.ask(QUERY.to_wire()))
    assert (reply.id, reply.rcode()) == (4711, dns.rcode.YXDOMAIN)


async def test_the_number_that_goes_out_is_not_the_client_s(upstream):
    protocol, forwarder = await upstream(lambda query: [reply_to(query)])
    for _ in range(8):
        await forwarder.ask(QUERY.to_wire())
    assert len({data[:2] for data in protocol.seen}) > 4


async def test_a_lost_datagram_is_sent_again(upstream, monkeypatch):
    monkeypatch.setattr(module, "RESENT_AFTER", 0.05)
    seen = []

    def make(query):
        seen.append(query)
        return [reply_to(query)] if len(seen) > 2 else []

    _, forwarder = await upstream(make)
    assert await forwarder.ask(QUERY.to_wire())
    assert len(seen) == 3


async def test_silence_has_an_end(upstream, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)
    _, forwarder = await upstream(lambda query: [])
    assert await forwarder.ask(QUERY.to_wire()) is None


async def test_nobody_there_is_no_answer(upstream):
    protocol, forwarder = await upstream(lambda query: [])
    protocol.transport.close()
    await asyncio.sleep(0)
    assert await forwarder.ask(QUERY.to_wire()) is None


async def test_only_so_many_are_asked_at_once(upstream, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    protocol, forwarder = await upstream(lambda query: [])
    asked = await asyncio.gather(*(forwarder.ask(QUERY.to_wire()) for _ in range(module.MAX_UNDER_WAY + 20)))
    assert asked == [None] * (module.MAX_UNDER_WAY + 20)
    assert len(protocol.seen) == module.MAX_UNDER_WAY
    protocol.make = lambda query: [reply_to(query)]
    assert await forwarder.ask(QUERY.to_wire())
