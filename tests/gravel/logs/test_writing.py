"""The log follows worlds: every fact once and in order, whatever happens to its world, and none before an earlier one."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from acme_server.links import Links
from acme_server.protocol.journal import Fact, Journal
from gravel.logs import writing
from gravel.logs.writing import opened
from tests.gravel.acme_on_wire import WireClient

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
BASE = "https://127.0.0.1:14000"
ASKED = ("issuer_bridge", Fact("OrderCreated", {"request": "default/a", "order": "default/a-1"}))
CREATED = ("acme_server", Fact("OrderCreated", {"account": "x", "order": "o1"}))
PLACED = ("issuer_bridge", Fact("OrderPlaced", {"order": "default/a-1"}, {"url": f"{BASE}/order/o1"}))
OTHER = ("acme_server", Fact("AccountCreated", {"account": "y"}))


class World(SimpleNamespace):
    def __init__(self):
        super().__init__(journal=Journal(), links=Links(BASE))

    def happen(self, *facts):
        for house, fact in facts:
            self.journal.append(house, [fact], NOON)


def lines_of(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_a_line_waits_for_the_fact_that_tells_its_request_and_those_after_it_wait_too():
    world, stream = World(), io.StringIO()
    with opened("json", "info", stream) as log:
        log.follow(world)
        world.happen(ASKED, CREATED, OTHER)
        await asyncio.sleep(0)
        assert [line["seq"] for line in lines_of(stream)] == [1]
        world.happen(PLACED)
        await asyncio.sleep(0)
        assert [(line["seq"], line.get("request")) for line in lines_of(stream)] == [
            (1, "default/a"), (2, "default/a"), (3, None), (4, "default/a"),
        ]  # fmt: skip


@pytest.mark.parametrize("patience", [0.0, 60.0])
async def test_it_does_not_wait_for_ever(monkeypatch, patience):
    monkeypatch.setattr(writing, "PATIENCE", patience)
    world, stream = World(), io.StringIO()
    with opened("json", "info", stream) as log:
        log.follow(world)
        world.happen(ASKED, CREATED)
        await asyncio.sleep(0)
        assert len(lines_of(stream)) == (1 if patience else 2)
    assert [line.get("request") for line in lines_of(stream)] == ["default/a", None]


async def test_what_happened_before_is_not_logged_and_is_known():
    world, stream = World(), io.StringIO()
    world.happen(ASKED, CREATED, PLACED)
    with opened("json", "info", stream) as log:
        log.follow(world)
        world.happen(("acme_server", Fact("OrderFailed", {"account": "x", "order": "o1"})))
    assert [(line["seq"], line["level"], line["request"]) for line in lines_of(stream)] == [(4, "warning", "default/a")]


async def test_a_level_leaves_out_what_went_well():
    world, stream = World(), io.StringIO()
    with opened("json", "warning", stream) as log:
        log.follow(world)
        world.happen(OTHER, ("acme_server", Fact("OrderFailed", {"order": "o1"})), OTHER)
    assert [line["event"] for line in lines_of(stream)] == ["OrderFailed"]


async def test_a_reader_that_has_gone_stops_nobody():
    world, stream = World(), io.StringIO()
    with opened("text", "info", stream) as log:
        log.follow(world)
        stream.close()
        world.happen(OTHER)
        await asyncio.sleep(0)
    assert len(world.journal) == 1


async def test_worlds_that_are_made_and_brought_back_are_followed(manage, capsys):
    management = await manage(log_format="json")
    await management.ask("/worlds", id="w", seed=7, start="2026-01-01T00:00:00Z", frozen=True)
    for _ in range(2):
        await WireClient(management, "w").issue("a.test")
        await management.ask("/worlds/w/reset")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {line["world"] for line in lines} == {"w"}
    seqs = [line["seq"] for line in lines]
    assert seqs == list(range(1, len(seqs) // 2 + 1)) * 2
    assert len([line for line in lines if line["event"] == "CertificateIssued"]) == 2


async def test_without_its_option_nothing_is_logged_nor_imported(launch):
    code, said = launch("serve").stop()
    assert (code, said) == (0, "")
    told = "import sys, gravel.running; print([each for each in sys.modules if 'structlog' in each or each == 'gravel.logs.writing'])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", told, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"[]\n"


async def test_a_missing_library_is_named(manage, monkeypatch):
    monkeypatch.setitem(sys.modules, "structlog", None)
    with pytest.raises(Exception, match=r"pip install 'gravel\[logs\]'"):
        await manage(log_format="json")
