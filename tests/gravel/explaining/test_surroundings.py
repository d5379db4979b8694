"""What is around a story: a clock that stands still, faults that fired, and how the client polls."""

from datetime import timedelta

import pytest

from acme_server.faults.rule import read_rule
from acme_server.protocol.key_authorization import KeyAuthorization
from acme_server.settings import Settings
from gravel.explaining.rules import CLIENT, TEST
from solvers.dns.zone import Zone
from solvers.http01.responder import Responder
from tests.gravel.explaining.story_rig import challenge, codes, explained, new_client, respond


def arm(client, action, **match):
    return client.server.world.faults.arm(
        read_rule({"action": action, "match": match, "id": "it"}), client.driver.now()
    )


def test_a_clock_that_stands_is_in_the_way_of_what_waits_for_time():
    client = new_client(validation_attempts=2, validation_retry_after=timedelta(hours=1))
    respond(client, client.order("a.test"))
    due = client.driver.now() + timedelta(hours=1)
    told = explained(client, "a.test", frozen=True, due=due)
    assert (told.verdict, codes(told, blocks=True), told.findings[0].who) == ("stuck", ["clock-frozen"], TEST)
    assert "13:00:00Z" in told.findings[0].cause
    assert explained(client, "a.test", frozen=False, due=due).verdict == "waiting"


def test_a_clock_that_stands_is_no_matter_to_who_waits_for_its_client():
    client = new_client()
    client.order("a.test")
    due = client.driver.now() + timedelta(hours=1)
    assert "clock-frozen" not in codes(explained(client, "a.test", frozen=True, due=due))


def test_a_fault_that_decided_is_named_with_the_way_to_disarm_it():
    client = new_client()
    arm(client, {"kind": "fail-validation", "detail": "no"}, identifier="a.test")
    respond(client, client.order("a.test"))
    told = explained(client, "a.test")
    assert codes(told) == ["not-looked", "fault-injected"]
    assert (told.findings[1].who, told.findings[1].attempt) == (TEST, "DELETE /faults/it at the management API")
    client.server.world.faults.clear()
    assert "not armed any more" in explained(client, "a.test").findings[1].attempt


FAULTS = [
    ({"kind": "page"}, "authorization", 10),
    ({"kind": "truncate", "keep": 5}, "authorization", 10),
    ({"kind": "omit", "headers": ["Location"]}, "finalize", 13),
    ({"kind": "pending"}, "challenge", 8),
    ({"kind": "latency", "seconds": 60}, "authorization", 28),
    ({"kind": "problem", "type": "rateLimited"}, "authorization", 14),
    ({"kind": "header", "name": "Retry-After", "value": "86400"}, "authorization", 9),
]


@pytest.mark.parametrize(("action", "endpoint", "pain"), FAULTS, ids=[f"{row[2]}-{row[0]['kind']}" for row in FAULTS])
def test_a_fault_that_makes_a_known_pain_says_its_number(action, endpoint, pain):
    client = new_client()
    order = client.order("a.test")
    if endpoint == "finalize":
        client.authorize(order)
    arm(client, action, endpoint=endpoint)
    place = {
        "authorization": order.json["authorizations"][0],
        "finalize": order.json["finalize"],
        "challenge": challenge(client, order)[1]["url"] if endpoint == "challenge" else "",
    }[endpoint]
    client.post(place, None if endpoint == "authorization" else {})
    found = [each for each in explained(client, "a.test").findings if each.code == "fault-injected"]
    assert [each.pain for each in found] == [pain]


def test_a_fault_of_the_dns_is_part_of_the_story_of_the_name():
    from acme_server.faults.action import Stage
    from acme_server.faults.armed import Exchange
    from acme_server.faults.injection import tripped

    client = new_client()
    client.order("a.test")
    arm(client, {"kind": "rcode", "rcode": "SERVFAIL"}, endpoint="dns")
    for name in ("_acme-challenge.a.test", "_acme-challenge.b.test"):
        exchange = Exchange("dns", "QUERY", identifiers=(name,), rtype="TXT")
        tripped(client.server.world, exchange, Stage.AFTER, {"name": name, "type": "TXT"}, client.driver.now())
    assert "1 times" not in explained(client, "a.test").findings[-1].cause
    assert codes(explained(client, "a.test")) == ["challenge-not-responded", "fault-injected"]


