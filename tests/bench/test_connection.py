"""The load client's reader of HTTP replies, in every cut that a network can make."""

from __future__ import annotations

import pytest

from bench.connection import loopback, take_reply

COUNTED = b'HTTP/1.1 201 Created\r\nReplay-Nonce: abc\r\nContent-Length: 4\r\n\r\n{"a"'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5;x=y\r\npedia\r\n0\r\n\r\n"
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + COUNTED
EMPTY = b"HTTP/1.1 204 No Content\r\nReplay-Nonce: abc\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "status", "body"),
    [(COUNTED, 201, b'{"a"'), (CHUNKED, 200, b"wikipedia"), (CONTINUED, 201, b'{"a"'), (EMPTY, 204, b"")],
    ids=["counted", "chunked", "after a 1xx", "without a body"],
)
def test_a_reply_is_taken_once_it_is_complete_and_what_follows_is_left(data, status, body):
    buffer = bytearray()
    for octet in data[:-1]:
        buffer.append(octet)
        assert take_reply(buffer) is None
    buffer += data[-1:] + b"HTTP/1.1 "
    reply = take_reply(buffer)
    assert (status, body) == (reply.status, reply.body)
    assert bytearray(b"HTTP/1.1 ") == buffer


def test_a_reply_to_head_has_no_body_whatever_its_length_says():
    reply = take_reply(bytearray(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nReplay-Nonce: abc\r\n\r\n"), bodiless=True)
    assert (reply.body, reply.headers["replay-nonce"]) == (b"", "abc")


def test_only_loopback_is_put_under_load():
    assert loopback("localhost", 80) == "127.0.0.1"
    with pytest.raises(SystemExit, match="not a loopback address"):
        loopback("192.0.2.1", 80)
