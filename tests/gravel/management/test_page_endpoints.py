"""The page's files and what it is told, over the management API of a running house."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from acme_server.protocol.encoding import b64url
from gravel.management.page_endpoints import FILES
from tests.gravel.acme_on_wire import WireClient

START = "2026-01-01T00:00:00Z"
HTML = {"Accept": "text/html,application/xhtml+xml"}
LISTS = ("orders", "certificates", "accounts", "queries", "names", "visits", "facts")


async def told(management, path):
    status, text = await management.get(path)
    assert status == 200, text
    return json.loads(text)


async def next_event(answer):
    """Return the next object of a stream of server-sent events."""
    while True:
        line = await asyncio.wait_for(answer.content.readline(), 30)
        assert line, "the stream has ended"
        if line.startswith(b"data: "):
            return json.loads(line[6:])


async def test_a_browser_is_shown_the_page_and_nobody_else(manage):
    management = await manage()
    status, text = await management.get("/", **HTML)
    assert (status, text) == (200, (FILES / "index.html").read_text())
    assert await management.get("/") == (404, '{"error": "there is nothing at /"}')


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
async def test_every_file_is_served_and_asks_for_nothing_from_elsewhere(manage, path):
    management = await manage()
    async with management.session.get(f"{management.running.addresses.management}/page/files/{path.name}") as answer:
        assert (answer.status, await answer.text()) == (200, path.read_text())
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", path.read_text()) == []
    assert re.findall(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", path.read_text()) == []


@pytest.mark.parametrize("name", ["none.js", "..%2Fviews.py", "%2Fetc%2Fpasswd", ".."])
async def test_no_other_file_is_served(manage, name):
    management = await manage()
    assert (await management.get(f"/page/files/{name}"))[0] == 404


async def test_without_a_page_nothing_of_it_is_there(manage):
    management = await manage(no_page=True)
    for path in ("/", "/page/files/page.js", "/page/orders", "/page/changes"):
        assert (await management.get(path, **HTML))[0] == 404
    assert (await management.get("/orders"))[0] == 200


async def test_with_a_token_the_files_are_open_and_what_they_show_is_not(manage):
    management = await manage(management_token="s3cret")
    assert (await management.get("/", **HTML))[0] == 200
    assert (await management.get("/page/files/page.js"))[0] == 200
    for path in ("/page/summary", "/page/orders", "/page/changes"):
        assert (await management.get(path))[0] == 401
    assert (await management.get("/page/summary", Authorization="Bearer s3cret"))[0] == 200


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_of_a_new_world_is_empty_and_refuses_what_is_no_window(manage, name):
    management = await manage()
    await management.ask("/worlds", id="w")
    listed = await told(management, f"/worlds/w/page/{name}")
    assert (listed["total"], listed["matching"], listed["rows"]) == (0, 0, [])
    assert await management.get(f"/worlds/w/page/{name}?first=x") == (
        400,
        '{"error": "first=\'x\' is not a number from 0 to 1000000000"}',
    )


async def test_an_order_is_listed_with_its_steps_and_shown_with_all_that_happened(manage):
    management = await manage()
    await management.ask("/worlds", id="w", seed=7, start=START, frozen=True)
    client = WireClient(management, "w")
    await client.issue("a.test", "*.b.test")
    await client.order("c.test", "d.test", "e.test", "f.test", "g.test")
    waiting, issued = (await told(management, "/worlds/w/page/orders"))["rows"]
    assert (waiting["names"], waiting["further"]) == (["c.test", "d.test", "e.test"], 2)
    assert (waiting["status"], waiting["steps"]) == ("pending", ["pending"] * 5)
    assert (issued["names"], issued["status"], issued["steps"]) == (["a.test", "*.b.test"], "valid", ["valid"] * 2)
    found = (await told(management, "/worlds/w/page/orders?text=B.TEST&status=valid"))["rows"]
    assert [row["id"] for row in found] == [issued["id"]]
    order = await told(management, f"/worlds/w/page/orders/{issued['id']}")
    kinds = [fact["kind"] for fact in order["facts"]]
    assert (kinds[0], kinds[-1]) == ("OrderCreated", "CertificateIssued")
    assert (kinds.count("ChallengeValidated"), kinds.count("AuthorizationValidated")) == (2, 2)
    assert order["about"][0] == issued["id"]
    certificate = await told(management, f"/worlds/w/page/certificates/{order['certificate']}")
    assert (certificate["order"], certificate["status"]) == (issued["id"], "valid")
    for kind in ("orders", "certificates"):
        assert (await management.get(f"/worlds/w/page/{kind}/none"))[0] == 404


async def test_a_status_is_that_of_the_worlds_time(manage):
    management = await manage()
    await management.ask("/worlds", id="w", start=START, frozen=True)
    client = WireClient(management, "w")
    await client.issue("a.test")
    await client.order("b.test")
    await management.ask("/worlds/w/clock", advance="400d")
    orders = await told(management, "/worlds/w/page/orders")
    certificates = await told(management, "/worlds/w/page/certificates")
    assert (orders["statuses"], certificates["statuses"]) == ({"invalid": 1, "valid": 1}, {"expired": 1})
    assert orders["rows"][0]["error"].startswith("the order expired at")


async def test_no_secret_is_told(manage):
    management = await manage(management_token=None)
    await management.ask("/worlds", id="w")
    external = await management.ask("/worlds/w/external-accounts", kid="kid-1", key=b64url(b"k" * 32))
    await WireClient(management, "w").issue("a.test")
    order = (await told(management, "/worlds/w/page/orders"))["rows"][0]["id"]
    paths = (*LISTS, "summary", "authority", f"orders/{order}")
    everything = "".join([(await management.get(f"/worlds/w/page/{path}"))[1] for path in paths])
    assert "a.test" in everything
    assert external["key"] not in everything
    assert "PRIVATE KEY" not in everything


async def test_a_summary_counts_and_knows_the_worlds(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    await WireClient(management, "w").issue("a.test")
    summary = await told(management, "/worlds/w/page/summary")
    assert (summary["world"], summary["worlds"], summary["bridge"]) == ("w", ["default", "w"], False)
    assert summary["counts"] == {"orders": 1, "certificates": 1, "accounts": 1, "faults": 0}
    assert (await told(management, "/page/summary"))["counts"]["orders"] == 0


async def test_the_authority_has_a_fingerprint_and_the_pem_of_each(manage):
    management = await manage(chain_length=2)
    told_of = (await told(management, "/page/authority"))["certificates"]
    assert [each["role"] for each in told_of] == ["root", "intermediate", "intermediate"]
    assert told_of[0]["pem"] == (await management.get("/roots/0"))[1]
    assert all(re.fullmatch(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", each["id"]) for each in told_of)


async def test_without_a_bridge_there_is_no_scheduler(manage):
    management = await manage()
    assert await told(management, "/page/scheduler") is None


async def test_a_stream_tells_what_happens_and_nothing_listens_to_the_journal(manage):
    management = await manage()
    async with management.session.get(f"{management.running.addresses.management}/page/changes") as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert await answer.content.readline() == b": here\n"
        client = WireClient(management)
        await client.register()
        event = await next_event(answer)
        assert [fact["kind"] for fact in event["facts"]] == ["AccountCreated"]
        await client.order("a.test")
        assert [fact["kind"] for fact in (await next_event(answer))["facts"]] == ["OrderCreated"]
        assert management.running.parts.world.journal._listeners == []


async def test_the_index_of_facts_is_forgotten_with_the_last_page(manage):
    management = await manage()
    client = WireClient(management)
    await client.issue("a.test")
    order = (await told(management, "/page/orders"))["rows"][0]["id"]
    address, page = management.running.addresses.management, management.running.page
    first = await management.session.get(f"{address}/page/changes")
    second = await management.session.get(f"{address}/page/changes")
    await told(management, f"/page/orders/{order}")
    for answer, left in ((first, {"default"}), (second, set())):
        answer.close()
        listening = dict(page._listening)
        async with asyncio.timeout(30):
            while page._listening == listening:  # noqa: ASYNC110 - the server tells nobody of who went away
                await asyncio.sleep(0.01)
        assert {*page._subjects} == left


async def test_the_stream_of_a_world_ends_with_the_world(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    async with management.session.get(f"{management.running.addresses.management}/worlds/w/page/changes") as answer:
        await answer.content.readline()
        await management.delete("/worlds/w")
        async with asyncio.timeout(30):
            assert await answer.read() == b"\n"


async def test_an_open_stream_ends_with_the_server_as_a_stream_should(manage):
    management = await manage()
    answer = await management.session.get(f"{management.running.addresses.management}/page/changes")
    await answer.content.readline()
    rest = asyncio.create_task(answer.read())
    await management.running.__aexit__(None, None, None)
    assert await rest == b"\n"