def test_a_fault_that_let_no_order_be_is_found_by_the_name():
    client = new_client()
    arm(client, {"kind": "problem", "type": "serverInternal"}, endpoint="newOrder")
    assert client.order("a.test").status == 500
    told = explained(client, "a.test")
    assert (told.verdict, codes(told), told.findings[0].who) == ("stuck", ["server-failed", "fault-injected"], TEST)
    client.server.world.faults.clear()
    client.driver.pass_time(seconds=1)
    client.order("a.test")
    assert codes(explained(client, "a.test")) == ["challenge-not-responded"]


def test_an_order_whose_making_the_client_never_heard_of_has_that_fault():
    client = new_client()
    arm(client, "cut", endpoint="newOrder")
    client.order("a.test")
    assert codes(explained(client, "a.test")) == ["challenge-not-responded", "fault-injected"]


def test_an_account_that_was_closed_under_an_order_is_in_its_way():
    client = new_client()
    arm(client, "deactivate-account", endpoint="order")
    order = client.order("a.test")
    client.post(order.header("Location"))
    assert codes(explained(client, "a.test"), blocks=True) == ["account-closed"]


def test_what_came_out_well_in_spite_of_a_fault_has_no_findings():
    client = new_client()
    arm(client, {"kind": "latency", "seconds": 1})
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    client.post(client.post(order.header("Location")).json["certificate"])
    told = explained(client, "a.test")
    assert (told.verdict, told.findings) == ("healthy", ())


@pytest.mark.parametrize(("apart", "expected"), [(0, ["polls-early"]), (2, [])])
def test_a_client_that_polls_faster_than_retry_after_is_told(apart, expected):
    client = new_client(issuance_delay=timedelta(minutes=10))
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    for _ in range(5):
        client.post(order.header("Location"))
        client.driver.pass_time(seconds=apart)
    found = [each for each in explained(client, "a.test").findings if each.code == "polls-early"]
    assert [each.code for each in found] == expected
    assert all(each.who == CLIENT and "4 of the last 5 requests" in each.cause for each in found)


def test_a_client_that_is_sent_away_for_a_day_is_told():
    """Pain 9."""
    client = new_client(issuance_delay=timedelta(days=2), retry_after=timedelta(days=1))
    order = client.order("a.test")
    client.authorize(order)
    client.finalize(order, ["a.test"])
    client.post(order.header("Location"))
    found = explained(client, "a.test").findings[-1]
    assert (found.code, found.pain) == ("retry-after-long", 9)
    assert "2026-11-23T12:00:00Z" in found.cause


@pytest.mark.parametrize(("kind", "index"), [("dns-01", 1), ("http-01", 0)])
@pytest.mark.parametrize(("looked", "code"), [(False, "answer-in-place"), (True, "answer-late")])
def test_an_answer_that_is_in_place_now_is_told(kind, index, looked, code):
    """Pain 16: it came too late, or nobody says that it is there."""
    client, zone, responder = new_client(), Zone(), Responder()
    order = client.order("a.test")
    token = challenge(client, order, kind)[1]["token"]
    if looked:
        respond(client, order, kind)
    assert code not in codes(explained(client, "a.test", zone=zone, responder=responder))
    answer = KeyAuthorization(token, client.thumbprint)
    zone.add_txt("_acme-challenge.a.test", answer.dns_value)
    responder.add("a.test", token, answer.http_body)
    zone.clear_txt("_acme-challenge.a.test") if kind == "http-01" else responder.remove("a.test", token)
    found = [each for each in explained(client, "a.test", zone=zone, responder=responder).findings if each.code == code]
    assert [each.subject.rpartition("/")[2] for each in found] == [str(index)]
    assert not zone.history


def test_the_usual_settings_send_nobody_away_for_long():
    assert Settings().retry_after < timedelta(minutes=5)
