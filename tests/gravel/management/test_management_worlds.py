"""Worlds over the management API, with real packets: HTTPS to each directory, DNS to each zone."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from datetime import UTC, datetime

import attrs
import pytest
from dnslib import DNSRecord

from acme_server.protocol.times import parse_rfc3339
from tests.acme_server.rig import key, leaf_of
from tests.gravel.acme_on_wire import WireClient

START = "2026-01-01T00:00:00Z"
SEEDED = {"seed": 7, "start": START, "frozen": True}


async def get(management, path):
    status, text = await management.get(path)
    assert status == 200, text
    return json.loads(text)


async def txt(address, name):
    host, port = address.rsplit(":", 1)
    reply = await asyncio.to_thread(DNSRecord.question(name, "TXT").send, host, int(port), timeout=10)
    return [str(record.rdata).strip('"') for record in DNSRecord.parse(reply).rr]


async def test_a_world_is_made_listed_shown_and_deleted(manage):
    management = await manage()
    status, text = await management.post("/worlds", b"")
    world = json.loads(text)
    assert (status, world["id"]) == (201, "1")
    assert world["directory"] == management.running.addresses.directory.replace("/dir", "/w/1/dir")
    assert (world["clock"]["frozen"], world["clock"]["next"], world["snapshots"]) == (False, None, ["0"])
    assert world["dns"] != management.running.addresses.dns
    assert (200, world["root"]) == await management.get("/worlds/1/roots/0")
    assert [each["id"] for each in (await get(management, "/worlds"))["worlds"]] == ["default", "1"]
    assert (await get(management, "/worlds/1"))["directory"] == world["directory"]
    async with management.session.get(world["directory"]) as answer:
        assert (await answer.json())["newOrder"].endswith("/w/1/new-order")
    assert await management.delete("/worlds/1") == (204, "")
    async with management.session.get(world["directory"]) as answer:
        assert answer.status == 404
    host, port = world["dns"].rsplit(":", 1)
    with socket.create_server((host, int(port))):
        assert (await management.get("/worlds/1"))[0] == 404


async def test_what_is_edited_in_one_worlds_dns_is_there_only(manage):
    management = await manage()
    one, other = [await management.ask("/worlds") for _ in range(2)]
    for prefix, value in (("", "default"), ("/worlds/1", "one"), ("/worlds/2", "two")):
        await management.ask(f"{prefix}/set-txt", host="a.test", value=value)
    for address, value in ((management.running.addresses.dns, "default"), (one["dns"], "one"), (other["dns"], "two")):
        assert await txt(address, "a.test") == [value]
    await management.ask("/worlds/default/clear-txt", host="a.test")
    assert await txt(management.running.addresses.dns, "a.test") == []


async def test_one_seed_is_one_journal_and_one_certificate_byte_for_byte(manage):
    management = await manage()
    runs = []
    for _ in range(2):
        await management.ask("/worlds", id="w", **SEEDED)
        chain = await WireClient(management, "w").issue("a.test", "*.b.test")
        runs.append((chain, await management.get("/worlds/w/roots/0"), await management.get("/worlds/w/journal")))
        await management.delete("/worlds/w")
    assert runs[0] == runs[1]
    assert runs[0][2][1].count("\n") > 8


async def test_fifty_worlds_issue_at_once_and_each_gives_what_it_gives_alone(manage):
    management = await manage()

    async def run(number):
        world_id = f"w{number}"
        await management.ask("/worlds", id=world_id, seed=number, start=START, frozen=True)
        chain = await WireClient(management, world_id, key(number)).issue(f"a{number}.test")
        return chain, await management.get(f"/worlds/{world_id}/journal")

    together = await asyncio.gather(*(run(number) for number in range(50)))
    assert len({leaf_of(chain).serial_number for chain, _ in together}) == 50
    assert len(management.running.parts.world.journal) == 0
    for number in (0, 17, 49):
        await management.delete(f"/worlds/w{number}")
        assert await run(number) == together[number]


async def test_sixty_days_pass_in_a_moment(manage):
    management = await manage()
    await management.ask("/worlds", id="w", **SEEDED)
    client = WireClient(management, "w")
    await client.register()
    url, order = await client.order("a.test")
    await client.authorize(order)
    assert (await client.get(url))["status"] == "ready"
    clock = await management.ask("/worlds/w/clock", advance="60d")
    assert clock == {"now": "2026-03-02T00:00:00.000000Z", "frozen": True, "next": None}
    status, _, body = await client.post(url)
    assert (status, json.loads(body)["type"]) == (400, "urn:ietf:params:acme:error:badNonce")
    assert (await client.get(url))["status"] == "invalid"
    assert (await client.get(order["authorizations"][0]))["status"] == "expired"


async def test_a_snapshot_is_restored_as_often_as_wanted(manage):
    management = await manage()
    await management.ask("/worlds", id="w", **SEEDED)
    await management.ask("/worlds/w/add-a", host="a.test", addresses=["192.0.2.1"])
    taken = await management.ask("/worlds/w/snapshot")
    assert taken == {"snapshot": "1"}
    chains = []
    for _ in range(2):
        chains.append(await WireClient(management, "w").issue("a.test"))
        await management.ask("/worlds/w/clock", advance="1h30m")
        world = await management.ask("/worlds/w/restore", **taken)
        assert (world["clock"]["now"], world["snapshots"]) == ("2026-01-01T00:00:00.000000Z", ["0", "1"])
        assert await management.get("/worlds/w/journal") == (200, "")
        assert await txt(world["dns"], "_acme-challenge.a.test") == []
    assert chains[0] == chains[1]
    await management.ask("/worlds/w/add-a", host="a.test", addresses=["192.0.2.2"])
    zone = management.running.worlds.get("w").view.zone
    assert zone.rrsets("a.test")["A"] == ("192.0.2.1", "192.0.2.2")
    world = await management.ask("/worlds/w/reset")
    assert zone.rrsets("a.test")["A"] == ("127.0.0.1",)
    assert world["clock"]["now"] == "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("prefix", ["", "/worlds/default", "/worlds/w"])
async def test_a_clock_is_frozen_advanced_and_resumed(manage, prefix):
    management = await manage()
    await management.ask("/worlds", id="w")
    path = f"{prefix}/clock"
    frozen = await management.ask(path, freeze=True)
    assert (frozen["frozen"], frozen) == (True, await get(management, path))
    for advance, seconds in ((0.5, 0.5), (60, 60), ("1w2d", 9 * 86400), ("250ms", 0.25), ("1.5h", 5400), ("next", 0)):
        before = parse_rfc3339((await get(management, path))["now"])
        after = await management.ask(path, advance=advance)
        assert (parse_rfc3339(after["now"]) - before).total_seconds() == seconds
    running = await management.ask(path, freeze=False)
    assert running["frozen"] is False
    assert parse_rfc3339(running["now"]) > datetime.now(UTC)


async def test_next_goes_to_what_is_due_next(manage):
    management = await manage()
    running = await management.ask("/clock", freeze=True)
    driver, seen = management.running.default.driver, []
    driver.later(parse_rfc3339("2999-01-01T00:00:00Z") - driver.now(), lambda: seen.append(driver.now()))
    assert (await get(management, "/clock"))["next"] == "2999-01-01T00:00:00.000000Z"
    clock = await management.ask("/clock", advance="next")
    assert clock == {"now": "2999-01-01T00:00:00.000000Z", "frozen": True, "next": None}
    assert len(seen) == 1
    assert running["next"] is None


async def test_a_world_takes_settings_of_its_own(manage):
    management = await manage()
    lifetimes = {"certificate_lifetime": "6d", "backdate": 0, "nonce_lifetime": 5}
    settings = {"always_valid": True, "http01_port": 81, "tls_alpn_port": 444, "dns": "192.0.2.1:53", **lifetimes}
    world = await management.ask("/worlds", id="w", settings=settings)
    assert world["dns"] == "192.0.2.1:53"
    made, default = management.running.worlds.get("w").world.settings, management.running.parts.world.settings
    assert (made.always_valid, made.http01_port, made.tls_alpn_port, made.dns) == (True, 81, 444, "192.0.2.1:53")
    assert made.order_lifetime == default.order_lifetime
    leaf = leaf_of(await WireClient(management, "w").issue("a.test"))
    assert (leaf.not_valid_after_utc - leaf.not_valid_before_utc).total_seconds() == 6 * 86400 - 1


BAD = [
    ("/worlds", [], "the body is not a JSON object"),
    ("/worlds", {"sede": 1}, "'sede' is not known here; known are id, seed, start, frozen, settings"),
    ("/worlds", {"id": ""}, "'' is no ID for a world: 1 to 64 letters"),
    ("/worlds", {"id": 5}, "'id' is wanted: a string"),
    ("/worlds", {"id": "a/b"}, "'a/b' is no ID for a world: 1 to 64 letters"),
    ("/worlds", {"id": "w"}, "there is a world 'w' already"),
    ("/worlds", {"id": "default"}, "there is a world 'default' already"),
    ("/worlds", {"seed": -1}, "'seed' is wanted: a whole number from 0 to"),
    ("/worlds", {"seed": True}, "'seed' is wanted: a whole number from 0 to"),
    ("/worlds", {"start": "now"}, "'now' is not an RFC 3339 moment"),
    ("/worlds", {"start": "1950-01-01T00:00:00Z"}, "'start' is from 1970 to 9000"),
    ("/worlds", {"start": "9500-01-01T00:00:00Z"}, "'start' is from 1970 to 9000"),
    ("/worlds", {"frozen": "yes"}, "'frozen' is wanted: true or false"),
    ("/worlds", {"settings": []}, "'settings' is wanted: an object"),
    (
        "/worlds",
        {"settings": {"port": 1}},
        "'port' is not known here; known are http01_port, tls_alpn_port, dns, always_valid",
    ),
    ("/worlds", {"settings": {"http01_port": 0}}, "'http01_port' is wanted: a whole number from 1 to 65535"),
    ("/worlds", {"settings": {"tls_alpn_port": "443"}}, "'tls_alpn_port' is wanted: a whole number from 1 to 65535"),
    ("/worlds", {"settings": {"dns": "a.test"}}, "'dns' is wanted: HOST:PORT"),
    ("/worlds", {"settings": {"dns": "a.test:99999"}}, "'dns' is wanted: HOST:PORT"),
    ("/worlds", {"settings": {"order_lifetime": 0}}, "'order_lifetime' is from 1s to 36525d"),
    ("/worlds", {"settings": {"authorization_reuse": 1.5}}, "'authorization_reuse' is wanted: a number from 0 to 1"),
    ("/worlds", {"settings": {"authorization_reuse": True}}, "'authorization_reuse' is wanted: a number from 0 to 1"),
    ("/worlds", {"settings": {"order_reuse": 1}}, "'order_reuse' is wanted: true or false"),
    ("/worlds", {"settings": {"terms_of_service": "terms"}}, "'terms' is not a URL"),
    ("/worlds", {"settings": {"external_accounts": {"kid": "+"}}}, "the MAC key is not base64url"),
    ("/worlds", {"settings": {"external_accounts": {"kid": ""}}}, "'kid' is wanted: a non-empty string"),
    ("/worlds", {"settings": {"orders_per_page": 0}}, "'orders_per_page' is wanted: a whole number from 1 to 10000"),
    ("/worlds", {"settings": {"validation_attempts": 0}}, "'validation_attempts' is wanted: a whole number from 1 to"),
    ("/worlds", {"settings": {"validation_retry_after": 0}}, "'validation_retry_after' is from 1s to 36525d"),
    ("/worlds/w/set-terms-of-service", {}, "'url' is wanted: a string"),
    ("/worlds/w/set-terms-of-service", {"url": "https://a.test/<b>"}, "'https://a.test/<b>' is not a URL"),
    ("/worlds/w/set-terms-of-service", {"url": "https://a.test/\r\nX: y"}, "'https://a.test/"),
    ("/worlds/w/external-accounts", {"kid": ""}, "'kid' is wanted: a non-empty string"),
    ("/worlds/w/external-accounts", {"key": "=="}, "the MAC key is empty"),
    ("/worlds/w/external-accounts", {"key": "a b"}, "the MAC key is not base64url"),
    ("/worlds/w/set-renewal-info/", {"certificate": "x"}, "'certificate' is wanted: a certificate in PEM"),
    ("/worlds/w/set-renewal-info/", {"cert": "x"}, "'cert' is not known here; known are certificate, ariresponse"),
    ("/worlds", {"settings": {"retry_after": -1}}, "'retry_after' is from 0s to 36525d"),
    ("/worlds", {"settings": {"backdate": "1 day"}}, "'backdate' is wanted: a number of seconds, or a duration"),
    ("/worlds/w/clock", {}, "one is wanted: 'freeze' or 'advance'"),
    ("/worlds/w/clock", {"freeze": True, "advance": 1}, "one is wanted: 'freeze' or 'advance'"),
    ("/worlds/w/clock", {"freeze": 1}, "'freeze' is wanted: true or false"),
    ("/worlds/w/clock", {"back": 1}, "'back' is not known here; known are freeze, advance"),
    ("/worlds/w/clock", {"advance": -1}, "time only goes forward"),
    ("/worlds/w/clock", {"advance": 1e12}, "time ends in the year 9000"),
    ("/worlds/w/clock", {"advance": 10**400}, "'advance' is wanted: a number of seconds, or a duration"),
    ("/worlds/w/clock", {"advance": "soon"}, "'advance' is wanted: a number of seconds, or a duration"),
    ("/worlds/w/clock", {"advance": None}, "'advance' is wanted: a number of seconds, or a duration"),
    ("/worlds/w/restore", {"snapshot": 1}, "'snapshot' is wanted: a non-empty string"),
    ("/worlds/w/restore", {"snapshot": "0", "of": "x"}, "'of' is not known here; known are snapshot"),
    ("/worlds/default/reset", {}, "the default world stays as it is"),
    ("/worlds/default/snapshot", {}, "the default world stays as it is"),
    ("/worlds/w/set-txt", {"host": "a.test"}, "'value' is wanted: a non-empty string"),
]


async def test_a_mistake_is_answered_with_a_sentence_and_changes_nothing(manage):
    management = await manage()
    await management.ask("/worlds", id="w", frozen=True)
    before = await get(management, "/worlds")
    for path, body, sentence in BAD:
        status, text = await management.post(path, body)
        assert (status, json.loads(text)["error"][: len(sentence)]) == (400, sentence), path
    status, text = await management.delete("/worlds/default")
    assert (status, json.loads(text)["error"][:17]) == (400, "the default world")
    after = await get(management, "/worlds")
    assert after["worlds"][1] == before["worlds"][1]
    assert len(after["worlds"]) == 2


async def test_what_is_not_there_is_said_to_be_so(manage):
    management = await manage()
    await management.ask("/worlds", id="w")
    missing = (404, '{"error": "there is no world \'x\'"}')
    for path in ("/worlds/x", "/worlds/x/clock", "/worlds/x/journal", "/worlds/x/roots/0"):
        assert await management.get(path) == missing
    for action in ("reset", "snapshot", "restore", "clock", "set-txt"):
        assert await management.post(f"/worlds/x/{action}", {}) == missing
    assert await management.delete("/worlds/x") == missing
    no_snapshot = (404, "{\"error\": \"world 'w' has no snapshot '7'\"}")
    assert await management.post("/worlds/w/restore", {"snapshot": "7"}) == no_snapshot


async def test_worlds_are_behind_the_token_too(manage):
    management = await manage(management_token="s3cret")
    assert (await management.post("/worlds", {}))[0] == 401
    assert (await management.post("/worlds", {}, Authorization="Bearer s3cret"))[0] == 201
    assert (await management.delete("/worlds/1"))[0] == 401


async def test_when_no_port_is_left_for_a_world_it_says_so(manage):
    async def refuse(options):
        raise OSError(errno.EMFILE, "Too many open files")

    management = await manage()
    worlds = management.running.worlds
    worlds._ports = attrs.evolve(worlds._ports, view=refuse)
    status, text = await management.post("/worlds", {})
    assert (status, json.loads(text)["error"]) == (503, "no DNS can be opened for another world: Too many open files")
    assert len(worlds) == 0


async def test_worlds_are_closed_with_the_house(manage):
    management = await manage()
    world = await management.ask("/worlds")
    await management.session.close()
    await management.running.__aexit__(None, None, None)
    host, port = world["dns"].rsplit(":", 1)
    with socket.create_server((host, int(port))):
        assert len(management.running.worlds) == 0
