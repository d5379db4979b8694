"""DNS over the management API: records of every type, failures by name, zones, forwarding, and what was asked."""

from __future__ import annotations

import json

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from acme_server.protocol.times import parse_rfc3339
from acme_server.protocol.vantage import Resolve
from gravel import cli
from gravel.management.dns_endpoints import RECORDS
from solvers.dns.answer import answer_question
from solvers.dns.record_types import SPELL

NAME = "www.example.test"
ANY_PORT = ("--acme-port", "0", "--management-port", "0", "--dns-port", "0")
BODIES = {
    "CAA": ({"policies": [{"tag": "issue", "value": "ca.test"}]}, '0 issue "ca.test"'),
    "MX": ({"exchanges": [{"preference": 10, "exchange": "mail.example.test"}]}, "10 mail.example.test."),
    "NS": ({"nameservers": ["ns.other.test"]}, "ns.other.test."),
    "PTR": ({"targets": ["www.other.test"]}, "www.other.test."),
    "SRV": ({"services": [{"priority": 0, "weight": 5, "port": 443, "target": "a.test"}]}, "0 5 443 a.test."),
}
MORE = {
    "CAA": ({"policies": [{"tag": "issuewild", "value": "", "flags": 128}]}, '128 issuewild ""'),
    "MX": ({"exchanges": [{"preference": 0, "exchange": "."}]}, "0 ."),
    "NS": ({"nameservers": ["ns.third.test"]}, "ns.third.test."),
    "PTR": ({"targets": ["www.third.test"]}, "www.third.test."),
    "SRV": ({"services": [{"priority": 1, "weight": 0, "port": 80, "target": "b.test"}]}, "1 0 80 b.test."),
}


def values(management, rtype):
    return answer_question(management.running.parts.zone, Resolve(NAME, rtype)).values(rtype)


async def ask(address, name=NAME, rtype="A", over=dns.asyncquery.udp):
    """Return the rcode, and the values of the answer."""
    host, port = address.rsplit(":", 1)
    reply = await over(dns.message.make_query(name, rtype), host, timeout=20, port=int(port))
    return dns.rcode.to_text(reply.rcode()), [record.to_text() for rrset in reply.answer for record in rrset]


def test_every_type_that_the_zone_can_hold_has_its_paths():
    assert RECORDS.keys() == SPELL.keys() == BODIES.keys() == MORE.keys()


@pytest.mark.parametrize("rtype", BODIES)
async def test_records_are_added_set_and_cleared(manage, rtype):
    management = await manage()
    path, (one, shown), (two, also) = rtype.lower(), BODIES[rtype], MORE[rtype]
    assert await management.post(f"/add-{path}", {"host": NAME, **one}) == (200, "")
    assert await management.post(f"/add-{path}", {"host": NAME, **two}) == (200, "")
    assert values(management, rtype) == (shown, also)
    assert await management.post(f"/set-{path}", {"host": NAME, **two}) == (200, "")
    assert values(management, rtype) == (also,)
    assert await management.post(f"/clear-{path}", {"host": NAME}) == (200, "")
    assert values(management, rtype) == ()


@pytest.mark.parametrize(
    ("path", "members", "sentence"),
    [
        ("/add-caa", {}, "'policies' is wanted: a non-empty list of objects"),
        ("/add-caa", {"policies": [1]}, "'policies' is wanted: a non-empty list of objects"),
        ("/add-caa", {"policies": [{"value": "x"}]}, "'tag' is wanted: a non-empty string"),
        (
            "/add-caa",
            {"policies": [{"tag": "issue", "value": "x", "flags": 256}]},
            "'flags' is wanted: a whole number from 0 to 255",
        ),
        ("/add-caa", {"policies": [{"tag": "a-b", "value": "x"}]}, "'0 a-b \"x\"' is no CAA record: "),
        ("/set-mx", {"exchanges": [{"exchange": "a.test"}]}, "'preference' is wanted: a whole number from 0 to 65535"),
        ("/set-mx", {"exchanges": [{"preference": 1, "exchange": "a b"}]}, "'1 a b' is no such record; one is 10 mail"),
        ("/set-ns", {"nameservers": ["a..b"]}, "'a..b' is not a domain name"),
        ("/set-ns", {"nameservers": "a.b"}, "'nameservers' is wanted: a non-empty list of strings"),
        ("/set-servfail", {"host": "a b"}, "'a b' is not a domain name"),
        ("/clear-request-history", {"type": "tcp"}, "'type' 'tcp' has no history here; 'http', 'dns', 'tlsalpn' have"),
    ],
)
async def test_a_bad_body_is_answered_with_a_sentence(manage, path, members, sentence):
    status, text = await (await manage()).post(path, {"host": NAME, **members})
    assert status == 400
    assert json.loads(text)["error"].startswith(sentence)


@pytest.mark.parametrize("name", [NAME, "*.example.test"])
async def test_a_name_fails_until_it_is_cleared(manage, name):
    management = await manage()
    dns_address = management.running.addresses.dns
    for _ in range(2):
        assert await management.post("/set-servfail", {"host": name.upper()}) == (200, "")
    assert (await ask(dns_address, name, "TXT"))[0] == "SERVFAIL"
    assert (await ask(dns_address, "a.example.test"))[0] == "NOERROR"
    (rule,) = json.loads((await management.get("/faults"))[1])["faults"]
    assert rule["hits"] == 1
    for _ in range(2):
        assert await management.post("/clear-servfail", {"host": name}) == (200, "")
    assert (await ask(dns_address, name))[0] == "NOERROR"


