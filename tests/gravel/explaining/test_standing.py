"""Wherever something stands, it is said what is awaited, from whom, and whether that is too long by now."""

from datetime import timedelta

import pytest

from acme_server.faults.rule import read_rule
from acme_server.protocol.status import AccountStatus, AuthorizationStatus, OrderStatus
from gravel.explaining import standing
from gravel.explaining.rules import CLIENT, SERVER
from tests.gravel.explaining.story_rig import challenge, codes, explained, name_of, new_client, respond

MOMENTS = [(timedelta(minutes=4), "waiting", False), (timedelta(minutes=5), "stuck", True)]


def fetched(client, order):
    """Take an order to its end, as a good client does."""
    client.authorize(order)
    client.finalize(order, [item["value"] for item in order.json["identifiers"]])
    return client.post(client.post(order.header("Location")).json["certificate"]).reply.body


def arm(client, action, **match):
    client.server.world.faults.arm(read_rule({"action": action, "match": match, "id": "it"}), client.driver.now())


def test_every_status_has_its_row():
    rows = (
        (standing.ORDERS, OrderStatus),
        (standing.AUTHORIZATIONS, AuthorizationStatus),
        (standing.ACCOUNTS, AccountStatus),
    )
    for table, statuses in rows:
        assert list(table) == list(statuses)


@pytest.mark.parametrize(("passed", "verdict", "blocks"), MOMENTS)
def test_an_order_waits_for_the_one_authorization_that_nobody_responded_to(passed, verdict, blocks):
    client = new_client()
    order = client.order("a.test", "b.test")
    respond_to = client.authorizations(order)[0]
    client.post(client.show(respond_to, "http-01"), {})
    client.driver.run()
    client.driver.pass_time(seconds=passed.total_seconds())
    told = explained(client, order.header("Location"))
    [found] = told.findings
    assert (told.verdict, found.code, found.who, found.blocks) == (verdict, "challenge-not-responded", CLIENT, blocks)
    assert found.cause.startswith("b.test is not proved")
    assert found.since == client.driver.now() - passed


@pytest.mark.parametrize(("passed", "verdict", "blocks"), MOMENTS)
def test_an_order_that_nobody_finalizes_waits_for_its_client(passed, verdict, blocks):
    """Pain 12: all challenges are valid, and nothing goes on."""
    client = new_client()
    order = client.order("a.test")
    client.authorize(order)
    client.driver.pass_time(seconds=passed.total_seconds())
    told = explained(client, "a.test")
    [found] = told.findings
    assert (told.verdict, found.code, found.who, found.blocks) == (verdict, "order-not-finalized", CLIENT, blocks)
    assert found.pain == (12 if blocks else None)


@pytest.mark.parametrize(("looks", "words"), [(0, "ready"), (1, "the client has gone"), (2, "the client only polls")])
def test_a_client_that_stopped_polling_is_told_from_one_that_only_polls(looks, words):
    client = new_client()
    order = client.order("a.test")
    client.authorize(order)
    if looks:
        client.post(order.header("Location"))
    client.driver.pass_time(hours=1)
    if looks > 1:
        client.post(order.header("Location"))
    [found] = explained(client, "a.test").findings
    assert found.cause.endswith(words)
    assert (f"{looks} times" if looks else "it has never come") in found.evidence[0]


def test_a_certificate_that_nobody_came_for_is_awaited_by_its_client():
    client = new_client()
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    assert codes(explained(client, "a.test")) == ["certificate-not-fetched"]
    client.post(client.post(order.header("Location")).json["certificate"])
    assert explained(client, "a.test").verdict == "healthy"


def test_after_a_restart_nobody_is_blamed_for_what_was_not_seen():
    client = new_client()
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    client.server.world = client.server.world.copy()
    assert explained(client, "a.test").findings == ()


def test_a_validation_that_is_delayed_waits_for_the_server():
    client = new_client(validation_delay=timedelta(minutes=10))
    respond(client, client.order("a.test"))
    [found] = explained(client, "a.test").findings
    assert (found.code, found.who, found.blocks) == ("validation-under-way", SERVER, False)
    assert found.awaited == "the validation's end: at 2026-11-22T12:10:00Z"


