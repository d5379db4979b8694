"""The real vantage against real servers on loopback."""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from dnslib import RR, DNSRecord

from acme_server import network, tls
from acme_server.network import Network
from acme_server.protocol.vantage import DnsAnswer, DnsRecord, Elapsed, Fetch, HttpAnswer, Pause, Resolve

SHORT, LONG = timedelta(milliseconds=60), timedelta(seconds=20)
TLS = tls.create(random.Random(1).randbytes, datetime.now(UTC), ("gravel.example",))
OTHER_TLS = tls.create(random.Random(2).randbytes, datetime.now(UTC), ("gravel.example",))
NAME = "www.gravel.example"
HTTP_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def vantage():
    made = Network()
    yield made
    await made.close()


def address_of(server):
    host, port = server.sockets[0].getsockname()[:2]
    return f"{host}:{port}"


@contextlib.asynccontextmanager
async def raw_server(converse, context=None):
    """A TCP server that converses once per connection, then closes it."""

    async def connected(reader, writer):
        conversations.append(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await converse(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    conversations = []
    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    yield address_of(server)
    server.close()
    for conversation in conversations:
        conversation.cancel()
    await asyncio.gather(*conversations, return_exceptions=True)


@contextlib.asynccontextmanager
async def web_server(handler, context=None):
    runner = web.AppRunner(web.Application(), handler_cancellation=True)
    runner.app.router.add_route("*", "/{path:.*}", handler)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    host, port = runner.addresses[0]
    yield f"{host}:{port}"
    await runner.cleanup()


def replies(*chunks):
    """Read a request's head, then say the chunks."""

    async def converse(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()

    return converse


async def silence(reader, writer):
    await reader.read()


async def reset(reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def unused_address():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


async def test_a_fetch_carries_the_question_and_brings_back_the_reply(vantage):
    async def handler(request):
        seen.append((request.method, request.raw_path, request.headers["X-Question"], await request.read()))
        return web.Response(status=418, body=b"short and stout", headers={"X-Reply": "yes"})

    seen = []
    async with web_server(handler) as address:
        question = Fetch(f"http://{address}/a%2fb?c=%7E", method="POST", headers=(("X-Question", "q"),), body=b"body")
        answer = await vantage(question)
    assert seen == [("POST", "/a%2fb?c=%7E", "q", b"body")]
    assert (answer.status, answer.body, answer.header("x-reply")) == (418, b"short and stout", "yes")
    assert (answer.address, answer.error) == (address, None)


async def test_a_fetch_says_nothing_about_the_client_that_the_question_does_not(vantage):
    async def handler(request):
        seen.append({name: value for name, value in request.headers.items() if name != "Host"})
        return web.Response()

    seen = []
    async with web_server(handler) as address:
        await vantage(Fetch(f"http://{address}/"))
        await vantage(Fetch(f"http://{address}/", headers=(("User-Agent", "gravel"),)))
    assert seen == [{"Accept": "*/*"}, {"Accept": "*/*", "User-Agent": "gravel"}]


async def test_redirects_and_cookies_are_left_to_whoever_asks(vantage):
    async def handler(request):
        seen.append(request.headers.get("Cookie"))
        return web.Response(status=302, headers={"Location": "/elsewhere", "Set-Cookie": "a=b"})

    seen = []
    async with web_server(handler) as address:
        answers = [await vantage(Fetch(f"http://{address}/")) for _ in range(2)]
    assert [(answer.status, answer.header("Location")) for answer in answers] == [(302, "/elsewhere")] * 2
    assert seen == [None, None]


async def test_compressed_bodies_stay_as_they_are(vantage):
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n"
    async with raw_server(replies(head, b"\x1f\x8bxx")) as address:
        assert (await vantage(Fetch(f"http://{address}/"))).body == b"\x1f\x8bxx"


async def test_a_given_address_is_dialled_and_the_url_stays_the_urls(vantage):
    async def handler(request):
        seen.append((request.headers["Host"], request.raw_path, request.headers["Connection"]))
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text="ok")

    seen, peers = [], []
    async with web_server(handler) as address:
        answers = [await vantage(Fetch(f"http://{NAME}/token?q", address=address)) for _ in range(2)]
        await vantage(Fetch(f"http://{NAME}:8080/", address=address))
    assert [(answer.status, answer.body, answer.address) for answer in answers] == [(200, b"ok", address)] * 2
    assert seen == [(NAME, "/token?q", "close")] * 2 + [(f"{NAME}:8080", "/", "close")]
    assert len(dict.fromkeys(peers)) == 3, "no connection is shared"


async def test_ordinary_fetches_share_a_connection(vantage):
    async def handler(request):
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text="ok")

    peers = []
    async with web_server(handler) as address:
        for _ in range(3):
            await vantage(Fetch(f"http://{address}/"))
    assert len(peers) == 3
    assert len(dict.fromkeys(peers)) == 1


@pytest.mark.parametrize("size", [9, 10, 11, 1_000_000])
async def test_a_body_is_cut_at_the_limit(vantage, size):
    async def handler(request):
        return web.Response(body=b"x" * size)

    async with web_server(handler) as address:
        answer = await vantage(Fetch(f"http://{address}/", limit=10))
    assert (answer.status, answer.body) == (200, b"x" * min(size, 10))


async def test_an_endless_body_is_cut_at_the_limit(vantage):
    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 1000)
            await writer.drain()

    async with raw_server(endless) as address:
        assert len((await vantage(Fetch(f"http://{address}/", limit=5000))).body) == 5000


async def test_a_dripping_body_is_given_up_in_time(vantage):
    async def drip(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_server(drip) as address:
        assert (await vantage(Fetch(f"http://{address}/", timeout=SHORT))).error == "timeout"


FAILURES = {
    "silence": (silence, "timeout"),
    "a reset": (reset, "connection reset"),
    "nothing": (replies(), "connection reset"),
    "half a head": (replies(b"HTTP/1.1 200 OK\r\nConte"), "connection reset"),
    "half a body": (replies(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "connection reset"),
    "half a chunk": (replies(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), "connection reset"),
    "another protocol": (replies(b"220 mail.example ESMTP\r\n\r\n"), "malformed response"),
    "a header without end": (replies(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000), "malformed response"),
}


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("direct", [False, True], ids=["ordinary", "direct"])
async def test_what_goes_wrong_has_one_short_text(vantage, fault, direct):
    converse, text = FAILURES[fault]
    timeout = SHORT if text == "timeout" else LONG
    async with raw_server(converse) as address:
        url, dialled = (f"http://{NAME}/", address) if direct else (f"http://{address}/", None)
        answer = await vantage(Fetch(url, address=dialled, timeout=timeout))
    assert answer == HttpAnswer(error=text, address=address)


async def test_nobody_there_is_a_refused_connection(vantage):
    address = unused_address()
    for question in (Fetch(f"http://{address}/"), Fetch(f"http://{NAME}/", address=address)):
        assert await vantage(question) == HttpAnswer(error="connection refused", address=address)


async def test_a_name_that_does_not_exist_is_not_found(vantage, monkeypatch):
    """The system's resolver is the system's business; here it knows nothing."""

    def unknown(*arguments, **named):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert (await vantage(Fetch("http://gravel.invalid/"))).error == "name not found"
    assert await vantage(Resolve(NAME, "A", "ns.invalid:53")) == DnsAnswer(error="name not found")


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "ftp://gravel.example/", "http:///", "http://[::1/", "http://a:99999/", "http://a/\r\nX: y", "http://a/ b", "http://ü.example/"],
)  # fmt: skip
async def test_what_is_no_url_is_not_asked_for(vantage, url):
    assert await vantage(Fetch(url)) == HttpAnswer(error="invalid URL")


@pytest.fixture
def tls_server(tmp_path):
    (tmp_path / "certificate.pem").write_text(TLS.certificate_pem)
    (tmp_path / "key.pem").write_text(TLS.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    context.sni_callback = lambda sock, name, _: setattr(context, "seen", name)
    return context


@pytest.mark.parametrize(
    ("url", "trust", "verify", "expected"),
    [
        ("https://gravel.example/", TLS.ca_pem, True, None),
        ("https://gravel.example/", OTHER_TLS.ca_pem, True, "TLS: unable to get local issuer certificate"),
        ("https://gravel.example/", None, True, "TLS: unable to get local issuer certificate"),
        (
            "https://www.example/",
            TLS.ca_pem,
            True,
            "TLS: Hostname mismatch, certificate is not valid for 'www.example'.",
        ),
        ("https://gravel.example/", "junk", True, "TLS: the trusted roots are not PEM"),
        ("https://gravel.example/", "jünk", True, "TLS: the trusted roots are not PEM"),
        ("https://www.example/", None, False, None),
    ],
)
async def test_tls_trusts_who_it_is_told_to_trust(vantage, tls_server, url, trust, verify, expected):
    async def handler(request):
        return web.Response(text="ok")

    async with web_server(handler, tls_server) as address:
        answer = await vantage(Fetch(url, address=address, trust=trust, verify=verify))
    assert (answer.error, answer.body) == (expected, b"" if expected else b"ok")


async def test_tls_names_the_urls_host(vantage, tls_server):
    async with raw_server(replies(HTTP_OK), tls_server) as address:
        await vantage(Fetch("https://www.example:8443/", address=address, verify=False))
    assert tls_server.seen == "www.example"


async def test_no_tls_behind_an_https_url_is_a_tls_failure(vantage):
    async def converse(reader, writer):
        await reader.read(1)
        writer.write(HTTP_OK)

    async with raw_server(converse) as address:
        assert (await vantage(Fetch(f"https://{address}/", verify=False))).error == "TLS: wrong version number"


async def test_a_closed_network_can_be_closed_again():
    vantage = Network()
    await vantage(Fetch(f"http://{unused_address()}/"))
    await vantage.close()
    await vantage.close()


async def test_a_pause_lets_others_run(vantage):
    assert await vantage(Pause(timedelta(0))) == Elapsed()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(vantage(Pause(LONG)), 0.01)


class DnsServer(asyncio.DatagramProtocol):
    """A DNS server whose UDP datagrams are what `udp` makes of a query; over TCP it answers with `tcp`."""

    def __init__(self, udp, tcp=None):
        self.udp, self.tcp, self.queries = udp, tcp, []

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.queries.append((data, addr))
        for reply in self.udp(data):
            self.transport.sendto(bytes(reply), addr)

    async def converse(self, reader, writer):
        length = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(bytes(self.tcp(await reader.readexactly(length))))
        await writer.drain()


@contextlib.asynccontextmanager
async def dns_server(udp, tcp=None):
    """Both on one port number, which is free for UDP when it is for TCP (nobody else binds UDP here)."""
    made = DnsServer(udp, tcp)
    async with raw_server(made.converse) as address:
        host, port = address.split(":")
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: made, local_addr=(host, int(port)))
        made.address = address
        yield made
        transport.close()


def answering(*lines, **header):
    def reply(query):
        message = DNSRecord.parse(query).reply()
        for line in lines:
            message.add_answer(*RR.fromZone(line))
        for name, value in header.items():
            setattr(message.header, name, value)
        return message.pack()

    return reply


HERE = answering(f"{NAME} 60 IN A 192.0.2.1")
FOUND = DnsAnswer(records=(DnsRecord(f"{NAME}.", "A", "192.0.2.1"),))


def framed(reply):
    return lambda query: len(reply(query)).to_bytes(2, "big") + reply(query)


async def test_a_dns_answer_comes_from_the_server_in_the_question():
    async with dns_server(lambda query: [HERE(query)]) as server:
        assert await Network(unused_address())(Resolve(NAME, "A", server.address)) == FOUND
        assert await Network(server.address)(Resolve(NAME, "A")) == FOUND


async def test_without_a_server_the_system_names_one(tmp_path, monkeypatch):
    configuration = tmp_path / "resolv.conf"
    monkeypatch.setattr(network, "_RESOLV_CONF", configuration)
    for text, expected in (
        ("# nothing\nsearch example\n", "127.0.0.1:53"),
        ("nameserver 192.0.2.1\nnameserver 192.0.2.2\n", "192.0.2.1:53"),
        ("options edns0\nnameserver\nnameserver 2001:db8::1\n", "[2001:db8::1]:53"),
    ):
        configuration.write_text(text)
        assert network.system_nameserver() == expected


@pytest.mark.parametrize(
    ("server", "expected"),
    [("192.0.2.1:5353", ("192.0.2.1", 5353)), ("ns.example", ("ns.example", 53)), ("[::1]:8053", ("::1", 8053)), ("[::1]", ("::1", 53))],
)  # fmt: skip
def test_a_server_is_a_host_with_port_53_unless_it_names_another(server, expected):
    assert network._host_and_port(server) == expected


async def test_ids_and_source_ports_are_not_guessable():
    async with dns_server(lambda query: [HERE(query)]) as server:
        for _ in range(20):
            await Network(server.address)(Resolve(NAME, "A"))
    assert len({data[:2] for data, _ in server.queries}) > 10
    assert len({port for _, (_, port) in server.queries}) > 10


def forged(query):
    """What a stranger would send who does not know the id, or answers something else; then the true answer."""
    lie = answering(f"{NAME} A 203.0.113.66")
    wrong_id = bytes([query[0] ^ 1]) + bytes(lie(query))[1:]
    other = bytes(lie(query)).replace(b"gravel", b"grovel")
    return [b"", b"junk", wrong_id, other, query, HERE(query), lie(query)]


async def test_strays_and_forgeries_are_ignored():
    async with dns_server(forged) as server:
        assert await Network(server.address)(Resolve(NAME, "A", timeout=LONG)) == FOUND


async def test_a_truncated_answer_is_asked_for_again_over_tcp():
    lines = [f'{NAME} 60 IN TXT "{number:03} {"x" * 200}"' for number in range(100)]
    async with dns_server(lambda query: [answering(tc=1)(query)], framed(answering(*lines))) as server:
        answer = await Network(server.address)(Resolve(NAME, "TXT"))
    assert answer.values("TXT") == tuple(f"{number:03} {'x' * 200}" for number in range(100))


TCP_FAILURES = {
    "closed at once": (lambda query: b"", "connection reset"),
    "cut short": (lambda query: framed(HERE)(query)[:-1], "connection reset"),
    "another id": (lambda query: framed(answering(id=query[0] ^ 1))(query), "malformed reply"),
    "an empty message": (lambda query: b"\0\0", "malformed reply"),
}


@pytest.mark.parametrize("fault", TCP_FAILURES)
async def test_dns_over_tcp_can_fail(fault):
    tcp, text = TCP_FAILURES[fault]
    async with dns_server(lambda query: [answering(tc=1)(query)], tcp) as server:
        assert await Network(server.address)(Resolve(NAME, "A")) == DnsAnswer(error=text)


async def test_a_lost_datagram_is_sent_again():
    async with dns_server(lambda query: [HERE(query)] if len(server.queries) == 2 else []) as server:
        assert await Network(server.address)(Resolve(NAME, "A", timeout=timedelta(seconds=0.9))) == FOUND
    assert len({data for data, _ in server.queries}) == 1


async def test_a_silent_dns_server_is_given_up_in_time():
    async with dns_server(lambda query: []) as server:
        # Long enough for a busy machine to send, and to receive, each of the three.
        question = Resolve(NAME, "A", timeout=10 * SHORT)
        assert await Network(server.address)(question) == DnsAnswer(error="timeout")
    assert len(server.queries) == 3


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (Resolve(NAME, "A", "127.0.0.1:99999"), "invalid server address"),
        (Resolve(NAME, "ANY", "127.0.0.1:53"), "unsupported type ANY"),
        (Resolve("a..b", "A", "127.0.0.1:53"), "invalid name"),
    ],
)
async def test_what_cannot_be_asked_is_an_answer_too(vantage, question, text):
    assert await vantage(question) == DnsAnswer(error=text)


async def test_no_dns_server_is_a_refused_connection(vantage):
    assert await vantage(Resolve(NAME, "A", unused_address())) == DnsAnswer(error="connection refused")


async def test_a_garbled_dns_answer_is_malformed(vantage):
    async with dns_server(lambda query: [bytes(HERE(query))[:-1]]) as server:
        assert await vantage(Resolve(NAME, "A", server.address)) == DnsAnswer(error="malformed reply")


@pytest.mark.parametrize(("rtype", "address"), [("A", "127.0.0.1"), ("AAAA", "::1")])
@pytest.mark.parametrize("name", ["localhost", "acme.localhost", "Acme.LOCALHOST."])
async def test_without_a_nameserver_names_of_localhost_are_this_machine(vantage, name, rtype, address):
    answer = await vantage(Resolve(name, rtype, timeout=SHORT))
    assert answer == DnsAnswer(records=(DnsRecord(name, rtype, address),))
