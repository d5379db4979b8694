"""The solver contract once more, on the real servers and the real network."""

import asyncio
import random
import secrets
from datetime import UTC, datetime

import pytest

from acme_server.network import Network
from acme_server.protocol.vantage import DnsAnswer, Handshake, Resolve
from solvers.dns.answer import answer_question
from solvers.dns.keys import read_key
from solvers.dns.server import serve_dns
from solvers.dns.tsig import Keyring
from solvers.dns.writers import Writers
from solvers.dns.zone import Zone
from solvers.dns01.provider import ZoneProvider
from solvers.dns01.rfc2136 import Rfc2136Provider
from solvers.http01.responder import Responder
from solvers.http01.server import serve_http01
from solvers.http01.site import Site
from solvers.http01.solver import Http01Solver
from solvers.solver import NotReady, Ready
from solvers.timing import TIMINGS
from solvers.tlsalpn01.certificate import create
from solvers.tlsalpn01.responder import Responder as TlsResponder
from solvers.tlsalpn01.server import serve_tlsalpn01
from solvers.tlsalpn01.solver import TlsAlpn01Solver
from tests.solvers.dns01.rig import solver_of
from tests.solvers.solver_contract import Dns01Contract, Http01Contract, Place
from tests.solvers.tlsalpn01.contract import TlsAlpn01Contract
from tests.solvers.vantages import shake

FAST = TIMINGS["fast"]
KEYS = {name: read_key(f"{name}:{name}-key:c2VjcmV0") for name in ("hmac-md5", "hmac-sha512")}


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


def port_of(address):
    return int(address.rpartition(":")[2])


@pytest.fixture
def records(zone):
    return zone


def now():
    return datetime.now(UTC)


class TestDns01RecursiveOnly(Dns01Contract):
    @pytest.fixture
    async def place(self, zone, dns, network):
        second = await serve_dns(zone, "127.0.0.1", 0)
        yield Place(solver_of(ZoneProvider(zone), dns, second.address, authoritative=False, now=now), network)
        await second.close()

    async def test_a_hundred_values_at_one_name_are_seen_over_tcp(self, place, zone):
        for number in range(100):
            zone.add_txt("_acme-challenge.www.example.test", f"value {number:032}")
        await self.test_what_is_presented_can_be_seen(place)
        assert "tcp" in [asked.transport for asked in zone.history]


class TestDns01Authoritative(Dns01Contract):
    @pytest.fixture
    async def place(self, zone, dns, network):
        return Place(solver_of(ZoneProvider(zone), dns, port=port_of(dns)), network)

    async def test_the_zone_s_own_nameserver_is_asked_at_its_port(self, place, zone):
        await self.test_what_is_presented_can_be_seen(place)
        asked = [(each.name, each.rtype) for each in zone.history][-4:]
        assert asked == [
            (self.NAME, "CNAME"),
            ("example.test", "NS"),
            ("ns.example.test", "A"),
            (self.NAME, "TXT"),
        ]

    async def test_a_nameserver_where_nobody_listens_is_named(self, zone, dns, network):
        zone.become(Zone(nameserver_addresses=["127.0.0.2"]))
        nobody = solver_of(ZoneProvider(zone), dns, port=port_of(dns))
        reason = f"NS ns.example.test.:{port_of(dns)} gave no answer for {self.NAME}.: 127.0.0.2:{port_of(dns)}: connection refused"
        assert await Place(nobody, network).check(self.one) == NotReady(reason)


class TestRfc2136(Dns01Contract):
    """cert-manager's rfc2136 solver over the network: signed and not, by UDP and by TCP."""

    @pytest.fixture(
        params=[("hmac-md5", False), ("hmac-sha512", False), ("hmac-sha512", True), (None, False), (None, True)],
        ids=["MD5", "SHA512", "SHA512 by TCP", "unsigned", "unsigned by TCP"],
    )
    async def place(self, request, zone, network):
        name, tcp = request.param
        server = await serve_dns(zone, "127.0.0.1", 0, Writers(Keyring(KEYS.values(), now), anyone=name is None))
        provider = Rfc2136Provider(server.address, now, secrets.token_bytes, KEYS.get(name), tcp)
        yield Place(solver_of(provider, server.address, port=port_of(server.address), now=now), network)
        transports = {asked.transport for asked in zone.history if asked.opcode == "UPDATE"}
        assert transports <= {"tcp" if tcp else "udp"}
        await server.close()


class TestHttp01(Http01Contract):
    @pytest.fixture
    async def place(self, dns, network):
        responder = Responder()
        server = await serve_http01(Site(responder), "127.0.0.1", 0)
        yield Place(Http01Solver(responder, port_of(server.address), FAST, now, (dns,)), network)
        await server.close()

    async def test_a_port_where_nobody_listens_is_named(self, dns, network):
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        readiness = await Place(Http01Solver(Responder(), port, FAST, now, (dns,)), network).check(self.one)
        url = "http://www.example.test/.well-known/acme-challenge/token-one"
        error = f'Get "{url}": dial tcp 127.0.0.1:{port}: connect: connection refused'
        assert readiness == NotReady(f"failed to perform self check GET request '{url}': {error}")

    async def test_its_own_resolver_is_asked_for_a_name_that_has_another_address_elsewhere(self, network):
        """http_test.go, TestReachabilityCustomDnsServers: split-horizon names."""
        inside, outside = Zone(), Zone(default_addresses=["192.0.2.1"])
        views = [await serve_dns(view, "127.0.0.1", 0) for view in (inside, outside)]
        responder = Responder()
        server = await serve_http01(Site(responder), "127.0.0.1", 0)
        solver = Http01Solver(responder, port_of(server.address), FAST, now, (views[0].address,))
        place = Place(solver, network)
        await place.present(self.one)
        assert Ready() == await place.check(self.one)
        assert ([asked.name for asked in inside.history], list(outside.history)) == (["www.example.test"], [])
        for running in (server, *views):
            await running.close()


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
