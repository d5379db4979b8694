"""A direct fetch on real sockets, plain and over TLS: what is said, what is heard, and when it hangs up."""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
from datetime import UTC, datetime, timedelta

import pytest
from yarl import URL

from acme_server import tls
from acme_server.direct_fetch import InvalidRequest, fetch_directly, write_request
from acme_server.network import Network
from acme_server.protocol.vantage import Fetch, HttpAnswer

SHORT = timedelta(milliseconds=60)
NAME = "www.gravel.example"
TLS = tls.create(random.Random(1).randbytes, datetime.now(UTC), (NAME,))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def written(question):
    return write_request(question, URL(question.url, encoded=True))


def test_a_request_names_the_urls_host_and_ends_with_itself():
    assert written(Fetch(f"http://{NAME}/a%2fb?c=%7E#d", headers=(("User-Agent", "gravel"),))) == (
        b"GET /a%2fb?c=%7E HTTP/1.1\r\nHost: www.gravel.example\r\nUser-Agent: gravel\r\nAccept: */*\r\n"
        b"Connection: close\r\n\r\n"
    )


def test_a_request_with_a_body_says_its_length():
    question = Fetch(f"https://{NAME}:8443", method="POST", headers=(("accept", "text/plain"),), body=b"\0\xffbody")
    assert written(question) == (
        b"POST / HTTP/1.1\r\nHost: www.gravel.example:8443\r\naccept: text/plain\r\nContent-Length: 6\r\n"
        b"Connection: close\r\n\r\n\0\xffbody"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://a.example:80/", "a.example"),
        ("https://a.example:443/", "a.example"),
        ("http://a.example:443/", "a.example:443"),
        ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ("http://[2001:db8::1]:81/", "[2001:db8::1]:81"),
        ("http://someone:secret@a.example/", "a.example"),
    ],
)
def test_the_host_header_is_the_urls_host_and_port(url, host):
    assert f"\r\nHost: {host}\r\n".encode() in written(Fetch(url))


