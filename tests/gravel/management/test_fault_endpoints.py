"""Faults over the management API of a running house."""

from __future__ import annotations

import json

import pytest

from acme_server.faults.personas import PERSONAS, read_rules

LIMITED = {"id": "limited", "match": {"endpoint": "directory"}, "action": {"kind": "rateLimited", "retry_after": 2}}


async def directory(house):
    async with house.session.get(house.running.addresses.directory) as answer:
        return answer.status, answer.headers.get("Retry-After")


async def delete(house, path):
    async with house.session.delete(house.running.addresses.management + path) as answer:
        return answer.status, await answer.text()


async def test_a_rule_is_armed_fires_counts_and_is_disarmed(manage):
    house = await manage()
    assert await directory(house) == (200, None)
    status, text = await house.post("/faults", LIMITED)
    assert (status, json.loads(text)["faults"][0]["id"]) == (201, "limited")
    assert await directory(house) == (429, "2")
    listed = json.loads((await house.get("/faults"))[1])["faults"]
    assert [(rule["id"], rule["seen"], rule["hits"]) for rule in listed] == [("limited", 1, 1)]
    assert '"kind":"FaultInjected"' in (await house.get("/journal"))[1]
    assert await delete(house, "/faults/limited") == (204, "")
    assert await directory(house) == (200, None)
    assert await delete(house, "/faults/limited") == (404, '{"error": "no rule \'limited\' is armed"}')


async def test_a_list_is_armed_whole_or_not_at_all(manage):
    house = await manage()
    status, text = await house.post("/faults", [LIMITED, {"action": "loose"}])
    assert (status, text) == (
        400,
        "{\"error\": \"rule 2: the action 'loose' is not known; the nearest is 'lose'\"}",
    )
    assert await house.get("/faults") == (200, '{"faults": []}')
    assert (await house.post("/faults", [LIMITED, {"persona": "slow-ca"}]))[0] == 201
    listed = json.loads((await house.get("/faults"))[1])["faults"]
    assert [rule["id"] for rule in listed] == ["limited", "slow-ca-1", "slow-ca-2", "slow-ca-3"]
    assert await delete(house, "/faults") == (204, "")
    assert await house.get("/faults") == (200, '{"faults": []}')


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "the body is not JSON"),
        (b'"lose"', "a rule is an object"),
        (b'{"persona": "valt"}', "the persona 'valt' is not known; the nearest is 'vault'"),
        (b'{"persona": "vault", "id": "x"}', "'persona' stands alone"),
    ],
)
async def test_what_is_no_rule_is_refused_with_a_sentence(manage, body, complaint):
    house = await manage()
    status, text = await house.post("/faults", body)
    assert status == 400
    assert json.loads(text)["error"].startswith(complaint)


async def test_personas_can_be_looked_up(manage):
    house = await manage()
    status, text = await house.get("/personas")
    assert (status, list(json.loads(text)["personas"])) == (200, list(PERSONAS))


@pytest.mark.parametrize("name", PERSONAS)
def test_every_persona_is_rules(name):
    assert len(read_rules({"persona": name})) == len(PERSONAS[name])
