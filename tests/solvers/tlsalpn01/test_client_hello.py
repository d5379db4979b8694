"""ClientHellos: real ones, however they are cut, and what is none."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvers.tlsalpn01.client_hello import LIMIT, MAX_RECORDS, ClientHello, read_client_hello

NAME = "www.gravel.example"


def hello(name=NAME, protocols=("acme-tls/1",)):
    """What Python's TLS says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    outgoing = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


HELLO = hello()
READ = ClientHello(NAME, ("acme-tls/1",))


@pytest.mark.parametrize("name", [NAME, None])
@pytest.mark.parametrize("protocols", [("acme-tls/1",), ("h2", "acme-tls/1"), ()])
def test_name_and_protocols_are_read(name, protocols):
    assert read_client_hello(hello(name, protocols)) == ClientHello(name or "", protocols)


@pytest.mark.parametrize("length", [0, 1, 4, 5, 6, 9, 100, len(HELLO) - 1])
def test_half_a_hello_wants_more(length):
    assert read_client_hello(HELLO[:length]) is None


def test_what_comes_after_it_is_no_matter():
    assert read_client_hello(HELLO + b"\x17junk") == READ


def cut(message, *places):
    """Return a message in several records."""
    ends = [*sorted(places), len(message)]
    pieces = [message[start:end] for start, end in zip([0, *ends], ends, strict=False) if start < end]
    return b"".join(b"\x16\x03\x01" + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@given(st.sets(st.integers(1, len(HELLO) - 6), max_size=MAX_RECORDS - 1))
def test_a_hello_may_come_in_several_records(places):
    assert read_client_hello(cut(HELLO[5:], *places)) == READ


NONE = {
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "an alert": bytes((21, 3, 3, 0, 2, 2, 0)),
    "a ServerHello": b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
    "another record after half of it": HELLO[:3] + b"\x00\x01\x01" + b"\x17\x03\x03\x00\x01\x00",
    "an empty record": b"\x16\x03\x01\x00\x00",
    "an empty message": b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
    "far too many pieces": cut(HELLO[5:], *range(1, MAX_RECORDS + 1)),
    "no end": b"\x16\x03\x01\xff\xff" + bytes((1,)) * LIMIT,
    "a length beyond the end": HELLO[:43] + b"\xff" + HELLO[44:],
}


@pytest.mark.parametrize("octets", NONE.values(), ids=NONE)
def test_what_is_no_hello_is_a_value_error(octets):
    with pytest.raises(ValueError, match=r"is not TLS|is no ClientHello|ends too early|is too long|too many pieces"):
        read_client_hello(octets)


def test_a_hello_of_old_has_no_extensions():
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    assert read_client_hello(cut(b"\x01" + len(body).to_bytes(3, "big") + body)) == ClientHello()


@given(st.lists(st.tuples(st.integers(5, len(HELLO) - 1), st.integers(0, 255)), max_size=5))
def test_no_garbled_hello_is_more_than_a_value_error(changes):
    octets = bytearray(HELLO)
    for at, octet in changes:
        octets[at] = octet
    try:
        found = read_client_hello(bytes(octets))
    except ValueError:
        return
    assert found is None or isinstance(found.server_name, str)
