"""The zone on real sockets."""

import asyncio
import errno
import random
import socket
import struct
from contextlib import suppress
from functools import partial

import pytest
from dnslib import QTYPE, RCODE, DNSHeader, DNSQuestion, DNSRecord

from solvers.dns import server as module
from solvers.dns.answer import answer
from solvers.dns.server import serve_dns
from solvers.dns.zone import Zone


@pytest.fixture
def zone():
    zone = Zone()
    zone.add_txt("_acme-challenge.example.test", "value")
    return zone


@pytest.fixture
async def server(zone):
    running = await serve_dns(zone, "127.0.0.1", 0)
    yield running
    await running.close()


def host_and_port(server):
    host, _, port = server.address.rpartition(":")
    return host.strip("[]"), int(port)


def query(name="_acme-challenge.example.test", rtype="TXT", number=1):
    return bytes(DNSRecord(DNSHeader(id=number), q=DNSQuestion(name, getattr(QTYPE, rtype))).pack())


def framed(message):
    return struct.pack("!H", len(message)) + message


async def read_framed(reader):
    (length,) = struct.unpack("!H", await reader.readexactly(2))
    return DNSRecord.parse(await reader.readexactly(length))


async def over_udp(server, *messages):
    """Send all messages from one socket; return the reply to the last."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(host_and_port(server))
        for message in messages:
            await loop.sock_sendall(client, message)
        while True:
            reply = await loop.sock_recv(client, 65535)
            if reply[:2] == messages[-1][:2]:
                return DNSRecord.parse(reply)


async def over_tcp(server, message):
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    writer.write(framed(message))
    reply = await read_framed(reader)
    writer.close()
    await writer.wait_closed()
    return reply


@pytest.mark.parametrize("ask", [over_udp, over_tcp])
async def test_a_question_is_answered_over_both_transports_on_one_port(server, ask):
    reply = await ask(server, query())
    assert b"".join(reply.a.rdata.data) == b"value"


async def test_what_is_shown_changes_between_two_questions(server, zone):
    assert (await over_udp(server, query("new.example.test"))).rr == []
    zone.add_txt("new.example.test", "value")
    assert len((await over_udp(server, query("new.example.test"))).rr) == 1


async def test_what_is_too_long_for_udp_is_asked_again_over_tcp(server, zone):
    for number in range(50):
        zone.add_txt("big.test", f"value {number}")
    assert (await over_udp(server, query("big.test"))).header.tc == 1
    reply = await over_tcp(server, query("big.test"))
    assert (reply.header.tc, len(reply.rr)) == (0, 50)
    assert [asked.transport for asked in zone.history] == ["udp", "tcp"]


async def test_a_connection_carries_several_queries_however_they_are_cut(server):
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    stream = b"".join(framed(query(number=number)) for number in range(1, 4))
    for start in range(0, len(stream), 7):
        writer.write(stream[start : start + 7])
        await writer.drain()
    assert [(await read_framed(reader)).header.id for _ in range(3)] == [1, 2, 3]
    writer.write(framed(query(number=4)))
    writer.write_eof()
    assert (await read_framed(reader)).header.id == 4
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_malformed_query_over_tcp_leaves_the_connection_usable(server):
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    writer.write(framed(query()[:-1]))
    assert (await read_framed(reader)).header.rcode == RCODE.FORMERR
    writer.write(framed(query()))
    assert (await read_framed(reader)).header.rcode == RCODE.NOERROR
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("garbage", [b"\x00\x00", b"\x00\x05hello", framed(b"\x00\x01\x80" + bytes(9))])
async def test_what_is_no_query_ends_a_connection(server, garbage):
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    writer.write(garbage)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_no_datagram_stops_the_server(server):
    noise = random.Random(4)
    good = query(number=0xFFFF)
    for _ in range(20):
        packets = [b"\x00" + noise.randbytes(noise.randrange(600)) for _ in range(20)]
        packets += [b"\x00" + bytes(byte ^ (noise.random() < 0.05) * 255 for byte in good[1:]) for _ in range(20)]
        assert (await over_udp(server, b"", *packets, good)).header.rcode == RCODE.NOERROR


async def test_no_stream_stops_the_server(server):
    noise = random.Random(5)
    for _ in range(100):
        _, writer = await asyncio.open_connection(*host_and_port(server))
        writer.write(noise.randbytes(noise.randrange(300)))
        writer.transport.abort()
    assert (await over_tcp(server, query())).header.rcode == RCODE.NOERROR


async def test_a_silent_connection_is_closed(server, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    writer.write(framed(query())[:10])
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_client_that_never_reads_is_dropped(server, zone, monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    zone.add_txt("big.test", "x" * 60000)
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    writer.write(framed(query()))
    await read_framed(reader)
    writer.transport.pause_reading()
    writer.write(framed(query("big.test")) * 900)
    await asyncio.wait(server._streams._open)
    assert len(zone.history) < 900
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_connections_beyond_the_bound_are_closed_at_once(server, monkeypatch):
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 1)
    reader, writer = await asyncio.open_connection(*host_and_port(server))
    writer.write(framed(query()))
    await read_framed(reader)
    refused, second = await asyncio.open_connection(*host_and_port(server))
    assert await refused.read() == b""
    second.close()
    await second.wait_closed()
    writer.write(framed(query()))
    assert (await read_framed(reader)).header.rcode == RCODE.NOERROR
    writer.close()
    await writer.wait_closed()


async def test_closing_ends_open_connections_and_frees_the_port(zone):
    server = await serve_dns(zone, "127.0.0.1", 0)
    host, port = host_and_port(server)
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(framed(query()))
    await read_framed(reader)
    await server.close()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()
    again = await serve_dns(zone, host, port)
    assert again.address == f"{host}:{port}"
    await again.close()


async def test_a_connection_that_is_accepted_while_closing_is_not_served(zone):
    streams = module._Streams(module._Replies(partial(answer, zone)), "")
    await streams.close()
    listener = await asyncio.start_server(streams.serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    listener.close()
    await listener.wait_closed()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
async def test_a_taken_port_is_an_os_error_and_nothing_stays_open(zone, kind):
    server = await serve_dns(zone, "127.0.0.1", 0)
    _, port = host_and_port(server)
    await server.close()
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        with pytest.raises(OSError, match="in use") as refused:
            await serve_dns(zone, "127.0.0.1", port)
        assert refused.value.errno == errno.EADDRINUSE
    server = await serve_dns(zone, "127.0.0.1", port)
    await server.close()


async def test_a_free_udp_port_whose_number_is_taken_for_tcp_is_not_the_last_try(zone, monkeypatch):
    start, refused = asyncio.start_server, []

    async def start_server(handler, host, port):
        if len(refused) < 3:
            refused.append(port)
            raise OSError("address in use")
        return await start(handler, host, port)

    monkeypatch.setattr(asyncio, "start_server", start_server)
    server = await serve_dns(zone, "127.0.0.1", 0)
    assert len(refused) == 3
    assert (await over_tcp(server, query())).header.rcode == RCODE.NOERROR
    await server.close()


async def test_an_ipv6_address_is_in_brackets(zone):
    try:
        server = await serve_dns(zone, "::1", 0)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert server.address.startswith("[::1]:")
    assert (await over_tcp(server, query())).header.rcode == RCODE.NOERROR
    await server.close()
