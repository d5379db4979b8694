"""What can be wrong with an answer, over the wire and in virtual time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import pytest

from acme_server.protocol.vantage import Resolve
from solvers.dns.answer import Late, answer, hear_answer
from solvers.dns.disturbance import AT_ONCE, NEVER, Disturbance
from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone

NAME = "www.example.test"
SOON = timedelta(milliseconds=30)


def a_zone():
    zone = Zone(default_addresses=[])
    zone.set_addresses(NAME, [f"192.0.2.{number}" for number in range(1, 9)])
    return zone


def ask(disturbance, rtype="A", *, udp=True):
    """Return the reply, and what the server asked about."""
    asked = []

    def disturb(*query):
        asked.append(query)
        return disturbance

    query = dns.message.make_query(NAME.upper(), rtype)
    reply = answer(a_zone(), query.to_wire(), udp=udp, disturb=disturb, server="127.0.0.2:53")
    assert asked == [(NAME, rtype, "127.0.0.2:53")]
    return reply if isinstance(reply, Late) else dns.message.from_wire(reply)


def counts(reply):
    return dns.rcode.to_text(reply.rcode()), sum(map(len, reply.answer)), sum(map(len, reply.authority))


@pytest.mark.parametrize(
    ("disturbance", "expected"),
    [
        (None, ("NOERROR", 8, 0)),
        (Disturbance(rcode="SERVFAIL"), ("SERVFAIL", 0, 0)),
        (Disturbance(rcode="NXDOMAIN"), ("NXDOMAIN", 0, 1)),
        (Disturbance(no_data=True), ("NOERROR", 0, 1)),
        (Disturbance(loop=True), ("NOERROR", 1, 0)),
        (Disturbance(zone=Zone(default_addresses=["192.0.2.99"])), ("NOERROR", 1, 0)),
        (Disturbance(truncated=True), ("NOERROR", 0, 0)),
        (Disturbance(rcode="REFUSED", ttl=7, order=b"seed"), ("REFUSED", 0, 0)),
    ],
    ids=["none", "servfail", "nxdomain", "no data", "loop", "other data", "cut", "edited error"],
)
def test_the_answer_is_as_the_disturbance_says(disturbance, expected):
    assert expected == counts(ask(disturbance))


def test_a_loop_is_an_alias_for_itself():
    (rrset,) = ask(Disturbance(loop=True), "TXT").answer
    assert str(rrset).lower() == f"{NAME}. 1 in cname {NAME}."


def test_truncation_is_of_udp_only():
    assert ask(Disturbance(truncated=True)).flags & dns.flags.TC
    reply = ask(Disturbance(truncated=True), udp=False)
    assert (reply.flags & dns.flags.TC, counts(reply)) == (0, ("NOERROR", 8, 0))


@pytest.mark.parametrize(("rtype", "section"), [("A", "answer"), ("TXT", "authority")])
def test_a_ttl_is_that_of_every_record(rtype, section):
    (rrset,) = getattr(ask(Disturbance(ttl=86400), rtype), section)
    assert rrset.ttl == 86400


def test_the_order_follows_from_its_seed():
    def order(seed):
        (rrset,) = ask(Disturbance(order=seed)).answer
        return [str(record) for record in rrset]

    orders = [order(bytes([seed])) for seed in range(20)]
    assert orders == [order(bytes([seed])) for seed in range(20)]
    assert len({tuple(each) for each in orders}) > 10
    assert {frozenset(each) for each in orders} == {frozenset(orders[0])}


def test_an_answer_can_be_late_or_never_come():
    late = ask(Disturbance(delay=SOON))
    assert (late.delay, counts(dns.message.from_wire(late.reply))) == (SOON, ("NOERROR", 8, 0))
    assert ask(Disturbance(delay=NEVER)).delay == NEVER


def test_what_is_no_question_of_the_internet_class_is_not_disturbed():
    def disturb(*query):
        raise AssertionError

    query = dns.message.make_query(NAME, "A", "CH")
    for message in (query.to_wire(), query.to_wire()[:-1], b""):
        answer(a_zone(), message, udp=True, disturb=disturb)


def test_the_history_says_what_was_answered():
    zone = a_zone()
    answer(
        zone, dns.message.make_query(NAME, "A").to_wire(), udp=True, disturb=lambda *_: Disturbance(rcode="SERVFAIL")
    )
    assert [asked.rcode for asked in zone.history] == ["SERVFAIL"]


@pytest.mark.parametrize(
    ("disturbance", "expected"),
    [
        (None, (AT_ONCE, "NOERROR", 8)),
        (Disturbance(rcode="SERVFAIL"), (AT_ONCE, "SERVFAIL", 0)),
        (Disturbance(no_data=True), (AT_ONCE, "NOERROR", 0)),
        (Disturbance(truncated=True), (AT_ONCE, "NOERROR", 8)),
        (Disturbance(delay=SOON), (SOON, "NOERROR", 8)),
        (Disturbance(delay=NEVER), (NEVER, "NOERROR", 8)),
    ],
    ids=str,
)
def test_in_virtual_time_it_is_the_same(disturbance, expected):
    asked = []
    delay, heard = hear_answer(
        a_zone(), Resolve(NAME, "a", "127.0.0.2:53"), lambda *query: asked.append(query) or disturbance
    )
    assert expected == (delay, heard.rcode, len(heard.records))
    assert asked == [(NAME, "A", "127.0.0.2:53")]


@pytest.fixture
async def disturbed():
    """Serve a zone whose disturbance a test sets; return how to ask it."""
    state = {}
    server = await serve_dns(a_zone(), "127.0.0.1", 0, disturb=lambda *_: state["now"])
    port = int(server.address.rpartition(":")[2])

    async def ask(disturbance, over=dns.asyncquery.udp, patience=20):
        state["now"] = disturbance
        return await over(dns.message.make_query(NAME, "A"), "127.0.0.1", timeout=patience, port=port)

    yield ask
    await server.close()


@pytest.mark.parametrize("over", [dns.asyncquery.udp, dns.asyncquery.tcp])
async def test_on_sockets_a_late_answer_comes_and_lets_others_pass(disturbed, over):
    finished = []

    async def one(name, delay):
        assert counts(await disturbed(Disturbance(delay=delay), over)) == ("NOERROR", 8, 0)
        finished.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(one("late", timedelta(seconds=0.5)))
        await asyncio.sleep(0.05)
        group.create_task(one("prompt", AT_ONCE))
    assert finished == ["prompt", "late"]


@pytest.mark.parametrize("over", [dns.asyncquery.udp, dns.asyncquery.tcp])
async def test_on_sockets_no_answer_is_silence_and_not_a_closed_connection(disturbed, over):
    with pytest.raises(dns.exception.Timeout):
        await disturbed(Disturbance(delay=NEVER), over, patience=0.2)


async def test_a_server_closes_while_answers_wait():
    server = await serve_dns(a_zone(), "127.0.0.1", 0, disturb=lambda *_: Disturbance(delay=SOON))
    host, port = server.address.split(":")
    asking = asyncio.create_task(
        dns.asyncquery.udp(dns.message.make_query(NAME, "A"), host, timeout=SOON.total_seconds() * 3, port=int(port))
    )
    await asyncio.sleep(SOON.total_seconds() / 3)
    await server.close()
    with pytest.raises((dns.exception.Timeout, OSError)):
        await asking
