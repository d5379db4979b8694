"""Worlds: of their own, copied, brought back, and gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from acme_server.authorizations import Authorization
from acme_server.settings import Settings
from acme_server.worlds import BEGINNING, NoSuchWorld, Options
from tests.acme_server.rig import START, Client, key, leaf_of
from tests.acme_server.worlds_rig import AT_ONCE, BASE, authorize, client_of, issue, make_worlds, open_view, seeded

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def history(hosted):
    return [entry.to_json() for entry in hosted.world.journal]


@pytest.fixture
async def worlds():
    made = make_worlds()
    yield made
    await made.close()


async def test_each_world_has_its_own_directory_authority_and_journal(worlds):
    one, other = await worlds.create(), await worlds.create("blue")
    assert [hosted.world.directory_url for hosted in worlds] == [f"{BASE}/w/1/dir", f"{BASE}/w/blue/dir"]
    assert one.world.authority.root != other.world.authority.root
    assert (one.world.journal.world, other.world.journal.world) == ("1", "blue")
    assert worlds.get("blue") is other
    assert worlds.server_of("1") is one.server
    assert len(worlds) == 2


async def test_what_happens_in_one_world_is_not_seen_in_another(worlds):
    one, other = await worlds.create(), await worlds.create()
    done, _ = await issue(one, "a.test")
    before = history(other)
    stranger = Client(other.server)
    stranger.kid = f"{other.world.base_url}/account/" + one.world.journal.since(0)[0].subject["account"]
    assert stranger.post(f"{other.world.base_url}/new-order", {}).outcome == (400, "accountDoesNotExist")
    assert [entry["kind"] for entry in history(other)[len(before) :]] == ["RequestRefused"]
    assert "a.test" not in str(history(other))
    assert done.status == 200


async def test_a_nonce_is_good_in_its_world_only(worlds):
    one, other = await worlds.create(), await worlds.create()
    foreign = Client(one.server).nonce()
    client = Client(other.server)
    answer = client.post(f"{other.world.base_url}/new-account", {"termsOfServiceAgreed": True}, nonce=foreign)
    assert answer.outcome == (400, "badNonce")


async def test_one_seed_is_one_history_byte_for_byte(worlds):
    runs = []
    for _ in range(2):
        hosted = await worlds.create("w", seeded())
        _, chain = await issue(hosted, "a.test", "*.b.test")
        runs.append((hosted.world.authority.root_pem, chain, hosted.world.journal.digest, history(hosted)))
        await worlds.delete("w")
    assert runs[0] == runs[1]
    other = await worlds.create("w", seeded(8))
    assert other.world.authority.root_pem != runs[0][0]


async def test_fifty_worlds_at_once_give_what_each_gives_alone(worlds):
    async def run(number):
        hosted = await worlds.create(f"w{number}", seeded(number))
        _, chain = await issue(hosted, f"a{number}.test", client=client_of(hosted, key(number)))
        return hosted.world.journal.digest, chain

    together = await asyncio.gather(*(run(number) for number in range(50)))
    for hosted in worlds:
        await worlds.delete(hosted.world.id)
    alone = [await run(number) for number in range(50)]
    assert together == alone
    assert len({leaf_of(chain).serial_number for _, chain in together}) == 50


async def test_a_snapshot_brings_back_exactly_what_was(worlds):
    hosted = await worlds.create("w", seeded())
    client = client_of(hosted)
    order = client.order("a.test")
    hosted.view.zone.add_txt("kept.test", "value")
    kept, moment = history(hosted), hosted.driver.now()
    snapshot = worlds.snapshot("w")
    ends = []
    for _ in range(2):
        await hosted.driver.advance(DAY)
        await authorize(hosted, client, order)
        done = client.finalize(order, ["a.test"])
        ends.append((hosted.world.journal.digest, client.post(done.json["certificate"]).reply.body))
        hosted.view.zone.clear_txt("kept.test")
        await worlds.restore("w", snapshot)
        assert (history(hosted), hosted.driver.now(), hosted.driver.clock.frozen) == (kept, moment, True)
        assert hosted.view.zone.rrsets("kept.test")["TXT"] == ("value",)
        client = Client(hosted.server)
        client.kid = f"{hosted.world.base_url}/account/{kept[0]['subject']['account']}"
    assert ends[0] == ends[1]


async def test_after_a_restore_no_nonce_is_good(worlds):
    hosted = await worlds.create()
    client = client_of(hosted)
    before, snapshot = client.nonce(), worlds.snapshot("1")
    await worlds.restore("1", snapshot)
    client.server = hosted.server
    assert client.post(f"{client.base}/new-order", {}, nonce=before).outcome == (400, "badNonce")


async def test_reset_is_the_beginning_with_the_same_authority(worlds):
    hosted = await worlds.create(options=Options(start=START, frozen=True))
    root = hosted.world.authority.root_pem
    await issue(hosted, "a.test")
    await hosted.driver.advance(DAY)
    await worlds.reset("1")
    assert (hosted.world.authority.root_pem, history(hosted), hosted.driver.now()) == (root, [], START)
    assert hosted.view.zone.rrsets("_acme-challenge.a.test").get("TXT") is None
    await issue(hosted, "a.test")


async def test_a_running_clock_runs_on_after_a_restore(worlds):
    now = [START]
    worlds = make_worlds(lambda: now[0])
    hosted = await worlds.create(options=Options(start=START + DAY))
    snapshot = worlds.snapshot("1")
    await hosted.driver.advance(DAY)
    now[0] += HOUR
    assert hosted.driver.now() == START + 2 * DAY + HOUR
    await worlds.restore("1", snapshot)
    assert hosted.driver.now() == START + DAY + HOUR
    await worlds.close()


async def test_what_a_world_was_doing_ends_with_it(worlds):
    hosted = await worlds.create()
    client = client_of(hosted)
    order = client.order("a.test")
    challenge = client.authorizations(order)[0]["challenges"][0]["url"]
    for end in (lambda: worlds.reset("1"), lambda: worlds.delete("1")):
        ended = hosted.driver
        client.post(challenge, {})
        await end()
        length = len(hosted.world.journal)
        await ended.advance(AT_ONCE)
        assert (len(hosted.world.journal), list(ended.failures)) == (length, [])
        client = client_of(hosted)
        challenge = client.authorizations(client.order("b.test"))[0]["challenges"][0]["url"]
    assert (hosted.view.closed, worlds.server_of("1")) == (1, None)


async def test_sixty_days_on_all_that_had_a_lifetime_is_over(worlds):
    hosted = await worlds.create(options=seeded())
    client = client_of(hosted)
    ready, pending = client.order("a.test"), client.order("b.test")
    await authorize(hosted, client, ready)
    nonce, url = client.nonce(), ready.header("Location")
    assert client.post(url).json["status"] == "ready"
    await hosted.driver.advance(60 * DAY)
    assert hosted.driver.now() == START + 60 * DAY
    assert client.post(url, nonce=nonce).outcome == (400, "badNonce")
    assert client.post(url).json["status"] == "invalid"
    assert client.post(pending.header("Location")).json["status"] == "invalid"
    assert [client.authorizations(order)[0]["status"] for order in (ready, pending)] == ["expired", "expired"]
    again = client.order("a.test")
    assert client.authorizations(again)[0]["status"] == "pending"
    assert hosted.world.store.get(Authorization, again.json["authorizations"][0].rpartition("/")[2]).expires > (
        START + 60 * DAY
    )


async def test_a_frozen_clock_stays_whatever_time_it_is_outside():
    now = [START]
    worlds = make_worlds(lambda: now[0])
    hosted = await worlds.create(options=Options(frozen=True))
    now[0] += DAY
    done, chain = await issue(hosted, "a.test")
    assert {entry.at for entry in hosted.world.journal} == {"2026-11-22T12:00:00.250000Z"}
    assert leaf_of(chain).not_valid_before_utc < START < now[0]
    assert done.status == 200
    await worlds.close()


@pytest.mark.parametrize("world_id", ["", "a b", "a/b", "..", "x" * 65, "ä"])
async def test_an_id_is_letters_digits_dashes_and_underscores(worlds, world_id):
    with pytest.raises(ValueError, match="is no ID for a world"):
        await worlds.create(world_id)
    assert len(worlds) == 0


async def test_an_id_is_given_once(worlds):
    await worlds.create("2")
    for taken in ("2", "default"):
        with pytest.raises(ValueError, match=f"there is a world '{taken}' already"):
            await worlds.create(taken)
    assert [(await worlds.create()).world.id for _ in range(2)] == ["1", "3"]


async def test_of_two_that_want_the_same_id_at_once_one_gets_it(worlds):
    outcomes = await asyncio.gather(*(worlds.create("w") for _ in range(2)), return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == ["HostedWorld", "ValueError"]
    assert worlds.get("w") is outcomes[0]


async def test_a_world_that_cannot_be_made_leaves_nothing_open():
    views = []

    async def view(options):
        views.append(await open_view())
        return views[-1]

    worlds = make_worlds(view=view, driver=lambda clock, view: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await worlds.create()
    assert ([each.closed for each in views], len(worlds)) == ([1], 0)


async def test_what_is_not_there_is_said_to_be_so(worlds):
    hosted = await worlds.create("w")
    await worlds.delete("w")
    for act in (worlds.get, worlds.snapshot):
        with pytest.raises(NoSuchWorld, match="there is no world 'w'"):
            act("w")
    for act in (worlds.delete, worlds.reset):
        with pytest.raises(NoSuchWorld, match="there is no world 'w'"):
            await act("w")
    await worlds.create("w")
    with pytest.raises(NoSuchWorld, match="world 'w' has no snapshot '1'"):
        await worlds.restore("w", "1")
    assert (worlds.snapshot("w"), list(worlds.get("w").snapshots)) == ("1", [BEGINNING, "1"])
    assert hosted.world.id == "w"


async def test_settings_are_those_of_the_world(worlds):
    hosted = await worlds.create(options=Options(Settings(always_valid=True, certificate_lifetime=HOUR)))
    client = client_of(hosted)
    order = client.order("a.test")
    client.post(client.authorizations(order)[0]["challenges"][0]["url"], {})
    done = client.finalize(order, ["a.test"])
    leaf = leaf_of(client.post(done.json["certificate"]).reply.body)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == HOUR - timedelta(seconds=1)
