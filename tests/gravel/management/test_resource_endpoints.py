"""What the management API shows of ACME resources, and its journal while it is being written."""

from __future__ import annotations

import asyncio
import json

from tests.gravel.acme_on_wire import WireClient

START = "2026-01-01T00:00:00Z"


async def shown(management, path):
    status, text = await management.get(path)
    assert status == 200, text
    return json.loads(text)


async def test_an_order_is_shown_with_its_authorizations_and_a_certificate_with_its_chain(manage):
    management = await manage()
    await management.ask("/worlds", id="w", seed=7, start=START, frozen=True)
    client = WireClient(management, "w")
    chain = await client.issue("a.test", "*.b.test")
    (order,) = (await shown(management, "/worlds/w/orders"))["orders"]
    (certificate,) = (await shown(management, "/worlds/w/certificates"))["certificates"]
    assert (order["status"], order["identifiers"], order["error"]) == ("valid", ["a.test", "*.b.test"], None)
    assert (order["created"], order["expires"]) == (START, "2026-01-08T00:00:00Z")
    assert [(each["identifier"], each["status"]) for each in order["authorizations"]] == [
        ("a.test", "valid"),
        ("*.b.test", "valid"),
    ]
    kinds = [{each["type"]: each["status"] for each in item["challenges"]} for item in order["authorizations"]]
    assert [item["dns-01"] for item in kinds] == ["valid", "valid"]
    assert (certificate["id"], certificate["order"]) == (order["certificate"], order["id"])
    assert (certificate["chain"].encode(), certificate["revoked"], certificate["reason"]) == (chain, None, None)
    assert json.loads((await client.post(order["url"]))[2])["status"] == "valid"
    assert (await client.post(certificate["url"]))[2] == chain


async def test_the_default_world_has_its_own(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    await WireClient(management, "w").issue("a.test")
    for path, member in (("/orders", "orders"), ("/certificates", "certificates")):
        assert await shown(management, path) == {member: []}


async def test_who_waits_for_the_journal_is_answered_with_the_first_entry_to_come(manage):
    management = await manage()
    waiting = asyncio.create_task(management.get("/journal?since=0&wait=60"))
    other = asyncio.create_task(management.get("/journal?since=1&wait=60"))
    await management.get("/healthz")
    assert not waiting.done()
    client = WireClient(management)
    await client.register()
    assert [json.loads(line)["kind"] for line in (await waiting)[1].splitlines()] == ["AccountCreated"]
    assert not other.done()
    await client.order("a.test")
    assert json.loads((await other)[1].splitlines()[0])["seq"] == 2
    assert management.running.parts.world.journal._listeners == []


async def test_who_waits_in_vain_is_answered_with_nothing(manage):
    assert await (await manage()).get("/journal?wait=0.01") == (200, "")


async def test_who_need_not_wait_does_not(manage):
    management = await manage()
    await WireClient(management).register()
    assert (await management.get("/journal?wait=60"))[1].count("\n") == 1
