"""Attacks on HTTP itself: methods, types, sizes, and what is no HTTP (rows 43 to 56 without 48, 49 and 50)."""

from __future__ import annotations

import gzip

import pytest

from acme_server.exchange import Request
from tests.acme_server.attack_rig import attack, table
from tests.acme_server.rig import BASE, JOSE


def typed(value):
    headers = {} if value is None else {"content-type": value}
    return lambda attacker: attacker.send_jws(attacker.jws(), headers=headers)


def method(name):
    return lambda attacker: attacker.get("/new-order", name)


def order_with_payload(attacker):
    return attacker.post(attacker.order("read.example.org").header("Location"), {})


def without_user_agent(attacker):
    request = attacker.signed(attacker.kid, None)
    return attacker.alone(Request("POST", request.path, {**request.headers, "user-agent": ""}, request.body))


def http(*lines, body=b"", version=b"HTTP/1.1"):
    """A request for new-order in plain bytes."""
    end = b"\r\n".join((version, b"Host: acme.test", b"User-Agent: attacker", *lines)) + b"\r\n\r\n" + body
    return lambda attacker: attacker.raw(b"POST " + attacker.wire("/new-order").encode() + b" " + end)


def get(path):
    return lambda attacker: attacker.raw(
        b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nUser-Agent: attacker\r\nContent-Length: 0\r\n\r\n"
    )


JOSE_TYPE = b"Content-Type: application/jose+json"
CHUNKED = b"Transfer-Encoding: chunked"
BOMB = gzip.compress(b" " * 2_000_000)

ATTACKS = table(
    attack(
        43,
        "Content-Type",
        {
            str(value): typed(value)
            for value in (None, "application/json", "application/jose+json; charset=utf-8", "text/plain")
        },
        rfc8555="415 malformed",
        boulder="400 malformed",
    ),
    attack(44, "method", {name: method(name) for name in ("GET", "PUT", "DELETE")}, rfc8555="405 malformed"),
    attack(45, "payload for what is read", order_with_payload, rfc8555="400 malformed"),
    attack(
        46,
        "body beyond the limit,",
        {
            "announced": http(JOSE_TYPE, b"Content-Length: 70000", body=b" " * 70_000),
            "in chunks": http(JOSE_TYPE, CHUNKED, body=b"11170\r\n" + b" " * 70_000 + b"\r\n0\r\n\r\n"),
            "never sent": http(JOSE_TYPE, b"Content-Length: 9999999999", body=b" " * 70_000),
        },
        rfc8555="413 malformed",
        boulder="403 unauthorized",
    ),
    attack(
        47,
        "gzip bomb",
        lambda one: one.send_jws(BOMB, f"{BASE}/new-order", {**JOSE, "content-encoding": "gzip"}),
        rfc8555="415 malformed",
        boulder="400 malformed",
    ),
    attack(
        51,
        "headers:",
        {
            "1,000": http(*(b"X-%d: y" % number for number in range(1000))),
            "of 9 kB": http(b"X: " + b"y" * 9000),
            "trailers without end": http(
                JOSE_TYPE,
                CHUNKED,
                body=b"1\r\n{\r\n0\r\n" + b"".join(b"X-%d: y\r\n" % number for number in range(1000)),
            ),
        },
        rfc8555="400 malformed",
    ),
    attack(
        52,
        "smuggling:",
        {
            "length and chunks": http(b"Content-Length: 5", CHUNKED, body=b"0\r\n\r\nGET /dir HTTP/1.1\r\n\r\n"),
            "two lengths": http(b"Content-Length: 5", b"Content-Length: 6", body=b"{}{}{}"),
            "two hosts": http(b"Host: evil.test"),
            "folded header": http(b"X: y", b" z"),
            "broken chunk": http(JOSE_TYPE, CHUNKED, body=b"zz\r\n{\r\n0\r\n\r\n"),
            "bare LF": lambda one: one.raw(b"POST /new-order HTTP/1.1\nHost: a\n\n"),
        },
        rfc8555="400 malformed",
    ),
    attack(52, "absolute form", get(b"https://evil.test/nowhere"), rfc8555="404 malformed", pebble="404"),
    attack(53, "no User-Agent", without_user_agent, rfc8555="200", pebble="400 malformed"),
    attack(
        54,
        "path",
        {path.decode(): get(path) for path in (b"/acme/..%2f", b"/order/%00", b"//dir", b"/../dir")},
        rfc8555="404 malformed",
        pebble="404",
    ),
    attack(
        56,
        "no HTTP:",
        {
            "noise": lambda one: one.raw(b"\x16\x03\x01 hello\r\n\r\n"),
            "version": http(version=b"HTTP/9.9"),
            "header without a colon": http(b"nonsense"),
            "control character": http(b"X: \0"),
            "negative length": http(b"Content-Length: -1"),
        },
        rfc8555="400 malformed",
    ),
)


@pytest.mark.parametrize("row", ATTACKS, ids=str)
def test_each_attack_has_one_answer(attacker, row, personality):
    row.carry_out(attacker, personality)