def test_a_validation_that_never_ends_is_the_servers_to_look_into():
    """Pain 8, seen from the server."""
    client = new_client()
    order = client.order("a.test")
    client.post(challenge(client, order)[1]["url"], {})
    client.driver.pass_time(minutes=1)
    [found] = explained(client, "a.test").findings
    assert (found.code, found.who, found.blocks, found.pain) == ("validation-under-way", SERVER, True, 8)


def test_a_slow_authority_is_waited_for_as_long_as_it_says():
    client = new_client(issuance_delay=timedelta(hours=1))
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    client.driver.timers.clear()
    for minutes, blocks in ((60, False), (1, True)):
        client.driver.pass_time(minutes=minutes)
        [found] = explained(client, "a.test").findings
        assert (found.code, found.who, found.blocks) == ("issuance-under-way", SERVER, blocks)


@pytest.mark.parametrize(
    ("seconds", "awaited", "blocks"), [(600, "at 2026-11-22T12:10:00Z", False), (None, "never", True)]
)
def test_a_fault_that_puts_issuance_off_is_counted_in(seconds, awaited, blocks):
    """Pain 11: an order in processing, for a while or for ever."""
    client = new_client()
    arm(client, {"kind": "processing", **({"seconds": seconds} if seconds else {})})
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    told = explained(client, "a.test")
    assert codes(told) == ["issuance-under-way", "fault-injected"]
    assert (told.findings[0].blocks, told.findings[0].pain) == (blocks, 11 if blocks else None)
    assert awaited in told.findings[0].awaited


def test_an_order_that_expired_is_told_as_that():
    client = new_client()
    order = client.order("a.test")
    client.driver.pass_time(days=7)
    told = explained(client, "a.test")
    assert (told.verdict, codes(told)) == ("failed", ["order-expired"])
    assert codes(explained(client, f"authorization/{order.json['authorizations'][0].rpartition('/')[2]}")) == [
        "authorization-lost"
    ]


def test_an_order_that_failed_for_another_reason_is_told_in_its_own_words():
    client = new_client()
    order = client.order("a.test")
    client.post(order.json["authorizations"][0], {"status": "deactivated"})
    told = explained(client, "a.test")
    assert (told.verdict, codes(told)) == ("failed", ["order-failed"])
    assert "the authorization of a.test is deactivated" in told.findings[0].cause


def test_a_revoked_certificate_says_on_whose_word():
    client = new_client()
    client.revoke(fetched(client, client.order("a.test")), reason=1)
    told = explained(client, "a.test")
    assert (told.verdict, codes(told)) == ("failed", ["certificate-revoked"])
    assert "reason 1, on the word of the account" in told.findings[0].cause


def test_an_expired_certificate_is_its_clients_to_renew_unless_it_has():
    client = new_client()
    first = client.order("a.test")
    fetched(client, first)
    client.driver.pass_time(days=91)
    told = explained(client, first.header("Location"))
    assert (told.verdict, codes(told)) == ("failed", ["certificate-expired"])
    fetched(client, client.order("a.test"))
    assert explained(client, first.header("Location")).verdict == "healthy"


def test_a_closed_account_is_told_as_that():
    client = new_client()
    client.post(client.kid, {"status": "deactivated"})
    told = explained(client, client.kid)
    assert (told.verdict, codes(told)) == ("failed", ["account-closed"])


@pytest.mark.parametrize("name", ["a.test", "order", "challenge", "authorization", "certificate", "account"])
def test_what_is_well_has_no_findings(name):
    client = new_client()
    order = client.order("a.test")
    respond_later = name_of(challenge(client, order)[1])
    fetched(client, order)
    shown = client.post(order.header("Location")).json
    names = {
        "order": order.header("Location"),
        "challenge": respond_later,
        "authorization": order.json["authorizations"][0],
        "certificate": shown["certificate"],
        "account": client.kid,
    }
    told = explained(client, names.get(name, name))
    assert (told.verdict, told.findings) == ("healthy", ())
    assert told.timeline
