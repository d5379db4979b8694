"""What a page is told of a world that changes."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from dnslib import DNSRecord

from acme_server.protocol.journal import Fact
from gravel.page.changes import MANY, Changes
from tests.gravel.acme_on_wire import WireClient

RULE = {"id": "slow", "match": {"endpoint": "directory"}, "action": {"kind": "rateLimited", "retry_after": 2}}


async def world_of(management, **more):
    await management.ask("/worlds", id="w", **more)
    return management.running.worlds.get("w")


async def ask_dns(management, hosted):
    host, port = hosted.view.address.rsplit(":", 1)
    await asyncio.to_thread(DNSRecord.question("a.test", "A").send, host, int(port), timeout=10)


CAUSES = {
    "clock": lambda management, hosted: management.ask("/worlds/w/clock", advance=60),
    "faults": lambda management, hosted: management.ask("/worlds/w/faults", **RULE),
    "names": lambda management, hosted: management.ask("/worlds/w/set-txt", host="a.test", value="x"),
    "queries": ask_dns,
}


@pytest.mark.parametrize("part", CAUSES)
async def test_what_the_journal_does_not_tell_of_is_told_by_part(manage, part):
    management = await manage()
    hosted = await world_of(management)
    changes = Changes(hosted)
    assert changes.next() is None
    await CAUSES[part](management, hosted)
    told = changes.next()
    assert (told["parts"], told["facts"], told["anew"]) == ([part], [], False)
    assert changes.next() is None


async def test_a_visit_of_the_responder_is_told(manage):
    management = await manage(http01_listen="127.0.0.1:0")
    changes = Changes(management.running.default)
    async with management.session.get(f"http://{management.running.addresses.http01}/nothing") as answer:
        assert answer.status == 404
    assert changes.next()["parts"] == ["visits"]


async def test_new_facts_are_told_once_each(manage):
    management = await manage()
    hosted = await world_of(management)
    changes = Changes(hosted)
    client = WireClient(management, "w")
    await client.register()
    await client.order("a.test")
    told = changes.next()
    assert [fact["kind"] for fact in told["facts"]] == ["AccountCreated", "OrderCreated"]
    assert (told["seq"], told["anew"]) == (2, False)
    assert changes.next() is None


async def test_of_too_many_facts_at_once_only_that_there_are_is_told(manage):
    management = await manage()
    hosted = await world_of(management)
    changes = Changes(hosted)
    facts = [Fact("OrderCreated", {"order": str(number)}) for number in range(MANY + 1)]
    hosted.world.journal.append("acme_server", facts, datetime(2026, 1, 1, tzinfo=UTC))
    told = changes.next()
    assert (told["anew"], told["facts"], told["seq"]) == (True, [], MANY + 1)


async def test_a_world_that_is_reset_is_to_be_read_anew(manage):
    management = await manage()
    hosted = await world_of(management)
    await WireClient(management, "w").register()
    changes = Changes(hosted)
    await management.ask("/worlds/w/reset")
    assert changes.next()["anew"]
    assert changes.next() is None
