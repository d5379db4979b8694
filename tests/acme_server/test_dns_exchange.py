"""DNS messages that are sent as they are: over UDP and TCP, to servers that answer well, badly, late or not at all."""

import asyncio
from datetime import timedelta

import pytest

from acme_server.dns_messages import is_answer_to
from acme_server.network import Network
from acme_server.protocol.vantage import Reply, Send
from tests.acme_server.test_network import dns_server, unused_address

UPDATE = bytes.fromhex("1234 2800 0001 0000 0001 0000") + b"what the network does not read"
GOOD = bytes.fromhex("1234 a800 0000 0000 0000 0000")
REFUSED = bytes.fromhex("1234 a805 0000 0000 0000 0000")


@pytest.fixture
async def network():
    network = Network()
    yield network
    await network.close()


def framed(message):
    return lambda _: len(message).to_bytes(2, "big") + message


@pytest.mark.parametrize("reply", [GOOD, REFUSED, GOOD + bytes(5000)], ids=["good", "refused", "long"])
@pytest.mark.parametrize("tcp", [False, True])
async def test_a_message_goes_out_as_it_is_and_its_reply_comes_back_as_it_is(network, tcp, reply):
    async with dns_server(lambda query: [reply], framed(reply)) as server:
        assert await network(Send(UPDATE, server.address, tcp)) == Reply(reply)
        assert [query for query, _ in server.queries] == ([] if tcp else [UPDATE])


STRAYS = [
    b"",
    GOOD[:11],
    b"\x12\x35" + GOOD[2:],
    bytes.fromhex("1234 2800 0000 0000 0000 0000"),
    bytes.fromhex("1234 8000 0000 0000 0000 0000"),
]


@pytest.mark.parametrize("stray", STRAYS, ids=["empty", "short", "other id", "no reply", "other opcode"])
async def test_a_stray_is_passed_over_by_udp_and_an_error_by_tcp(network, stray):
    assert not is_answer_to(UPDATE, stray)
    async with dns_server(lambda query: [stray, GOOD], framed(stray)) as server:
        assert await network(Send(UPDATE, server.address)) == Reply(GOOD)
        assert await network(Send(UPDATE, server.address, tcp=True)) == Reply(error="malformed reply")


async def test_a_datagram_that_is_lost_is_sent_again(network):
    async with dns_server(lambda query: [GOOD] if len(server.queries) == 2 else []) as server:
        assert await network(Send(UPDATE, server.address, timeout=timedelta(seconds=0.3))) == Reply(GOOD)


async def test_a_silent_server_is_given_up(network):
    async with dns_server(lambda query: []) as server:
        reply = await asyncio.wait_for(network(Send(UPDATE, server.address, timeout=timedelta(seconds=0.03))), 60)
        assert reply == Reply(error="timeout")


@pytest.mark.parametrize("tcp", [False, True])
async def test_no_server_is_a_refused_connection(network, tcp):
    assert await network(Send(UPDATE, unused_address(), tcp)) == Reply(error="connection refused")


async def test_a_connection_that_ends_too_early_is_reset(network):
    async with dns_server(lambda query: [], lambda _: b"\x00") as server:
        assert await network(Send(UPDATE, server.address, tcp=True)) == Reply(error="connection reset")


async def test_what_is_no_address_is_said(network):
    assert (await network(Send(UPDATE, "127.0.0.1:port"))).error == "invalid server address"
