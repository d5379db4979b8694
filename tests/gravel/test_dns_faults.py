"""Faults of the DNS over the management API, with real packets: in every world, on every nameserver."""

from __future__ import annotations

import json

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import pytest

from acme_server.faults.actions import ACTIONS
from gravel.dns_faults import _EFFECTS

NAME = "www.example.test"
START = "2026-01-01T00:00:00Z"
SERVFAIL = {"match": {"endpoint": "dns", "identifier": "*.example.test"}, "action": "servfail", "when": {"count": 2}}


async def ask(address, name=NAME, rtype="A", *, patience=20, over=dns.asyncquery.udp):
    """Return the rcode, and the values of the answer."""
    host, port = address.rsplit(":", 1)
    reply = await over(dns.message.make_query(name, rtype), host, timeout=patience, port=int(port))
    values = [record.to_text().strip('"') for rrset in reply.answer for record in rrset]
    return dns.rcode.to_text(reply.rcode()), values


async def facts(management, prefix="", kind="FaultInjected"):
    lines = (await management.get(f"{prefix}/journal"))[1].splitlines()
    return [entry for entry in map(json.loads, lines) if entry["kind"] == kind]


def test_every_action_about_queries_is_performed():
    kinds = {action for action in ACTIONS.values() if action.at_dns}
    assert kinds == {*_EFFECTS, ACTIONS["propagation"]}


@pytest.mark.parametrize("prefix", ["", "/worlds/1"])
async def test_a_rule_is_armed_fires_counts_and_is_in_the_journal(manage, prefix):
    management = await manage()
    world = await management.ask("/worlds")
    default = management.running.addresses.dns
    address, other = (world["dns"], default) if prefix else (default, world["dns"])
    assert (await management.post(f"{prefix}/faults", SERVFAIL))[0] == 201
    found = [(await ask(address))[0] for _ in range(3)]
    assert found == ["SERVFAIL", "SERVFAIL", "NOERROR"]
    assert (await ask(other))[0] == "NOERROR"
    assert (await ask(address, "www.other.test"))[0] == "NOERROR"
    (rule,) = json.loads((await management.get(f"{prefix}/faults"))[1])["faults"]
    assert (rule["seen"], rule["hits"]) == (3, 2)
    first, second = await facts(management, prefix)
    assert first["subject"] == {"name": NAME, "type": "A", "server": address}
    assert second["data"]["action"] == {"kind": "rcode"}
    assert (await management.delete(f"{prefix}/faults"))[0] == 204


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("nxdomain", ("NXDOMAIN", [])),
        ("refused", ("REFUSED", [])),
        ("formerr", ("FORMERR", [])),
        ({"kind": "rcode", "rcode": "NOTAUTH"}, ("NOTAUTH", [])),
        ("no-data", ("NOERROR", [])),
        ("cname-loop", ("NOERROR", [f"{NAME}."])),
        ({"kind": "ttl", "seconds": 86400}, ("NOERROR", ["127.0.0.1"])),
        ("shuffle", ("NOERROR", ["127.0.0.1"])),
        ("truncated", ("NOERROR", [])),
        ({"kind": "latency", "seconds": 0.01, "until": 0.02}, ("NOERROR", ["127.0.0.1"])),
        ({"kind": "lognormal-latency", "median": 0.001}, ("NOERROR", ["127.0.0.1"])),
        ({"kind": "propagation", "seconds": 1, "until": 2}, ("NOERROR", ["127.0.0.1"])),
    ],
    ids=str,
)
async def test_what_is_armed_is_what_happens(manage, action, expected):
    management = await manage()
    await management.ask("/faults", match={"endpoint": "dns"}, action=action)
    assert expected == await ask(management.running.addresses.dns)
    assert len(await facts(management)) == 1


async def test_no_answer_is_silence_for_the_types_that_are_named(manage):
    management = await manage()
    await management.ask("/faults", match={"endpoint": "dns", "type": "TXT"}, action="no-answer")
    with pytest.raises(dns.exception.Timeout):
        await ask(management.running.addresses.dns, rtype="TXT", patience=0.2)
    assert (await ask(management.running.addresses.dns))[0] == "NOERROR"


async def test_rules_of_different_planes_add_up(manage):
    management = await manage()
    await management.ask("/faults", action="servfail")
    await management.ask("/faults", match={"endpoint": "dns"}, action={"kind": "latency", "seconds": 0.01})
    assert (await ask(management.running.addresses.dns))[0] == "SERVFAIL"
    assert [fact["data"]["rule"] for fact in await facts(management)] == ["rule-1", "rule-2"]


