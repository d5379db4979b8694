"""`kill -9` while the DNS, faults, limits, the clock and settings change: what was acknowledged is there after the restart.

GRAVEL_KILLS and GRAVEL_SEED as for test_kill.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
from datetime import timedelta

import aiohttp
import attrs
import pytest

from acme_server.network import Network
from acme_server.protocol.times import parse_rfc3339
from acme_server.protocol.vantage import Resolve
from tests.gravel.test_kill import KILLS, SEED, session_of

RULE = {"match": {"endpoint": "newOrder"}, "action": {"kind": "problem"}}


@attrs.define
class Told:
    """What was acknowledged: values that add up, and of those that are replaced the last one and the one under way."""

    values: list[str] = attrs.field(factory=list)
    rules: list[str] = attrs.field(factory=list)
    seen: int = 0
    last: dict[str, list] = attrs.field(factory=dict)


class Changer:
    """Changes one thing after the other until the server dies."""

    def __init__(self, session, ready, told):
        self.session, self.ready, self.told, self.management = session, ready, told, ready["management"]

    async def send(self, method, path, body=None):
        async with self.session.request(method, self.management + path, json=body) as answer:
            text = await answer.text()
            assert answer.status < 300, text
            return json.loads(text) if text else None

    async def txt(self, count):
        await self.send("POST", "/set-txt", {"host": "all.test", "value": f"v{count}"})
        self.told.values.append(f"v{count}")

    async def rule(self, count):
        await self.send("POST", "/faults", {**RULE, "id": f"rule{count}"})
        self.told.rules.append(f"rule{count}")

    async def request(self, _):
        async with self.session.get(self.ready["directory"]) as answer:
            assert answer.status == 200
        self.told.seen += 1

    async def replace(self, name, value, *request):
        self.told.last[name] = [*self.told.last.get(name, [])[-1:], value]
        await self.send(*request)
        self.told.last[name] = [value]

    async def terms(self, count):
        url = f"https://ca.test/{count}"
        await self.replace("terms", url, "POST", "/set-terms-of-service", {"url": url})

    async def limits(self, count):
        rates = {"NewOrdersPerAccount": f"{count + 1}/d"}
        await self.replace("limits", rates, "PUT", "/rate-limits", {"rates": rates})

    async def clock(self, _):
        past = self.told.last.get("clock", [None])[-1] or (await self.send("GET", "/clock"))["now"]
        now = (parse_rfc3339(past) + timedelta(hours=1)).isoformat(timespec="microseconds").replace("+00:00", "Z")
        await self.replace("clock", now, "POST", "/clock", {"advance": 3600})

    async def change(self, choices, begin):
        """Go on until the server dies; return how many changes there were."""
        todo = (self.txt, self.rule, self.request, self.terms, self.limits, self.clock)
        count = begin
        try:
            while True:
                count += 1
                await choices.choice(todo)(count)
        except (aiohttp.ClientError, ConnectionError):
            return count


async def check(changer):
    """Compare what the server says now with all that it acknowledged."""
    told, send = changer.told, changer.send
    network = Network(changer.ready["dns"])
    found = (await network(Resolve("all.test", "TXT"))).values("TXT")
    await network.close()
    assert [value for value in told.values if value not in found] == []
    faults = {each["id"]: each for each in (await send("GET", "/faults"))["faults"]}
    assert [name for name in told.rules if name not in faults] == []
    assert faults["counter"]["seen"] >= told.seen
    async with changer.session.get(changer.ready["directory"]) as answer:
        terms = (await answer.json())["meta"].get("termsOfService")
    told.seen += 1
    shown = {"terms": terms, "limits": (await send("GET", "/rate-limits"))["rates"]}
    shown["clock"] = (await send("GET", "/clock"))["now"]
    assert all(shown[name] in values for name, values in told.last.items()), (shown, told.last)
    # What was under way when the server died has come out one way or the other.
    told.last = {name: [shown[name]] for name in told.last}


@pytest.mark.timeout(60 + 20 * KILLS)
async def test_no_change_that_was_acknowledged_is_lost(launch, tmp_path):
    moments, told, count = random.Random(SEED), Told(), 0
    for life in range(KILLS + 1):
        server = await asyncio.to_thread(launch, "serve", "--state", str(tmp_path / "state"))
        async with session_of(server.ready) as session:
            changer = Changer(session, server.ready, told)
            if life == 0:
                await changer.send("POST", "/clock", {"freeze": True})
                rule = {
                    "match": {"endpoint": "directory"},
                    "action": {"kind": "latency", "seconds": 0},
                    "id": "counter",
                }
                await changer.send("POST", "/faults", rule)
            else:
                await check(changer)
            if life == KILLS:
                break
            changing = asyncio.ensure_future(changer.change(moments, count))
            await asyncio.sleep(moments.uniform(0.2, 1.0))
            server.process.send_signal(signal.SIGKILL)
            count = await changing
        await asyncio.to_thread(server.end)
    assert count > 10 * KILLS
