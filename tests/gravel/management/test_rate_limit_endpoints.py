"""Rate limits over the management API of a running house, by peer address."""

from __future__ import annotations

import json

import pytest

RATES = {"rates": {"DirectoryRequestsPerIPAddress": "1/d/2"}}


async def put(house, path, body):
    async with house.session.put(house.running.addresses.management + path, json=body) as answer:
        return answer.status, json.loads(await answer.text())


async def directory(house):
    async with house.session.get(house.running.addresses.directory) as answer:
        return answer.status


async def test_limits_are_changed_seen_and_reset_while_a_world_runs(manage):
    house = await manage()
    assert json.loads((await house.get("/rate-limits"))[1])["rates"] == {}
    status, shown = await put(house, "/rate-limits", RATES)
    assert (status, shown["rates"]) == (200, RATES["rates"])
    assert [await directory(house) for _ in range(3)] == [200, 200, 503]
    (bucket,) = json.loads((await house.get("/rate-limits"))[1])["buckets"]
    assert (bucket["limit"], bucket["key"]) == ("DirectoryRequestsPerIPAddress", "127.0.0.1")
    await house.post("/clock", {"advance": "2d"})
    assert json.loads((await house.get("/rate-limits"))[1])["buckets"] == []
    assert [await directory(house) for _ in range(3)] == [200, 200, 503]
    assert (await house.post("/rate-limits/reset", {}))[0] == 204
    assert [await directory(house) for _ in range(3)] == [200, 200, 503]
    assert (await put(house, "/rate-limits", {}))[1]["rates"] == {}
    assert await directory(house) == 200


async def test_a_preset_is_changed_limit_by_limit(manage):
    house = await manage()
    body = {"preset": "letsencrypt", "rates": {"NewOrdersPerAccount": "7/h"}, "public_suffixes": ["co.uk"]}
    shown = (await put(house, "/rate-limits", body))[1]
    assert shown["rates"]["NewOrdersPerAccount"] == "7/h"
    assert shown["rates"]["CertificatesPerFQDNSet"] == "5/w"
    assert shown["public_suffixes"] == ["co.uk"]


@pytest.mark.parametrize("settings", [{"rate_limits": "letsencrypt"}, {"rate_limits": {"NewOrdersPerAccount": "1/h"}}])
async def test_a_world_is_made_with_limits_of_its_own(manage, settings):
    house = await manage()
    assert (await house.post("/worlds", {"id": "limited", "settings": settings}))[0] == 201
    assert json.loads((await house.get("/worlds/limited/rate-limits"))[1])["rates"] != {}
    assert json.loads((await house.get("/rate-limits"))[1])["rates"] == {}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"preset": "zerossl"}, "'zerossl' is no preset"),
        ({"rates": {"NewOrdersPerAccount": "1"}}, "'1' is no rate"),
        ({"rates": []}, "'rates' is wanted: an object"),
        ({"rate": {}}, "'rate' is not known here"),
    ],
)
async def test_what_is_wrong_is_one_sentence_and_changes_nothing(manage, body, sentence):
    house = await manage()
    await put(house, "/rate-limits", RATES)
    status, answer = await put(house, "/rate-limits", {**body, "public_suffixes": ["co.uk"]})
    assert status == 400
    assert sentence in answer["error"]
    shown = json.loads((await house.get("/rate-limits"))[1])
    assert (shown["rates"], shown["public_suffixes"]) == (RATES["rates"], [])