async def test_a_change_is_seen_when_the_clock_of_its_world_says_so(manage):
    management = await manage()
    world = await management.ask("/worlds", id="w", start=START, frozen=True)
    await management.ask("/worlds/w/faults", action={"kind": "propagation", "seconds": 60})
    await management.ask("/worlds/w/set-txt", host=NAME, value="new")
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", [])
    await management.ask("/worlds/w/clock", advance=59)
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", [])
    await management.ask("/worlds/w/clock", advance=1)
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", ["new"])


async def test_a_reset_takes_rules_and_what_is_late_away_and_a_restore_brings_them_back(manage):
    management = await manage()
    world = await management.ask("/worlds", id="w", start=START, frozen=True)
    await management.ask("/worlds/w/set-txt", host=NAME, value="old")
    await management.ask("/worlds/w/clock", advance=60)
    await management.ask("/worlds/w/faults", action={"kind": "propagation", "seconds": 60})
    await management.ask("/worlds/w/set-txt", host=NAME, value="new")
    await management.ask("/worlds/w/snapshot")
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", ["old"])
    await management.ask("/worlds/w/reset")
    await management.ask("/worlds/w/set-txt", host=NAME, value="other")
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", ["other"])
    await management.ask("/worlds/w/restore", snapshot="1")
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", ["old"])
    await management.ask("/worlds/w/clock", advance=60)
    assert await ask(world["dns"], rtype="TXT") == ("NOERROR", ["old", "new"])


async def test_a_seed_repeats_which_queries_fail(manage):
    management = await manage()

    async def run(seed):
        world = await management.ask("/worlds", id="w", seed=seed, start=START, frozen=True)
        await management.ask("/worlds/w/faults", action="servfail", when={"probability": 0.5})
        rcodes = [(await ask(world["dns"], f"{number}.test"))[0] for number in range(30)]
        await management.delete("/worlds/w")
        return rcodes

    one, again, other = await run(1), await run(1), await run(2)
    assert one == again != other
    assert set(one) == {"NOERROR", "SERVFAIL"}


TWO = ["127.0.0.1", "127.0.0.2"]


async def nameservers_of(management, kind):
    """Return the prefix of a world with two nameservers, and where they are."""
    if kind == "default":
        return "", json.loads((await management.get("/worlds/default"))[1])["nameservers"]
    world = await management.ask("/worlds", id="w", settings={"nameservers": TWO})
    return "/worlds/w", world["nameservers"]


@pytest.mark.parametrize("kind", ["default", "other"])
async def test_several_nameservers_show_one_zone_and_each_can_fail_alone(manage, kind):
    management = await manage(nameserver=tuple(TWO))
    prefix, servers = await nameservers_of(management, kind)
    port = servers[0].rpartition(":")[2]
    assert servers == [f"127.0.0.1:{port}", f"127.0.0.2:{port}"]
    for server in servers:
        assert await ask(server, "example.test", "NS") == ("NOERROR", ["ns1.example.test.", "ns2.example.test."])
        assert await ask(server, "ns2.example.test") == ("NOERROR", ["127.0.0.2"])
    for glob in ("127.0.0.2", "127.0.0.2:*", "ns2", "ns2.example.*"):
        rule = await management.ask(f"{prefix}/faults", match={"endpoint": "dns", "server": glob}, action="servfail")
        assert [(await ask(server))[0] for server in servers] == ["NOERROR", "SERVFAIL"]
        assert (await management.delete(f"{prefix}/faults/{rule['faults'][0]['id']}"))[0] == 204
    await management.ask(f"{prefix}/faults", match={"server": "ns2"}, action={"kind": "propagation", "seconds": 3600})
    await management.ask(f"{prefix}/set-txt", host=NAME, value="new")
    assert [(await ask(server, rtype="TXT"))[1] for server in servers] == [["new"], []]


@pytest.mark.parametrize(
    ("nameservers", "sentence"),
    [
        ([], "'nameservers' is wanted: a non-empty list of strings, none of them empty"),
        (["ns1"], "'ns1' does not appear to be an IPv4 or IPv6 address"),
        (["192.0.2.1"], "'nameservers' are loopback addresses, such as 127.0.0.1 and 127.0.0.2"),
    ],
)
async def test_a_nameserver_is_on_loopback(manage, nameservers, sentence):
    status, text = await (await manage()).post("/worlds", {"settings": {"nameservers": nameservers}})
    assert (status, json.loads(text)["error"]) == (400, sentence)
