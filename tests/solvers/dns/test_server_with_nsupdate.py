"""The zone as BIND's `nsupdate` writes it, and as Knot's `kdig` and `dig` read it with a signature."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from solvers.dns.keys import read_key
from solvers.dns.server import serve_dns
from solvers.dns.tsig import Keyring
from solvers.dns.writers import Writers
from solvers.dns.zone import Zone

pytestmark = pytest.mark.client("nsupdate")

SECRET, OTHER = "c2VjcmV0IHNlY3JldCBzZWNyZXQ=", "b3RoZXI="
KEYS = {name: f"{name}:{name}-key:{SECRET}" for name in ("hmac-md5", "hmac-sha1", "hmac-sha256", "hmac-sha512")}
KEY = KEYS["hmac-sha256"]


@pytest.fixture
def zone():
    zone = Zone()
    zone.add_txt("text.example.test", "one")
    zone.add_txt("text.example.test", "two")
    zone.set_addresses("host.example.test", ["192.0.2.1", "2001:db8::1"])
    return zone


@pytest.fixture
def skew():
    """How far the server's clock is ahead, in a list, for a test to change."""
    return [timedelta()]


@pytest.fixture
async def server(zone, skew):
    keyring = Keyring([read_key(key) for key in KEYS.values()], lambda: datetime.now(UTC) + skew[0])
    running = await serve_dns(zone, "127.0.0.1", 0, Writers(keyring))
    yield running
    await running.close()


async def run(*command, text=""):
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    output, _ = await process.communicate(text.encode())
    return process.returncode, output.decode()


@pytest.fixture
def nsupdate(server):
    """Run nsupdate with lines of its own language; it finds the zone by itself unless told."""

    async def update(*lines, key=KEY, options=()):
        host, port = server.address.split(":")
        text = "".join(f"{line}\n" for line in (f"server {host} {port}", *lines, "send"))
        return await run("nsupdate", *options, *(["-y", key] if key else []), text=text)

    return update


def held(zone, name):
    return {rtype: list(values) for rtype, values in zone.own(f"{name}.example.test").items()}


CHANGES = [
    ("text", ["update add text.example.test 60 TXT three"], {"TXT": ["one", "two", "three"]}),
    ("new", ['update add new.example.test 60 IN TXT "a b"'], {"TXT": ["a b"]}),
    ("new", ["update add new.example.test 60 A 192.0.2.9"], {"A": ["192.0.2.9"]}),
    ("new", ["update add new.example.test 60 AAAA 2001:db8::9"], {"AAAA": ["2001:db8::9"]}),
    ("new", ["update add new.example.test 60 CNAME host.example.test."], {"CNAME": ["host.example.test."]}),
    ("text", ["update delete text.example.test TXT one"], {"TXT": ["two"]}),
    ("text", ["update delete text.example.test TXT"], {}),
    ("host", ["update delete host.example.test A"], {"AAAA": ["2001:db8::1"]}),
    ("host", ["update delete host.example.test"], {}),
    (
        "text",
        [
            "prereq yxdomain text.example.test",
            "update delete text.example.test",
            "update add text.example.test 9 TXT v",
        ],
        {"TXT": ["v"]},
    ),
]


@pytest.mark.parametrize("options", [(), ("-v",)], ids=["udp", "tcp"])
@pytest.mark.parametrize(("name", "lines", "after"), CHANGES, ids=[case[1][-1] for case in CHANGES])
async def test_nsupdate_changes_the_zone_that_it_finds(nsupdate, zone, options, name, lines, after):
    assert await nsupdate(*lines, options=options) == (0, "")
    assert held(zone, name) == after
    assert {asked.transport for asked in zone.history} == {"tcp" if options else "udp"}


