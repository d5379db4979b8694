"""What is told of worlds, asked of the management API of a running house."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

import pytest

from acme_server.protocol.journal import Fact
from tests.gravel.acme_on_wire import WireClient
from tests.gravel.metrics.samples import read


async def scrape(house, **headers):
    status, text = await house.get("/metrics", **headers)
    assert status == 200, text
    return read(text)


async def test_what_a_certificate_takes_is_told_of_its_world(manage):
    house = await manage()
    await house.ask("/worlds", id="w")
    assert (await scrape(house))['gravel_certificates_issued_total{world="w"}'] == 0
    await WireClient(house, "w").issue("a.test")
    samples = await scrape(house)
    assert samples['gravel_certificates_issued_total{world="w"}'] == 1
    assert samples['gravel_certificates_issued_total{world="default"}'] == 0
    assert samples['gravel_orders{status="valid",world="w"}'] == 1
    assert samples['gravel_server_events_total{event="OrderFinalized",world="w"}'] == 1
    assert samples['gravel_order_duration_seconds_count{outcome="issued",world="w"}'] == 1
    assert samples['gravel_challenges_total{outcome="valid",type="dns-01",world="w"}'] == 1
    assert samples['gravel_http_requests_total{endpoint="newOrder",method="POST",status="201",world="w"}'] == 1
    assert samples['gravel_http_request_duration_seconds_count{endpoint="finalize",world="w"}'] == 1
    assert samples['gravel_http_request_duration_seconds_sum{endpoint="finalize",world="w"}'] > 0
    assert samples['gravel_dns_questions_total{opcode="QUERY",rcode="NOERROR",type="TXT",world="w"}'] == 1
    assert samples['gravel_journal_entries_total{world="w"}'] == len(house.running.worlds.get("w").world.journal)


async def test_an_order_whose_status_is_derived_is_told_as_it_is_read(manage):
    house = await manage()
    client = WireClient(house)
    await client.register()
    _, order = await client.order("a.test")
    await client.order("b.test")
    await client.authorize(order)
    samples = await scrape(house)
    statuses = {word: samples[f'gravel_orders{{status="{word}",world="default"}}'] for word in ("pending", "ready")}
    assert statuses == {"pending": 1, "ready": 1}
    await house.ask("/clock", advance="90d")
    assert (await scrape(house))['gravel_orders{status="invalid",world="default"}'] == 2


async def test_refusals_are_told_by_problem_endpoint_and_status(manage):
    house = await manage()
    client = WireClient(house)
    await client.register()
    assert (await client.post(f"{client.base}/new-order", {"identifiers": []}))[0] == 400
    assert (await client.post(f"{client.base}/nowhere/{'x' * 50}", {}))[0] == 404
    samples = await scrape(house)
    problems = {name: value for name, value in samples.items() if name.startswith("gravel_problems_total")}
    assert problems == {
        'gravel_problems_total{endpoint="newOrder",status="400",type="malformed",world="default"}': 1,
        'gravel_problems_total{endpoint="other",status="404",type="malformed",world="default"}': 1,
    }
    assert samples['gravel_http_requests_total{endpoint="other",method="POST",status="404",world="default"}'] == 1


async def test_a_method_that_http_does_not_know_is_another_one(manage):
    house = await manage()
    for method in ("PATCH", "PROPFIND"):
        async with house.session.request(method, house.running.addresses.directory) as answer:
            assert answer.status == 405
    samples = await scrape(house)
    assert samples['gravel_http_requests_total{endpoint="directory",method="other",status="405",world="default"}'] == 2


async def test_limits_and_faults_are_told(manage):
    house = await manage()
    rates = {"rates": {"NewNonceRequestsPerIPAddress": "1/d/2"}}
    async with house.session.put(house.running.addresses.management + "/rate-limits", json=rates):
        pass
    await house.ask("/faults", match={"endpoint": "directory"}, action={"kind": "latency", "seconds": 0})
    base = house.running.parts.world.base_url
    for path in ("/nonce", "/nonce", "/nonce", "/nonce", "/dir"):
        async with house.session.get(base + path):
            pass
    samples = await scrape(house)
    limit = 'gravel_rate_limit_refusals_total{limit="NewNonceRequestsPerIPAddress",world="default"}'
    assert samples[limit] == 2
    assert samples['gravel_faults_injected_total{action="latency",endpoint="directory",world="default"}'] == 1
    assert samples['gravel_faults_armed{world="default"}'] == 1


async def test_types_that_nobody_knows_are_told_together(manage):
    house = await manage()
    zone = house.running.default.view.zone
    for rtype in ("TYPE65280", "TYPE65281", "A"):
        zone.note("a.test", rtype, "NOERROR", "udp", "QUERY", "127.0.0.1", "")
    samples = await scrape(house)
    asked = 'gravel_dns_questions_total{{opcode="QUERY",rcode="NOERROR",type="{}",world="default"}}'
    assert (samples[asked.format("other")], samples[asked.format("A")]) == (2, 1)


async def test_a_world_that_is_brought_back_tells_what_its_journal_says_and_a_deleted_one_nothing(manage):
    house = await manage()
    await house.ask("/worlds", id="w")
    await WireClient(house, "w").issue("a.test")
    await scrape(house)
    await house.ask("/worlds/w/reset")
    samples = await scrape(house)
    assert (
        samples['gravel_certificates_issued_total{world="w"}']
        == samples['gravel_orders{status="valid",world="w"}']
        == 0
    )
    assert samples['gravel_http_requests_total{endpoint="newOrder",method="POST",status="201",world="w"}'] == 1
    await house.delete("/worlds/w")
    assert not [name for name in await scrape(house) if 'world="w"' in name]


@pytest.mark.parametrize("state", [False, True])
async def test_counters_know_what_the_limit_of_the_journal_has_dropped(manage, tmp_path, state):
    house = await manage(journal_limit=1, **({"state": str(tmp_path / "state")} if state else {}))
    journal, reused = (
        house.running.parts.world.journal,
        'gravel_server_events_total{event="OrderReused",world="default"}',
    )
    for number in range(1500):
        journal.append("acme_server", [Fact("OrderReused", {})], datetime(2026, 1, 1, tzinfo=UTC))
        if number == 99:
            assert (await scrape(house))[reused] == 100
    assert journal.oldest > 1000
    assert (await scrape(house))[reused] == 1500


async def test_it_wants_the_token_that_the_rest_wants(manage):
    house = await manage(management_token="s3cret")
    assert (await house.get("/metrics"))[0] == 401
    assert 'gravel_nonces{world="default"}' in await scrape(house, Authorization="Bearer s3cret")


async def test_without_the_library_it_says_what_to_install(manage, monkeypatch):
    house = await manage()
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    status, text = await house.get("/metrics")
    sentence = "metrics need prometheus_client: pip install 'gravel[metrics]'"
    assert (status, json.loads(text)) == (501, {"error": sentence})


async def test_the_text_says_of_which_format_it_is(manage):
    house = await manage()
    async with house.session.get(house.running.addresses.management + "/metrics") as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