@pytest.mark.parametrize(
    "question",
    [
        Fetch("http://a/", method="GET /x HTTP/1.1\r\nX: y\r\n\r\nGET"),
        Fetch("http://a/", method=""),
        Fetch("http://a/", headers=(("X: y\r\nZ", "v"),)),
        Fetch("http://a/", headers=(("X y", "v"),)),
        Fetch("http://a/", headers=(("", "v"),)),
        Fetch("http://a/", headers=(("X", "v\r\nZ: y"),)),
        Fetch("http://a/", headers=(("X", "v\ny"),)),
        Fetch("http://a/", headers=(("X", "v\0y"),)),
        Fetch("http://a/", headers=(("X", "snowman ☃"),)),
        Fetch("http://a/", headers=(("HOST", "b"),)),
        Fetch("http://a/", headers=(("Connection", "keep-alive"),)),
        Fetch("http://a/", headers=(("content-length", "0"),)),
        Fetch("http://a/", headers=(("Transfer-Encoding", "chunked"),)),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(question):
    with pytest.raises(InvalidRequest):
        written(question)


@pytest.mark.parametrize(
    "address",
    ["", "127.0.0.1", ":80", "[]:80", "::1:80", "[::1]", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "a:٣"],
)
async def test_what_is_no_address_is_not_dialled(address):
    async with contextlib.AsyncExitStack() as stack:
        vantage = Network()
        stack.push_async_callback(vantage.close)
        answer = await vantage(Fetch(f"http://{NAME}/", address=address))
    assert answer == HttpAnswer(error="invalid request", address=address)


@pytest.fixture(params=["http", "https"])
def scheme(request):
    return request.param


@pytest.fixture
def context(scheme, tmp_path):
    if scheme == "http":
        return None
    (tmp_path / "certificate.pem").write_text(TLS.certificate_pem)
    (tmp_path / "key.pem").write_text(TLS.key_pem)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return made


@contextlib.asynccontextmanager
async def server(converse, context=None, host="127.0.0.1", request_ends=b"\r\n\r\n"):
    """Converses once per connection; afterwards each must have been told that the client is gone."""

    async def connected(reader, writer):
        conversations.append(asyncio.current_task())
        try:
            await (reader.readuntil(request_ends) if request_ends else reader.read(1))
            await converse(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    conversations = []
    listening = await asyncio.start_server(connected, host, 0, ssl=context)
    host, port = listening.sockets[0].getsockname()[:2]
    yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    listening.close()
    for outcome in await asyncio.gather(*conversations, return_exceptions=True):
        assert outcome is None or isinstance(outcome, OSError), outcome


def says(*arrivals):
    async def converse(reader, writer):
        for octets in arrivals:
            writer.write(octets)
            await writer.drain()
            await asyncio.sleep(0)

    return converse


async def ask(scheme, address, **options):
    vantage = Network()
    answer = await vantage(Fetch(f"{scheme}://{NAME}/", address=address, verify=False, **options))
    await vantage.close()
    return answer


@pytest.mark.parametrize(
    "arrivals",
    [
        [OK],
        [bytes([octet]) for octet in OK],
        [b"HTTP/1.1 100 Continue\r\n\r\n", OK],
        [b"HTTP/1.1 200 OK\r\n\r\n", b"ok"],
        [b"HTTP/1.0 200 OK\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\no\r\n1\r\n", b"k\r\n0\r\n\r\n"],
    ],
    ids=["a length", "octet by octet", "an interim response", "until the end", "HTTP/1.0", "chunks"],
)
async def test_every_framing_is_read(scheme, context, arrivals):
    async with server(says(*arrivals), context) as address:
        answer = await ask(scheme, address)
    assert (answer.status, answer.body, answer.error) == (200, b"ok", None)


async def silence(reader, writer):
    await reader.read()


async def reset(reader, writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_in_the_body(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nha")
    await asyncio.sleep(0.02)
    await reset(reader, writer)


async def drip(reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def garbage_and_silence(reader, writer):
    writer.write(b"220 mail.example ESMTP\r\n")
    await reader.read()


FAILURES = {
    "silence": (silence, "timeout"),
    "a dripping head": (drip, "timeout"),
    "a reset": (reset, "connection reset"),
    "a reset where only the end can end the body": (reset_in_the_body, "connection reset"),
    "nothing": (says(), "connection reset"),
    "half a body": (says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "connection reset"),
    "another protocol, which waits": (garbage_and_silence, "malformed response"),
    "noise": (says(bytes(range(256))), "malformed response"),
    "too many headers": (says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000), "malformed response"),
}


@pytest.mark.parametrize("fault", FAILURES)
async def test_what_goes_wrong_has_one_short_text(scheme, context, fault):
    converse, text = FAILURES[fault]
    async with server(converse, context) as address:
        answer = await ask(scheme, address, **({"timeout": SHORT} if text == "timeout" else {}))
    assert answer == HttpAnswer(error=text, address=address)


async def test_the_connection_ends_with_the_response(scheme, context):
    """Whoever would hold it open sees its end, and an unread rest is not waited for."""

    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 1000)
            await writer.drain()

    async with server(endless, context) as address:
        assert len((await ask(scheme, address, limit=5000)).body) == 5000

    async def waits_for_the_end(reader, writer):
        writer.write(OK)
        await reader.read()

    async with server(waits_for_the_end, context) as address:
        assert (await ask(scheme, address)).body == b"ok"


@pytest.mark.parametrize(("converse", "text"), [(silence, "timeout"), (reset, "connection reset")])
async def test_a_handshake_that_does_not_end_well_has_one_short_text(converse, text):
    async with server(converse, request_ends=b"") as address:
        answer = await ask("https", address, **({"timeout": SHORT} if text == "timeout" else {}))
    assert answer == HttpAnswer(error=text, address=address)


async def test_a_final_dot_is_no_part_of_the_servers_name(tmp_path):
    (tmp_path / "certificate.pem").write_text(TLS.certificate_pem + TLS.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem")
    names = []
    context.sni_callback = lambda sock, name, _: names.append(name)
    async with server(says(OK), context) as address:
        trusting = Fetch(f"https://{NAME}./", address=address, trust=TLS.ca_pem)
        vantage = Network()
        assert (await vantage(trusting)).body == b"ok"
        await vantage.close()
    assert names == [NAME]


async def test_an_ipv6_address_is_dialled():
    try:
        async with server(says(OK), host="::1") as address:
            answer = await ask("http", address)
    except OSError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert (answer.body, answer.address) == (b"ok", address)


async def test_a_cancelled_fetch_hangs_up():
    gone = asyncio.Event()

    async def converse(reader, writer):
        started.set()
        await reader.read()
        gone.set()

    started = asyncio.Event()
    async with server(converse) as address:
        question = Fetch(f"http://{NAME}/", address=address)
        fetching = asyncio.create_task(fetch_directly(question, URL(question.url), None))
        await started.wait()
        fetching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetching
        await gone.wait()
