"""Requests that come whole are answered at once, the others in a task: nobody can tell which it was."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from tests.acme_server.rig import BASE, Client
from tests.acme_server.wire_rig import serving

BAD = (
    b"POST /new-order HTTP/1.1\r\nHost: acme.test\r\nContent-Type: application/jose+json\r\nContent-Length: 2\r\n\r\n{}"
)
CHUNKED = BAD.replace(b"Content-Length: 2", b"Transfer-Encoding: chunked").replace(b"{}", b"2\r\n{}\r\n0\r\n\r\n")
PLAIN = BAD.replace(b"application/jose+json", b"text/plain")
EMPTY = BAD.replace(b"Content-Length: 2", b"Content-Length: 0").removesuffix(b"{}")
LARGE = BAD.replace(b"Content-Length: 2", b"Content-Length: 70000").replace(b"{}", b" " * 70_000)
ENCODED = BAD.replace(b"Host", b"Content-Encoding: gzip\r\nHost")
HEAD = b"HEAD /nonce HTTP/1.1\r\nHost: acme.test\r\n\r\n"
LAST = HEAD.replace(b"Host", b"Connection: close\r\nHost")


async def talk(url: str, *parts: bytes) -> bytes:
    """Send the parts, each once the server has had its turns, and return all that comes until it hangs up."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for part in parts:
        writer.write(part)
        for _ in range(20):
            await asyncio.sleep(0)
    answer = await reader.read()
    writer.close()
    return answer


def without_chance(answer: bytes) -> bytes:
    return re.sub(rb"(Date|Replay-Nonce): [^\r]*", rb"\1: ?", answer)


@pytest.mark.parametrize(
    "request_", [BAD, CHUNKED, PLAIN, EMPTY, LARGE, ENCODED, BAD.replace(b"new-order", b"nowhere")]
)
async def test_a_request_is_answered_alike_whole_and_in_pieces(request_):
    async with serving() as (_, url):
        head, end, body = request_.partition(b"\r\n\r\n")
        whole = await talk(url, request_, LAST)
        pieces = await talk(url, head + end[:2], end[2:] + body[:1], body[1:], LAST)
        assert whole.startswith(b"HTTP/1.1 4")
        assert without_chance(pieces) == without_chance(whole)


@pytest.mark.parametrize("path", ["/nonce", "/account/"])
async def test_what_succeeds_is_answered_alike_whole_and_in_pieces(path):
    async with serving() as (server, url):
        account = Client(server)
        account.register()
        target = path if path == "/nonce" else account.kid.removeprefix(BASE)

        def signed() -> bytes:
            body = account.signed(BASE + target, None).body
            head = BAD.replace(b"/new-order", target.encode()).replace(b"Length: 2", b"Length: %d" % len(body))
            return head.removesuffix(b"{}") + body

        whole = await talk(url, signed(), LAST)
        again = signed()
        pieces = await talk(url, again[:-1], again[-1:], LAST)
        assert whole.startswith(b"HTTP/1.1 20")
        assert without_chance(pieces) == without_chance(whole)


async def test_pipelined_requests_are_answered_in_their_order():
    async with serving() as (_, url):
        answer = await talk(url, BAD + HEAD + PLAIN + BAD[:-1], BAD[-1:] + LAST)
        assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"400", b"200", b"415", b"400", b"200"]


async def test_many_pipelined_requests_are_all_answered():
    async with serving() as (_, url):
        answer = await talk(url, BAD * 300 + LAST)
        assert answer.count(b"HTTP/1.1 400 ") == 300
        assert len(set(re.findall(rb"Replay-Nonce: (\S+)", answer))) == 301


async def test_who_is_silent_after_an_answer_is_sent_away():
    async with serving(idle=0.2) as (_, url):
        assert (await talk(url, BAD)).startswith(b"HTTP/1.1 400 ")
        assert (await talk(url, BAD, BAD)).count(b"HTTP/1.1 400 ") == 2


@pytest.mark.parametrize("parts", [[BAD], [BAD[:-1], BAD[-1:]]], ids=["whole", "in pieces"])
async def test_our_own_failure_is_a_problem_document(parts, caplog):
    async with serving() as (server, url):
        server.handle = None
        head, _, body = (await talk(url, *parts, LAST)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 500 ")
        assert json.loads(body.partition(b"HTTP/1.1")[0])["type"].endswith(":serverInternal")
        assert "NoneType" in caplog.text
