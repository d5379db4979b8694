"""HTTP by hand: what is read of servers that do not behave."""

import socket
from contextlib import closing
from threading import Thread

import pytest

from conformance.options import Options
from conformance.raw import head
from conformance.session import Session
from conformance.verdict import Failed, NotReachable

URL = "http://127.0.0.1:{}/dir"


def replying(octets, listener, held):
    line, _ = listener.accept()
    held.append(line)
    line.recv(65536)
    line.sendall(octets)
    if octets:
        line.close()


@pytest.fixture
def converse():
    """Converse with a server that says some octets and hangs up, or that says nothing at all."""
    held = []

    def run(octets, **more):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            Thread(target=replying, args=(octets, listener, held), daemon=True).start()
            url = URL.format(listener.getsockname()[1])
            with closing(Session(Options(directory=url))) as session:
                return [one.status for one in session.raw(url, head("GET", url), **more)]

    yield run
    for line in held:
        line.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
NONE = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("octets", "most", "statuses"),
    [
        (OK + NONE + OK, 9, [200, 204, 200]),
        (OK + NONE, 1, [200]),
        (OK.replace(b"200", b"400").replace(b"OK", b"OK\r\nConnection: close") + NONE, 9, [400]),
        (OK + b"no HTTP\r\n\r\n", 9, [200]),
        (b"HTTP/1.1 ", 1, []),
    ],
)
def test_replies_are_read_until_there_are_no_more(converse, octets, most, statuses):
    assert converse(octets, most=most) == statuses


def test_a_server_that_neither_answers_nor_hangs_up_fails(converse, monkeypatch):
    monkeypatch.setattr("conformance.raw.TIMEOUT", 0.1)
    with pytest.raises(Failed, match=r"neither within 0\.1 s"):
        converse(b"")


def test_a_server_that_is_not_there_is_not_reachable():
    with closing(Session(Options(directory=URL.format(1)))) as session, pytest.raises(NotReachable):
        session.raw(URL.format(1), b"")
