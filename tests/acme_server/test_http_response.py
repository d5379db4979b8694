"""One HTTP/1.1 response: what is read, what is refused, and that the way it arrives makes no difference."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme_server.http_response import CHUNK_LINE_LIMIT, HEAD_LIMIT, MalformedResponse, Response, read_response

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(*arrivals, method="GET", limit=100):
    """Send the arrivals, then the end of the connection, until the response is there."""
    reading = read_response(method, limit)
    next(reading)
    try:
        for octets in (*filter(None, arrivals), b""):
            reading.send(octets)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for more after the end")


def one_by_one(message):
    return [bytes([octet]) for octet in message]


def padded(size):
    """A head of so many octets, and a body."""
    frame = OK + b"Content-Length: 2\r\nX: \r\n\r\n"
    return frame.replace(b"X: ", b"X: " + b"x" * (size - len(frame))) + b"ok"


def chunk_line(size):
    return CHUNKED + b"2;" + b"x" * (size - 4) + b"\r\nok\r\n0\r\n\r\n"


GOOD = {
    "a length": OK + b"Content-Length: 2\r\n\r\nokay",
    "no length": OK + b"\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "an empty reason": b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "chunks": CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
    "chunks in capitals": OK + b"TRANSFER-ENCODING: Chunked\r\n\r\n02\r\nok\r\n000\r\n\r\n",
    "chunk extensions": CHUNKED + b'2 ;a=b;c="d"\r\nok\r\n0;e\r\n\r\n',
    "trailers": CHUNKED + b"2\r\nok\r\n0\r\nA: b\r\nC: d\r\n\r\n",
    "what follows the last chunk": CHUNKED + b"2\r\nok\r\n0\r\n\r\nHTTP/1.1 500",
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"\r\nok",
    "the longest head": padded(HEAD_LIMIT),
    "the longest chunk line": chunk_line(CHUNK_LINE_LIMIT),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_response_is_read_however_it_arrives(case):
    whole, in_pieces = read(GOOD[case]), read(*one_by_one(GOOD[case]))
    assert (whole.status, whole.body) == (200, b"ok")
    assert whole == in_pieces


MALFORMED = {
    "another protocol": b"220 mail.example ESMTP\r\n\r\n",
    "another protocol's first octets": b"22",
    "a blank line first": b"\r\n" + OK + b"\r\nok",
    "another version": b"HTTP/2.0 200 OK\r\n\r\n",
    "TLS": b"\x15\x03\x01\0\2\2\x46",
    "a status of two digits": b"HTTP/1.1 99 Low\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 High\r\n\r\n",
    "a status that begins with zero": b"HTTP/1.1 020 Low\r\n\r\n",
    "a carriage return in the reason": b"HTTP/1.1 200 O\rK\r\n\r\n",
    "another protocol from here": b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK + b"\r\nok",
    "no colon": OK + b"nocolon\r\n\r\nok",
    "no name": OK + b": value\r\n\r\nok",
    "a space in a name": OK + b"A b: c\r\n\r\nok",
    "a space after a name": OK + b"A : c\r\n\r\nok",
    "a carriage return in a value": OK + b"A: b\rc\r\n\r\nok",
    "two carriage returns": OK + b"A: b\r\r\n\r\nok",
    "a zero octet in a value": OK + b"A: b\0c\r\n\r\nok",
    "a fold before every header": OK + b" A: b\r\n\r\nok",
    "a head that is too long": padded(HEAD_LIMIT + 1),
    "a head without end": OK + b"X: " + b"x" * HEAD_LIMIT,
    "interim responses without end": b"HTTP/1.1 100 Continue\r\n\r\n" * (HEAD_LIMIT // 25 + 1),
    "an empty length": OK + b"Content-Length: \r\n\r\nok",
    "a negative length": OK + b"Content-Length: -2\r\n\r\nok",
    "a signed length": OK + b"Content-Length: +2\r\n\r\nok",
    "a length of other digits": OK + "Content-Length: ٢\r\n\r\nok".encode(),
    "a length beyond reason": OK + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nok",
    "two lengths": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "a list of lengths": OK + b"Content-Length: 2, 2\r\n\r\nok",
    "a length and chunks": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "a coding nobody asked for": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "two codings": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "no chunk size": CHUNKED + b"\r\nok\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "a chunk size with a prefix": CHUNKED + b"0x2\r\nok\r\n0\r\n\r\n",
    "a chunk size beyond reason": CHUNKED + b"0" * 16 + b"\r\n\r\n",
    "a carriage return in a chunk line": CHUNKED + b"2;\ra\r\nok\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"2\r\noktoo\r\n0\r\n\r\n",
    "a chunk line that is too long": chunk_line(CHUNK_LINE_LIMIT + 1),
    "a chunk line without end": CHUNKED + b"2;" + b"x" * CHUNK_LINE_LIMIT,
    "a trailer without colon": CHUNKED + b"0\r\nnocolon\r\n\r\n",
    "trailers without end": CHUNKED + b"0\r\n" + b"A: b\r\n" * (HEAD_LIMIT // 6 + 1),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_response_is_malformed_however_it_arrives(case):
    for arrivals in ([MALFORMED[case]], one_by_one(MALFORMED[case])):
        with pytest.raises(MalformedResponse):
            read(*arrivals)


CUT_SHORT = {
    "nothing": b"",
    "a word": b"HTT",
    "half a head": OK + b"Conte",
    "an interim response alone": b"HTTP/1.1 100 Continue\r\n\r\n",
    "half a body": OK + b"Content-Length: 9\r\n\r\nhalf",
    "half a chunk line": CHUNKED + b"2",
    "half a chunk": CHUNKED + b"9\r\nhalf",
    "half a chunk's end": CHUNKED + b"2\r\nok\r",
    "no last chunk": CHUNKED + b"2\r\nok\r\n",
    "no end of trailers": CHUNKED + b"2\r\nok\r\n0\r\nA: b\r\n",
}


@pytest.mark.parametrize("case", CUT_SHORT)
def test_a_response_that_is_cut_short_is_a_reset(case):
    for arrivals in ([CUT_SHORT[case]], one_by_one(CUT_SHORT[case])):
        with pytest.raises(ConnectionResetError):
            read(*arrivals)


def test_headers_are_kept_in_order_and_as_they_are_spelled():
    head = b"B:  two words \t\r\na: 1\r\nB: \xc3\xbc\xff\r\nE:\r\nF: folded\r\n \tover\r\n\tthree\r\n"
    expected = (("B", "two words"), ("a", "1"), ("B", "ü\udcff"), ("E", ""), ("F", "folded over three"))
    assert read(OK + head + b"\r\n") == Response(200, expected, b"")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_some_responses_have_no_body_whatever_their_headers_say(method, status):
    reading = read_response(method, 100)
    next(reading)
    with pytest.raises(StopIteration) as end:
        reading.send(b"HTTP/1.1 %d X\r\nContent-Length: 5\r\n\r\n" % status)
    assert end.value.value == Response(status, (("Content-Length", "5"),), b"")


@pytest.mark.parametrize("limit", [0, 1, 9, 10, 11])
@pytest.mark.parametrize(
    "message",
    [
        OK + b"Content-Length: 10\r\n\r\n0123456789",
        OK + b"\r\n0123456789",
        CHUNKED + b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n",
    ],
    ids=["length", "end", "chunks"],
)
def test_a_body_is_cut_at_the_limit(message, limit):
    for arrivals in ([message], one_by_one(message)):
        assert read(*arrivals, limit=limit).body == b"0123456789"[:limit]


@pytest.mark.parametrize("head", [OK + b"Content-Length: 99999999999\r\n\r\n", OK + b"\r\n", CHUNKED + b"fffffff\r\n"])
def test_nothing_is_waited_for_once_the_limit_is_reached(head):
    reading = read_response("GET", 10)
    next(reading)
    reading.send(head + b"x" * 9)
    with pytest.raises(StopIteration) as end:
        reading.send(b"x")
    assert end.value.value.body == b"x" * 10


def test_many_small_chunks_in_one_arrival_are_read():
    message = CHUNKED + b"1\r\nx\r\n" * 65536 + b"0\r\n\r\n"
    assert read(message, limit=1 << 20).body == b"x" * 65536


def cut(message, places):
    marks = [0, *sorted(place % (len(message) + 1) for place in places), len(message)]
    return [message[start:end] for start, end in itertools.pairwise(marks)]


@given(st.lists(st.binary(max_size=30), max_size=6), st.lists(st.integers(0, 1000), max_size=8), st.integers(0, 60))
def test_chunks_say_what_they_hold(parts, places, limit):
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + b"0\r\n\r\n"
    assert read(*cut(CHUNKED + chunks, places), limit=limit).body == b"".join(parts)[:limit]


def outcome_of(arrivals):
    try:
        return read(*arrivals)
    except (MalformedResponse, ConnectionResetError) as error:
        return type(error)


@given(
    st.sampled_from([*GOOD.values(), *CUT_SHORT.values()]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_damage_is_read_or_refused_the_same_however_it_arrives(message, changes, places):
    damaged = bytearray(message[:300])
    for place, octet in changes:
        if place < len(damaged):
            damaged[place] = octet
    assert outcome_of([bytes(damaged)]) == outcome_of(cut(bytes(damaged), places))


@given(st.binary(max_size=200))
def test_no_octets_raise_anything_else(octets):
    outcome_of([octets])
    outcome_of([CHUNKED + octets])
    outcome_of([OK + octets])