async def queries(management, query=""):
    status, text = await management.get(f"/dns-queries{query}")
    assert status == 200, text
    return json.loads(text)["queries"]


async def test_what_was_asked_is_listed_with_where_when_and_how(manage):
    management = await manage()
    dns_address = management.running.addresses.dns
    await ask(dns_address)
    await ask(dns_address, "a.other.test", "TXT", dns.asyncquery.tcp)
    await management.post("/set-servfail", {"host": NAME})
    await ask(dns_address)
    one, two, three = await queries(management)
    assert {**two, "at": None} == {
        "number": 2,
        "name": "a.other.test",
        "rtype": "TXT",
        "rcode": "NOERROR",
        "opcode": "QUERY",
        "transport": "tcp",
        "client": "127.0.0.1",
        "server": dns_address,
        "at": None,
    }
    assert parse_rfc3339(one["at"]) <= parse_rfc3339(two["at"]) <= management.running.default.driver.now()
    assert (one["transport"], three["rcode"]) == ("udp", "SERVFAIL")
    for query, expected in (
        ("?name=*.other.test", [two]),
        ("?name=WWW.example.test.", [one, three]),
        ("?type=txt", [two]),
        ("?since=1", [two, three]),
        ("?since=1&type=A&name=www.*", [three]),
        ("?since=9", []),
    ):
        assert await queries(management, query) == expected


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?since=x", "since='x' is not the number of a query"),
        ("?host=a", "'host' is not known here; known are name, type, since"),
    ],
)
async def test_a_filter_that_is_none_is_refused(manage, query, sentence):
    status, text = await (await manage()).get(f"/dns-queries{query}")
    assert (status, json.loads(text)["error"]) == (400, sentence)


async def test_the_history_is_read_and_cleared_as_with_challtestsrv(manage):
    management = await manage()
    for name in (NAME, "a.test", NAME):
        await ask(management.running.addresses.dns, name, "TYPE65280")
    events = json.loads((await management.post("/dns-request-history", {"host": NAME}))[1])
    assert [event["Question"] for event in events] == [{"Name": f"{NAME}.", "Qtype": 65280, "Qclass": 1}] * 2
    assert await management.post("/clear-request-history", {"host": NAME, "type": "dns"}) == (200, "")
    assert await management.post("/dns-request-history", {"host": NAME}) == (200, "[]")
    assert [each["name"] for each in await queries(management)] == ["a.test"]


async def test_names_in_no_zone_are_asked_elsewhere(manage):
    upstream = await manage()
    await upstream.ask("/set-txt", host="a.elsewhere.test", value="there")
    there = upstream.running.addresses.dns
    management = await manage(zone=("example.test",), forward=there)
    world = await management.ask("/worlds", settings={"zones": ["example.test"], "forward": there})
    for address in (management.running.addresses.dns, world["dns"]):
        assert await ask(address, "a.elsewhere.test", "TXT") == ("NOERROR", ['"there"'])
        assert await ask(address, "a.example.test") == ("NOERROR", ["127.0.0.1"])
        assert (await ask(address, "elsewhere.test", "SOA"))[1][0].startswith("ns.elsewhere.test. ")
    assert [asked["name"] for asked in await queries(management)] == [
        "a.elsewhere.test",
        "a.example.test",
        "elsewhere.test",
    ]


async def test_a_zone_of_several_labels_is_where_a_walk_ends(manage):
    management = await manage(zone=("a.b.example.test",))
    dns_address = management.running.addresses.dns
    assert (await ask(dns_address, "a.b.example.test", "SOA"))[1][0].startswith("ns.a.b.example.test. ")
    assert await ask(dns_address, "x.a.b.example.test", "SOA") == ("NOERROR", [])
    assert (await ask(dns_address, "other.test", "SOA"))[1][0].startswith("ns.other.test. ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--zone", "a..b"], "'a..b' is no name of a zone, or too long for one."),
        (["--forward", "127.0.0.1"], "'127.0.0.1' is not HOST:PORT."),
        (["--forward", "127.0.0.1:53"], "--forward needs --zone: names of no zone are forwarded, and there is none."),
        (["--nameserver", "ns1"], "'ns1' is not an IP address."),
    ],
)
def test_options_of_a_dns_that_cannot_be_are_refused(arguments, sentence, capsys):
    assert cli.run(["serve", *ANY_PORT, *arguments]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"zones": ["a..b"]}, "'a..b' is not a domain name"),
        ({"forward": "127.0.0.1:53"}, "'forward' needs 'zones': names of no zone are forwarded, and there is none"),
        ({"zones": ["a.test"], "forward": "nowhere"}, "'forward' is wanted: HOST:PORT"),
    ],
)
async def test_settings_of_a_dns_that_cannot_be_are_refused(manage, settings, sentence):
    status, text = await (await manage()).post("/worlds", {"settings": settings})
    assert (status, json.loads(text)["error"]) == (400, sentence)
