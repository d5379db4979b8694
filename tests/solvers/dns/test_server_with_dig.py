"""The zone as BIND's `dig` sees it."""

import asyncio
import re
import shutil

import pytest

from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone

DIG = shutil.which("dig")
pytestmark = pytest.mark.skipif(DIG is None, reason="dig is missing on this machine")


@pytest.fixture
async def dig():
    """Run dig against a zone, without the settings of whoever runs the tests."""
    zone = Zone(default_addresses=["192.0.2.1"], apexes=["sub.example.test"])
    zone.add_txt("_acme-challenge.example.test", "one")
    zone.add_txt("_acme-challenge.example.test", 'two "quoted" \\ words')
    zone.set_cname("_acme-challenge.alias.test", "_acme-challenge.example.test")
    zone.set_cname("loop.test", "loop.test")
    zone.set_addresses("bare.example.test", [])
    zone.add_txt("long.example.test", "x" * 300)
    for number in range(200):
        zone.add_txt("big.example.test", f"value {number:03}")
    server = await serve_dns(zone, "127.0.0.1", 0)
    host, port = server.address.split(":")

    async def run(*arguments):
        process = await asyncio.create_subprocess_exec(
            DIG, "-r", f"@{host}", "-p", port, "+tries=1", "+timeout=5", *arguments, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        return output.decode()

    yield run
    await server.close()


@pytest.mark.parametrize(
    ("lines", "arguments"),
    [
        (["192.0.2.1"], ["www.example.test", "A"]),
        (["192.0.2.1"], ["www.example.test", "A", "+tcp"]),
        ([], ["www.example.test", "AAAA"]),
        ([], ["bare.example.test", "A"]),
        (["ns.example.test."], ["example.test", "NS"]),
        (["127.0.0.1"], ["ns.example.test", "A"]),
        (['"one"', r'"two \"quoted\" \\ words"'], ["_acme-challenge.example.test", "TXT"]),
        (['"one"', r'"two \"quoted\" \\ words"'], ["_ACME-Challenge.EXAMPLE.test", "TXT", "+noedns"]),
        ([f'"{"x" * 255}" "{"x" * 45}"'], ["long.example.test", "TXT"]),
        ([f'"value {number:03}"' for number in range(200)], ["big.example.test", "TXT"]),
    ],
)
async def test_dig_reads_the_answer(dig, lines, arguments):
    output = await dig("+short", *arguments)
    assert lines == [line for line in output.splitlines() if not line.startswith(";;")]


@pytest.mark.parametrize(
    ("status", "flags", "counts", "arguments"),
    [
        ("NOERROR", "qr aa rd ra", (1, 0), ["example.test", "SOA"]),
        ("NOERROR", "qr aa rd ra", (0, 1), ["www.example.test", "SOA"]),
        ("NOERROR", "qr aa rd ra", (0, 1), ["www.example.test", "CAA"]),
        ("NOERROR", "qr aa ra", (1, 0), ["www.example.test", "A", "+norecurse"]),
        ("NOERROR", "qr aa tc rd ra", (0, 0), ["big.example.test", "TXT", "+ignore"]),
        ("NOERROR", "qr aa rd ra", (3, 0), ["_acme-challenge.alias.test", "TXT"]),
        ("SERVFAIL", "qr rd ra", (1, 0), ["loop.test", "A"]),
        ("REFUSED", "qr rd ra", (0, 0), ["version.bind", "TXT", "CH"]),
        ("BADVERS", "qr rd ra", (0, 0), ["example.test", "SOA", "+edns=1", "+noednsnegotiation"]),
        ("NOTIMP", "qr rd", (0, 0), ["example.test", "SOA", "+opcode=NOTIFY"]),
        ("FORMERR", "qr rd", (0, 0), ["+header-only"]),
    ],
)
async def test_dig_reads_the_header(dig, status, flags, counts, arguments):
    output = await dig(*arguments)
    assert status == re.search(r"status: (\w+)", output)[1]
    assert flags == re.search(r"flags: ([\w ]+);", output)[1]
    assert counts == tuple(map(int, re.search(r"ANSWER: (\d+), AUTHORITY: (\d+)", output).groups()))


async def test_the_spelling_of_the_question_is_kept(dig):
    output = await dig("wWw.eXample.test", "A", "+noall", "+answer")
    assert output.split()[0] == "wWw.eXample.test."


async def test_each_apex_speaks_for_itself(dig):
    output = await dig("_acme-challenge.www.sub.example.test", "SOA", "+noall", "+authority")
    assert re.match(r"sub\.example\.test\.\s+1\s+IN\s+SOA\s+ns\.sub\.example\.test\.", output)


async def test_dig_asks_again_over_tcp_when_told_that_the_answer_was_cut(dig):
    assert "retrying in TCP mode" in await dig("big.example.test", "TXT")
