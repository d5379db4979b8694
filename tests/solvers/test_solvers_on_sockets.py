"""The solver contract once more, on the real servers and the real network."""

import asyncio
import random
from datetime import UTC, datetime

import pytest

from acme_server.network import Network
from acme_server.protocol.vantage import DnsAnswer, Handshake, Resolve
from solvers.dns.answer import answer_question
from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone
from solvers.dns01.solver import Dns01Solver
from solvers.http01.responder import Responder
from solvers.http01.server import serve_http01
from solvers.http01.solver import Http01Solver
from solvers.solver import DNS01, HTTP01, NotReady
from solvers.timing import TIMINGS
from solvers.tlsalpn01.certificate import create
from solvers.tlsalpn01.responder import Responder as TlsResponder
from solvers.tlsalpn01.server import serve_tlsalpn01
from solvers.tlsalpn01.solver import TlsAlpn01Solver
from tests.solvers.solver_contract import Place, SolverContract
from tests.solvers.tlsalpn01.contract import TlsAlpn01Contract
from tests.solvers.vantages import shake

FAST = TIMINGS["fast"]


@pytest.fixture
def zone():
    return Zone()


@pytest.fixture
async def dns(zone):
    server = await serve_dns(zone, "127.0.0.1", 0)
    yield server.address
    await server.close()


@pytest.fixture
async def network():
    network = Network()
    yield network
    await network.close()


class TestDns01(SolverContract):
    type = DNS01

    @pytest.fixture
    async def place(self, zone, dns, network):
        second = await serve_dns(zone, "127.0.0.1", 0)
        yield Place(Dns01Solver(zone, (dns, second.address), FAST), network)
        await second.close()

    async def test_a_hundred_values_at_one_name_are_seen_over_tcp(self, place, zone):
        for number in range(100):
            zone.add_txt("_acme-challenge.www.example.test", f"value {number:032}")
        await self.test_what_is_presented_can_be_seen(place)
        assert "tcp" in [asked.transport for asked in zone.history]


class TestHttp01(SolverContract):
    type = HTTP01

    @pytest.fixture
    async def place(self, dns, network):
        responder = Responder()
        server = await serve_http01(responder, "127.0.0.1", 0)
        port = int(server.address.rpartition(":")[2])
        yield Place(Http01Solver(responder, port, FAST, dns), network)
        await server.close()

    async def test_a_port_where_nobody_listens_is_named(self, dns, network):
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        readiness = await Place(Http01Solver(Responder(), port, FAST, dns), network).check(self.one)
        url = "http://www.example.test/.well-known/acme-challenge/token-one"
        reason = f"failed to perform self check GET request '{url}': dial 127.0.0.1:{port}: connection refused"
        assert readiness == NotReady(reason)


class TestTlsAlpn01(TlsAlpn01Contract):
    @pytest.fixture
    async def place(self, dns, network):
        responder = TlsResponder()
        server = await serve_tlsalpn01(responder, "127.0.0.1", 0)
        port = int(server.address.rpartition(":")[2])
        entropy = random.Random(1).randbytes
        yield Place(TlsAlpn01Solver(responder, port, entropy, lambda: datetime.now(UTC), dns), network)
        await server.close()


@pytest.mark.parametrize("name", ["www.example.test", "WWW.example.test", "other.test"])
@pytest.mark.parametrize("protocols", [("acme-tls/1",), ("h2", "acme-tls/1"), ("h2",)])
async def test_a_handshake_comes_to_the_same_in_virtual_time_and_on_the_network(network, name, protocols):
    responder = TlsResponder()
    responder.add(
        "www.example.test", "key", create(random.Random(1).randbytes, datetime.now(UTC), "www.example.test", "key")
    )
    server = await serve_tlsalpn01(responder, "127.0.0.1", 0)
    question = Handshake(server.address, name, protocols)
    assert shake(responder, question) == await network(question)
    await server.close()


@pytest.mark.parametrize("rtype", ["A", "AAAA", "TXT", "CNAME", "SOA", "NS", "CAA"])
@pytest.mark.parametrize(
    "name", ["example.test", "www.example.test", "alias.example.test", "x.wild.example.test", "gone.test", "loop.test"]
)
async def test_the_network_reads_what_virtual_time_is_told(zone, dns, network, name, rtype):
    zone.set_default_addresses([])
    zone.set_addresses("www.example.test", ["192.0.2.1", "2001:db8::1"])
    zone.add_txt("www.example.test", "x" * 700)
    zone.add_txt("www.example.test", "größe")
    zone.add_txt("*.wild.example.test", "wild")
    zone.set_cname("alias.example.test", "www.example.test")
    zone.set_cname("loop.test", "loop.test")
    assert answer_question(zone, Resolve(name, rtype)) == await network(Resolve(name, rtype, dns))


async def test_what_is_no_name_is_an_error_in_virtual_time_and_on_the_network(zone, dns, network):
    for vantage_answer in (answer_question(zone, Resolve("a..test", "A")), await network(Resolve("a..test", "A", dns))):
        assert isinstance(vantage_answer, DnsAnswer)
        assert vantage_answer.error
