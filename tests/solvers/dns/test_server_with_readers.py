"""Records of every type, faults and delegations as dig, kdig and dnspython see them."""

from __future__ import annotations

import asyncio
import re
import shutil

import dns.asyncresolver
import dns.resolver
import pytest

from solvers.dns.disturbance import NEVER, Disturbance
from solvers.dns.forwarder import Forwarder
from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone

RECORDS = {
    "CAA": '0 issue "ca.test; validationmethods=dns-01"',
    "MX": "10 mail.example.test.",
    "NS": "ns.other.test.",
    "PTR": "www.example.test.",
    "SRV": "0 5 443 www.example.test.",
    "TXT": '"one \\"quoted\\" text"',
}
# How each asks a server once, and where its answer says what.
PROGRAMS = {
    "dig": ("-r", "@{host}", "-p", "{port}", "+tries=1", "+timeout={patience}"),
    "kdig": ("@{host}", "-p", "{port}", "+retry=0", "+time={patience}"),
}


def a_zone(**options):
    zone = Zone(default_addresses=[], **options)
    for rtype, value in RECORDS.items():
        if rtype != "TXT":
            zone.add_records("x.example.test", rtype, [value])
    zone.add_txt("x.example.test", 'one "quoted" text')
    zone.set_addresses("www.example.test", ["192.0.2.1"])
    return zone


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.client(name)) for name in PROGRAMS])
async def look(request):
    """Return how to run the program against a zone, under a disturbance."""
    state = {"disturbance": None}
    server = await serve_dns(a_zone(), "127.0.0.1", 0, disturb=lambda *_: state["disturbance"])

    async def run(*arguments, disturbance=None, patience=10):
        state["disturbance"] = disturbance
        host, port = server.address.split(":")
        frame = [part.format(host=host, port=port, patience=patience) for part in PROGRAMS[request.param]]
        process = await asyncio.create_subprocess_exec(
            shutil.which(request.param),
            *frame,
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode()

    yield run
    await server.close()


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("rtype", RECORDS)
async def test_each_type_is_read(look, rtype, transport):
    assert (await look("x.example.test", rtype, "+short", transport)).strip() == RECORDS[rtype]


@pytest.mark.parametrize(
    ("status", "authority", "arguments", "disturbance"),
    [
        ("NXDOMAIN", "example.test.", ["missing.example.test", "A"], None),
        ("NOERROR", "example.test.", ["www.example.test", "TXT"], None),
        ("NXDOMAIN", "x.example.test.", ["a.b.x.example.test", "SOA"], None),
        ("SERVFAIL", None, ["www.example.test", "A"], Disturbance(rcode="SERVFAIL")),
        ("REFUSED", None, ["www.example.test", "A"], Disturbance(rcode="REFUSED")),
        ("NXDOMAIN", "example.test.", ["www.example.test", "A"], Disturbance(rcode="NXDOMAIN")),
        ("NOERROR", "example.test.", ["www.example.test", "A"], Disturbance(no_data=True)),
    ],
)
async def test_the_status_and_the_zone_of_a_negative_answer_are_read(look, status, authority, arguments, disturbance):
    output = await look(*arguments, disturbance=disturbance)
    assert status == re.search(r"status: (\w+)", output)[1]
    soa = re.search(r"^(\S+)\s+\d+\s+IN\s+SOA", output, re.MULTILINE)
    assert authority == (soa and soa[1])


async def test_a_cut_answer_is_asked_for_over_tcp(look):
    output = await look("www.example.test", "A", disturbance=Disturbance(truncated=True))
    assert re.search(r"retrying (in|over) TCP", output)
    assert re.search(r"IN\s+A\s+192\.0\.2\.1", output)


async def test_a_ttl_is_read(look):
    output = await look("www.example.test", "A", "+noall", "+answer", disturbance=Disturbance(ttl=4711))
    assert re.search(r"www\.example\.test\.\s+4711\s+IN\s+A", output)


async def test_silence_is_a_time_out(look):
    output = await look("www.example.test", "A", disturbance=Disturbance(delay=NEVER), patience=1)
    assert re.search(r"timed out|can't connect|failed to query|timeout", output)


@pytest.fixture
async def resolver():
    """Return dnspython's resolver, at a server that knows one zone and forwards the rest."""
    there = Zone()
    there.add_txt("a.other.test", "there")
    upstream = await serve_dns(there, "127.0.0.1", 0)
    forwarder = Forwarder("127.0.0.1", int(upstream.address.rpartition(":")[2]))
    server = await serve_dns(a_zone(apexes=["example.test"], implied=False), "127.0.0.1", 0, forwarder=forwarder)
    stub = dns.asyncresolver.Resolver(configure=False)
    stub.nameservers, stub.port, stub.lifetime = ["127.0.0.1"], int(server.address.rpartition(":")[2]), 30
    yield stub
    await server.close()
    await upstream.close()


@pytest.mark.parametrize("rtype", RECORDS)
async def test_dnspython_reads_each_type(resolver, rtype):
    assert [record.to_text() for record in await resolver.resolve("x.example.test", rtype)] == [RECORDS[rtype]]


async def test_dnspython_tells_a_name_that_is_not_there_from_one_without_the_type(resolver):
    with pytest.raises(dns.resolver.NXDOMAIN):
        await resolver.resolve("missing.example.test", "A")
    with pytest.raises(dns.resolver.NoAnswer):
        await resolver.resolve("www.example.test", "TXT")


async def test_dnspython_finds_zones_here_delegated_and_elsewhere(resolver):
    for name, zone in (
        ("a.b.example.test.", "example.test."),
        ("a.b.x.example.test.", "x.example.test."),
        ("a.b.other.test.", "other.test."),
    ):
        assert (await dns.asyncresolver.zone_for_name(name, resolver=resolver)).to_text() == zone


async def test_dnspython_is_answered_from_elsewhere(resolver):
    assert [record.to_text() for record in await resolver.resolve("a.other.test", "TXT")] == ['"there"']