@pytest.mark.parametrize(
    ("prerequisite", "rcode"),
    [
        ("nxdomain new.example.test", None),
        ("nxdomain text.example.test", "YXDOMAIN"),
        ("yxdomain new.example.test", "NXDOMAIN"),
        ("nxrrset text.example.test A", None),
        ("nxrrset text.example.test TXT", "YXRRSET"),
        ("yxrrset text.example.test A", "NXRRSET"),
        ("yxrrset host.example.test A 192.0.2.1", None),
        ("yxrrset host.example.test A 192.0.2.2", "NXRRSET"),
    ],
)
async def test_nsupdate_is_told_which_prerequisite_is_not_met(nsupdate, zone, prerequisite, rcode):
    done = await nsupdate(f"prereq {prerequisite}", "update add new.example.test 60 TXT v")
    assert done == ((2, f"update failed: {rcode}\n") if rcode else (0, ""))
    assert ("TXT" in held(zone, "new")) == (rcode is None)


@pytest.mark.parametrize(
    ("apex", "name", "rcode"),
    [("example.test", "www.example.org", "NOTZONE"), ("sub.example.test", "a.sub.example.test", "NOTAUTH")],
)
async def test_nsupdate_is_told_that_a_zone_is_not_the_right_one(nsupdate, apex, name, rcode):
    assert await nsupdate(f"zone {apex}", f"update add {name} 60 TXT v") == (2, f"update failed: {rcode}\n")


async def test_nsupdate_is_told_what_cannot_be_kept(nsupdate):
    assert await nsupdate("update add a.example.test 60 HINFO a b") == (2, "update failed: REFUSED\n")


RECORDS = {
    "CAA": '128 issue "ca.test; x=y"',
    "MX": "10 mail.example.test.",
    "NS": "ns.other.test.",
    "PTR": "www.example.test.",
    "SRV": "0 5 443 www.example.test.",
}


@pytest.mark.parametrize("rtype", RECORDS)
async def test_nsupdate_adds_and_deletes_what_the_zone_can_hold(nsupdate, zone, rtype):
    value = RECORDS[rtype]
    assert await nsupdate(f"update add a.example.test 60 {rtype} {value}") == (0, "")
    assert zone.stored("a.example.test") == {rtype: (value,)}
    assert await nsupdate("zone example.test", f"update delete a.example.test {rtype} {value}") == (0, "")
    assert zone.stored("a.example.test") == {}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
async def test_each_algorithm_signs_an_update(nsupdate, zone, key):
    assert await nsupdate("update add a.example.test 60 TXT v", key=key) == (0, "")
    assert held(zone, "a") == {"TXT": ["v"]}


@pytest.mark.parametrize(
    ("key", "seconds", "reason"),
    [
        (None, 0, "REFUSED"),
        (f"hmac-sha256:hmac-sha256-key:{OTHER}", 0, "NOTAUTH(BADSIG)"),
        (f"hmac-sha256:stranger:{SECRET}", 0, "NOTAUTH(BADKEY)"),
        (f"hmac-sha512:hmac-sha256-key:{SECRET}", 0, "NOTAUTH(BADKEY)"),
        (KEY, 400, "NOTAUTH(BADTIME)"),
        (KEY, -400, "NOTAUTH(BADTIME)"),
    ],
    ids=["unsigned", "wrong secret", "unknown key", "wrong algorithm", "late", "early"],
)
async def test_whoever_may_not_write_is_told_why(nsupdate, zone, skew, key, seconds, reason):
    skew[0] = timedelta(seconds=seconds)
    code, output = await nsupdate("zone example.test", "update add a.example.test 60 TXT v", key=key)
    assert (code, output.splitlines()[-1]) == (2, f"update failed: {reason}")
    assert held(zone, "a") == {}


@pytest.mark.parametrize(
    ("program", "status"),
    [
        pytest.param("kdig", "BADSIG", marks=pytest.mark.client("kdig")),
        pytest.param("dig", "NOTAUTH", marks=pytest.mark.client("dig")),
    ],
)
async def test_a_question_may_be_signed_too(server, program, status):
    host, port = server.address.split(":")
    question = ("text.example.test", "TXT", f"@{host}", "-p", port)
    code, output = await run(program, *question, "-y", KEY)
    assert (code, re.search(r"status: (\w+)", output)[1]) == (0, "NOERROR")
    assert not re.search("warning|verif", output, re.IGNORECASE), output
    assert re.search(r'"one"\n.*"two"\n', output)
    _, output = await run(program, *question, "-y", KEY.replace(SECRET, OTHER))
    assert re.search(r"status: (\w+)", output)[1] == status
